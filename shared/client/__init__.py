"""What others import to talk to Lotwise: ask for sizes, publish snapshots, turn the dial.

    async with SizingClient("amqp://signal-engine:…@broker/lotwise") as client:
        decision = await client.size(request)

Each client connects when entered, reconnects by itself, and leaves nothing behind when left. A call whose connection
was lost is sent again by itself, the same message under the same id, until it is answered or its `timeout_s` is over:
so a caller sees an answer, or one error, a DependencyError, that waiting can help with. What is sent again has one
effect, and the same answer.
"""

from shared.client.config import ConfigClient
from shared.client.persistence import NoReplyError, NotConfirmedError
from shared.client.session import UnreadableReplyError
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.errors import DependencyError, DeploymentError
from shared.schemas.account import AccountInstruments, AccountSnapshot
from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest

__all__ = [
    "AccountInstruments",
    "AccountSnapshot",
    "ConfigClient",
    "DependencyError",
    "DeploymentError",
    "NoReplyError",
    "NotConfirmedError",
    "SizingClient",
    "SizingDecision",
    "SizingOutcome",
    "SizingRequest",
    "SnapshotPublisher",
    "UnreadableReplyError",
]
