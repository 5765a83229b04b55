"""The load: a lean AMQP client that asks for sizes, in a process of its own. `python -m benchmarks.client PLAN`.

PLAN is JSON: see `Plan`. It prints one line of JSON: see `Outcome`. One level below aio-pika, because the client shares
two cores with what it measures; its own share of processor time is reported.

Closed loop: `in_flight` requests are always open. Open loop: `rate` requests a second are sent at their times, whatever
has been answered, and a latency is counted from the time that the request was due: a server that stalls cannot hide it
by stalling its clients.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import UUID

import aiormq
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

REPLY_TO = "amq.rabbitmq.reply-to"
APPROVED = b'"status":"approved"'
DRAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, of whom, how fast and how long. `users` u-1 … u-N take turns; `rate` 0 is a closed loop.

    `program`: the module that asks.
    """

    url: str
    user: str
    exchange: str
    routing_key: str
    users: int
    in_flight: int
    warm_up_s: float
    seconds: float
    rate: float = 0
    program: str = "benchmarks.client"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, of the time after the warm-up; `asked` counts from the first request to the last.

    Latencies in seconds, one for each thousandth, 0 … 1000.
    """

    asked: int
    answered: int
    approved: int
    seconds: float
    latencies: list[float]
    cpu_s: float


class Client:
    """Asks and counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._due: dict[str, float] = {}
        self._numbers = random.Random()  # noqa: S311  # names, not secrets; never those of another run
        self._latencies: list[float] = []
        self._asked = self._approved = 0
        self._counting = self._closing = False
        self._idle = asyncio.Event()

    async def run(self) -> Outcome:
        """Connect, warm up, measure, and wait for what is still open."""
        connection = await aiormq.connect(self._plan.url)
        self._channel = await connection.channel(publisher_confirms=False)
        await self._channel.basic_consume(REPLY_TO, self._answered, no_ack=True)
        sending = asyncio.create_task(self._send())
        await asyncio.sleep(self._plan.warm_up_s)
        started, cpu = time.perf_counter(), cpu_s()
        self._counting = True
        await asyncio.sleep(self._plan.seconds)
        self._counting, self._closing = False, True
        seconds, taken = time.perf_counter() - started, cpu_s() - cpu
        await sending
        if self._due:
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()
        await connection.close()
        latencies = self._latencies
        return Outcome(self._asked, len(latencies), self._approved, seconds, thousandths(latencies), taken)

    async def _send(self) -> None:
        if not self._plan.rate:
            for _ in range(self._plan.in_flight):
                await self._ask(time.perf_counter())
            return
        first = time.perf_counter()
        number = 0
        while not self._closing:
            due = first + number / self._plan.rate
            if (wait_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            await self._ask(due)
            number += 1

    async def _ask(self, due: float) -> None:
        name = str(UUID(int=self._numbers.getrandbits(128), version=4))
        self._due[name] = due
        self._asked += 1
        await self._channel.basic_publish(
            _body(name, self._numbers.randrange(self._plan.users) + 1),
            exchange=self._plan.exchange,
            routing_key=self._plan.routing_key,
            properties=Basic.Properties(
                content_type="application/json",
                delivery_mode=2,
                message_type="sizing.request.v1",
                message_id=name,
                correlation_id=name,
                reply_to=REPLY_TO,
                timestamp=datetime.now(UTC),
                user_id=self._plan.user,
            ),
        )

    async def _answered(self, message: DeliveredMessage) -> None:
        now = time.perf_counter()
        due = self._due.pop(message.header.properties.correlation_id or "")
        if self._counting:
            self._latencies.append(now - due)
            self._approved += APPROVED in message.body
        if not self._closing and not self._plan.rate:
            await self._ask(now)
        elif self._closing and not self._due:
            self._idle.set()


def _body(name: str, user: int) -> bytes:
    """A three-entry request, written without a library: the client must not be what is measured."""
    return (
        f'{{"request_id":"{name}","user_id":"u-{user}","setup_id":"s-1","instrument":"XAUUSD","side":"buy","entries":['
        '{"entry_price":"1950.00","stop_loss":"1945.00","take_profit":"1965.00"},'
        '{"entry_price":"1948.00","stop_loss":"1943.00"},{"entry_price":"1946.00","stop_loss":"1941.00"}]}'
    ).encode()


def cpu_s() -> float:
    """Processor time that this process has taken, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def thousandths(latencies: list[float]) -> list[float]:
    """The latency at each thousandth of them, 0 … 1000."""
    ordered = sorted(latencies)
    return [ordered[min(n * len(ordered) // 1000, len(ordered) - 1)] for n in range(1001)] if ordered else []


if __name__ == "__main__":
    result = asyncio.run(Client(Plan(**json.loads(sys.argv[1]))).run())
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
