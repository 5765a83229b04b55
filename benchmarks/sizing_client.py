"""The same load by the product's own client. `python -m benchmarks.sizing_client PLAN`; closed loop only.

See `benchmarks.client` for what a plan and an outcome are.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict
from uuid import uuid4

from benchmarks.client import Outcome, Plan, cpu_s, thousandths
from shared.client import SizingClient
from shared.schemas.sizing import SizingRequest

TIMEOUT_S = 30.0
TRADE = {"setup_id": "s-1", "instrument": "XAUUSD", "side": "buy"}
ENTRIES = [
    {"entry_price": "1950.00", "stop_loss": "1945.00", "take_profit": "1965.00"},
    {"entry_price": "1948.00", "stop_loss": "1943.00"},
    {"entry_price": "1946.00", "stop_loss": "1941.00"},
]


class Caller:
    """Keeps `in_flight` calls open, and counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._users = random.Random()  # noqa: S311  # no secrets
        self._latencies: list[float] = []
        self._asked = self._approved = 0
        self._counting = self._closing = False

    async def run(self) -> Outcome:
        """Connect, warm up, measure, and wait for what is still open."""
        async with SizingClient(self._plan.url) as lotwise, asyncio.TaskGroup() as calls:
            for _ in range(self._plan.in_flight):
                calls.create_task(self._call(lotwise))
            await asyncio.sleep(self._plan.warm_up_s)
            started, cpu = time.perf_counter(), cpu_s()
            self._counting = True
            await asyncio.sleep(self._plan.seconds)
            self._counting, self._closing = False, True
            seconds, taken = time.perf_counter() - started, cpu_s() - cpu
        latencies = self._latencies
        return Outcome(self._asked, len(latencies), self._approved, seconds, thousandths(latencies), taken)

    async def _call(self, lotwise: SizingClient) -> None:
        while not self._closing:
            self._asked += 1
            asked = time.perf_counter()
            decision = await lotwise.size(self._request(), timeout_s=TIMEOUT_S)
            if self._counting:
                self._latencies.append(time.perf_counter() - asked)
                self._approved += decision.status == "approved"

    def _request(self) -> SizingRequest:
        user = f"u-{self._users.randrange(self._plan.users) + 1}"
        return SizingRequest.model_validate({"request_id": uuid4(), "user_id": user, **TRADE, "entries": ENTRIES})


if __name__ == "__main__":
    result = asyncio.run(Caller(Plan(**json.loads(sys.argv[1]))).run())
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
