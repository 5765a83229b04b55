"""Frames are read as aiormq reads them, however the bytes arrive; only faster."""

from __future__ import annotations

import asyncio
from typing import Any

import aiormq.connection
import pamqp.frame
import pytest
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Connection
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from shared.messaging import link  # noqa: F401  whoever connects reads frames this way
from shared.messaging.frames import BulkFrameReceiver

START = pamqp.frame.marshal(Connection.Start(server_properties={}), 0)
AiormqsReceiver: Any = BulkFrameReceiver.__base__
ENDS = b"\xce"

names = st.text(max_size=60)
deliveries = st.builds(
    Basic.Deliver,
    consumer_tag=names,
    delivery_tag=st.integers(0, 2**63 - 1),
    redelivered=st.booleans(),
    exchange=st.from_regex(r"[a-zA-Z0-9-_.:]{0,127}", fullmatch=True),
    routing_key=names,
)
headers = st.builds(
    ContentHeader,
    body_size=st.integers(0, 2**40),
    properties=st.builds(
        Basic.Properties,
        headers=st.just({}),
        delivery_mode=st.sampled_from([1, 2]),
        correlation_id=names,
        message_id=names,
    ),
)
bodies = st.builds(ContentBody, st.binary(min_size=1, max_size=200))
confirmations = st.builds(Basic.Ack, delivery_tag=st.integers(0, 2**63 - 1), multiple=st.booleans())
frames = st.lists(st.one_of(deliveries, headers, bodies, confirmations, st.just(Heartbeat())), max_size=12)


async def read(receiver: Any, reader: asyncio.StreamReader, pieces: list[bytes]) -> list[Any]:
    """Every frame until the connection's end, the bytes coming piece by piece."""
    found = []

    async def take() -> None:
        while True:
            found.append(await receiver.get_frame())

    taking = asyncio.create_task(take())
    for piece in pieces:
        reader.feed_data(piece)
        await asyncio.sleep(0)
    reader.feed_eof()
    with pytest.raises((AMQPConnectionError, StopAsyncIteration)):
        await taking
    return [(length, channel, _plain(frame)) for length, channel, frame in found]


def _plain(frame: Any) -> Any:
    """What a frame says, to be compared."""
    match frame:
        case ContentHeader():
            return frame.body_size, dict(frame.properties)
        case ContentBody():
            return frame.value
        case Heartbeat():
            return frame.name
    return frame.name, dict(frame)


@given(frames, st.integers(0, 3), st.data())
def test_whatever_arrives_in_whatever_pieces_is_read_as_aiormq_reads_it(
    sent: list[Any], channel: int, data: st.DataObject
) -> None:
    stream = START + b"".join(pamqp.frame.marshal(frame, channel) for frame in sent)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    async def both() -> tuple[list[Any], list[Any]]:
        ours, theirs = asyncio.StreamReader(), asyncio.StreamReader()
        return (
            await read(BulkFrameReceiver(ours), ours, pieces),
            await read(AiormqsReceiver(theirs), theirs, pieces),
        )

    read_by_us, read_by_aiormq = asyncio.run(both())

    assert len(read_by_us) == len(sent) + 1
    assert read_by_us == read_by_aiormq


def test_every_connection_reads_this_way() -> None:
    assert aiormq.connection.FrameReceiver is BulkFrameReceiver


async def started(more: bytes) -> BulkFrameReceiver:
    """A receiver that has had its first frame, with more to come, and then nothing."""
    reader = asyncio.StreamReader()
    receiver = BulkFrameReceiver(reader)
    reader.feed_data(START)
    await receiver.get_frame()
    reader.feed_data(more)
    reader.feed_eof()
    return receiver


async def test_a_connection_that_ended_between_frames_has_no_more() -> None:
    receiver = await started(b"")

    with pytest.raises(StopAsyncIteration):
        await receiver.get_frame()


async def test_a_connection_that_ends_while_it_is_waited_for_is_an_error() -> None:
    reader = asyncio.StreamReader()
    receiver = BulkFrameReceiver(reader)
    reader.feed_data(START)
    await receiver.get_frame()
    waiting = asyncio.create_task(receiver.get_frame())
    await asyncio.sleep(0)
    reader.feed_eof()

    with pytest.raises(AMQPConnectionError, match="closed"):
        await waiting


async def test_a_connection_that_is_reset_is_an_error() -> None:
    reader = asyncio.StreamReader()
    receiver = BulkFrameReceiver(reader)
    reader.feed_data(START)
    await receiver.get_frame()
    reader.set_exception(ConnectionResetError("by peer"))

    with pytest.raises(AMQPConnectionError, match="by peer"):
        await receiver.get_frame()


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x50\x00",  # does not end as frames do
        b"\x01\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff" + ENDS,  # no such method
        b"\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x3c\x09" + ENDS,  # a delivery that is cut short
        b"\x01\x00\x01\x00\x00\x00\x06\x00\x3c\x00\x3c\x01\xff" + ENDS,  # a consumer's tag that is no text
        b"\x02\x00\x01\x00\x00\x00\x02\x00\x3c" + ENDS,  # a header that is cut short
        b"\x09\x00\x01\x00\x00\x00\x01\x00" + ENDS,  # no such kind of frame
    ],
)
async def test_what_is_no_frame_is_an_error(wrong: bytes) -> None:
    receiver = await started(wrong)

    with pytest.raises(InvalidFrameError):
        await receiver.get_frame()


async def test_the_first_bytes_may_be_no_frame_and_are_left_to_aiormq() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"AMQP\x00\x00\x09\x01")
    reader.feed_eof()

    with pytest.raises(aiormq.exceptions.ProtocolSyntaxError):
        await BulkFrameReceiver(reader).get_frame()
