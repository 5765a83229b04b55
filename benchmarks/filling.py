"""Snapshots for a queue: published lean and confirmed, before whoever drains them is let go."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import aiormq
from pamqp.commands import Basic

UNCONFIRMED_MAX = 1000
ONE_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """`count` snapshots of `accounts` accounts, u-1 … u-N by turns, `in_a_row` of each at a time.

    Each is newer than the one before it, so that all of them are to be applied.
    """

    count: int
    accounts: int
    in_a_row: int = 1

    def account(self, number: int) -> int:
        """Whose the snapshot of this number is."""
        return number // self.in_a_row % self.accounts + 1


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to publish, and as whom: the URL names the user."""

    url: str
    exchange: str
    routing_key: str

    @property
    def user(self) -> str:
        """The broker user."""
        return unquote(urlsplit(self.url).username or "")


async def fill(destination: Destination, snapshots: Snapshots) -> None:
    """Publish them all and wait until the broker has confirmed each."""
    connection = await aiormq.connect(destination.url)
    channel = await connection.channel(publisher_confirms=True)
    first = datetime.now(UTC)
    user = destination.user

    async def publish(number: int) -> None:
        captured_at = first + number * ONE_MICROSECOND
        await channel.basic_publish(
            snapshot_body(snapshots.account(number), number, captured_at),
            exchange=destination.exchange,
            routing_key=destination.routing_key,
            mandatory=True,
            properties=Basic.Properties(
                content_type="application/json",
                delivery_mode=2,
                message_type="account.snapshot.v1",
                message_id=str(uuid.uuid4()),
                timestamp=captured_at,
                user_id=user,
            ),
        )

    for begin in range(0, snapshots.count, UNCONFIRMED_MAX):
        end = min(begin + UNCONFIRMED_MAX, snapshots.count)
        await asyncio.gather(*(publish(number) for number in range(begin, end)))
    await connection.close()


def snapshot_body(account: int, number: int, captured_at: datetime) -> bytes:
    """An account.snapshot.v1, written without a library; margin enough for whatever is asked meanwhile."""
    cents = f"{number % 100:02}"
    return (
        f'{{"user_id":"u-{account}","account":{{"login":{account},"server":"Bench-MT5","broker":"Bench","currency":"USD",'
        f'"currency_digits":2,"leverage":100,"is_demo":true,"margin_mode":"hedging","trade_allowed":true}},'
        f'"balance":"10000.{cents}","equity":"10250.{cents}","margin_used":"500.00","margin_free":"1000000000.{cents}",'
        f'"open_positions_count":3,"total_positions_volume":"2.50","captured_at":"{captured_at.isoformat()}"}}'
    ).encode()
