"""Runs sizing_worker's own module, and ends the process where a batch holds a request that is meant to be deadly.

`python -m tests.faults.deadly services.sizing_worker`
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence

from services.sizing_worker.handler import SizingHandler
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Outcome
from shared.schemas.sizing import SizingRequest

SETUP = "deadly"
"""The setup_id of what kills."""
KILLED = 137


def kill_by_message() -> None:
    """Let a deadly request end the process as a crash of its interpreter would: nothing is flushed, closed or said."""
    handle = SizingHandler.__call__

    async def deadly(self: SizingHandler, deliveries: Sequence[Delivery]) -> list[Outcome]:
        if any(isinstance(one.content, SizingRequest) and one.content.setup_id == SETUP for one in deliveries):
            os._exit(KILLED)
        return await handle(self, deliveries)

    setattr(SizingHandler, handle.__name__, deadly)


if __name__ == "__main__":
    kill_by_message()
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
