"""Frames off the socket: all that has arrived at once, instead of three reads under a lock for each.

A delivery is three frames, and aiormq's own reading of them was the largest part of a snapshot that is not ours. What
is read of a frame, and how errors are raised, is as aiormq and pamqp do it; only the ways there are shorter (ADR 15).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import aiormq.connection
import pamqp.frame
from aiormq.connection import FrameReceiver
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.constants import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

if TYPE_CHECKING:
    import asyncio

    from pamqp.frame import FrameTypes

CHUNK_BYTES = 256 * 1024
HEAD = struct.Struct(">BHI")
"""Type, channel, size of the payload; behind the payload stands one more byte."""
DELIVER = struct.pack(">I", Basic.Deliver.index)
DELIVERY = struct.Struct(">QB")
"""Delivery tag; whether it was delivered before."""


def read_frames_in_bulk() -> None:
    """Have aiormq read frames as written here, on every connection of the process; safe to repeat."""
    aiormq.connection.FrameReceiver = BulkFrameReceiver  # type: ignore[misc]


class BulkFrameReceiver(FrameReceiver):
    """Keeps what has arrived and hands out frame after frame; the first, which may be none, is left to aiormq."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._arrived = b""
        self._position = 0

    async def get_frame(self) -> tuple[int, int, FrameTypes]:
        """The size of the next frame, its channel and what it says.

        Raises aiormq's AMQPConnectionError where the connection ends, StopAsyncIteration where it had ended, and
        InvalidFrameError for what is no frame.
        """
        if not self.started:
            return await super().get_frame()
        while True:
            left = len(self._arrived) - self._position
            if left > HEAD.size:
                kind, channel, size = HEAD.unpack_from(self._arrived, self._position)
                length = HEAD.size + size + 1
                if length <= left:
                    frame = self._arrived[self._position : self._position + length]
                    self._position += length
                    return length, channel, _read(kind, frame)
            await self._wait_for_more()

    async def _wait_for_more(self) -> None:
        if self.reader.at_eof():
            raise StopAsyncIteration
        try:
            chunk = await self.reader.read(CHUNK_BYTES)
        except OSError as error:
            raise AMQPConnectionError(f"Server connection error: {error!r}") from error
        if not chunk:
            raise AMQPConnectionError("Server connection unexpectedly closed")
        self._arrived = self._arrived[self._position :] + chunk
        self._position = 0


def _read(kind: int, frame: bytes) -> Any:
    """What a frame says. Raises InvalidFrameError."""
    if frame[-1] != FRAME_END:
        raise InvalidFrameError("the frame does not end as frames do")
    if kind == FRAME_BODY:
        return ContentBody(frame[HEAD.size : -1])
    try:
        if kind == FRAME_HEADER:
            header = ContentHeader()
            header.unmarshal(frame[HEAD.size : -1])
            return header
        if kind == FRAME_METHOD and frame.startswith(DELIVER, HEAD.size):
            return _deliver(frame, HEAD.size + len(DELIVER))
        return pamqp.frame.unmarshal(frame)[2]
    except (PAMQPException, ValueError, IndexError, struct.error) as error:
        raise InvalidFrameError(str(error)) from error


def _deliver(frame: bytes, position: int) -> Basic.Deliver:
    tag, position = _name(frame, position)
    number, redelivered = DELIVERY.unpack_from(frame, position)
    exchange, position = _name(frame, position + DELIVERY.size)
    routing_key, _ = _name(frame, position)
    return Basic.Deliver(tag, number, bool(redelivered & 1), exchange, routing_key)


def _name(frame: bytes, position: int) -> tuple[str, int]:
    """A short string, and where it ends."""
    start = position + 1
    end = start + frame[position]
    return frame[start:end].decode(), end
