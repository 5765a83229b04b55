"""What others import to talk to Lotwise: ask for sizes, publish snapshots, turn the dial.

    async with SizingClient("amqp://signal-engine:…@broker/lotwise") as client:
        decision = await client.size(request)

Each client connects when entered, reconnects by itself, and leaves nothing behind when left.
"""

from shared.client.config import ConfigClient
from shared.client.session import UnreadableReplyError
from shared.client.sizing import SizingClient
from shared.client.snapshots import SnapshotPublisher
from shared.messaging.rpc import NoReplyError

__all__ = ["ConfigClient", "NoReplyError", "SizingClient", "SnapshotPublisher", "UnreadableReplyError"]
