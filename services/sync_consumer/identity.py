"""Whose message it is and of which account, also where the message is wrong: as far as that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.sync_consumer.snapshot import Key, Standing
from shared.messaging.delivery import Delivery
from shared.schemas.account import AccountInstruments, AccountKey, AccountSnapshot
from shared.schemas.decoding import InvalidMessage
from shared.schemas.values import Identifier, UtcTime

_STRICT = ConfigDict(strict=True)
_USER_ID: TypeAdapter[str] = TypeAdapter(Identifier, config=_STRICT)
_TIME: TypeAdapter[datetime] = TypeAdapter(UtcTime, config=_STRICT)


@dataclass(frozen=True, slots=True)
class Identity:
    """The user, the account and the capture time of a message; None is what could not be read."""

    user_id: str | None
    key: Key | None
    captured_at: datetime | None

    @property
    def account(self) -> AccountKey | None:
        """The account as messages name it."""
        return AccountKey(login=self.key[1], server=self.key[0]) if self.key else None

    def is_newer_than(self, standing: Standing) -> bool:
        """Whether the message tells of a later state; one whose time cannot be read came later, which is all we
        know."""
        return self.captured_at is None or self.captured_at > standing.captured_at


def identify(delivery: Delivery) -> Identity:
    """The identity of a readable message, or what is readable of one that is not."""
    content: BaseModel | InvalidMessage = delivery.content
    if isinstance(content, AccountSnapshot | AccountInstruments):
        return Identity(content.user_id, (content.account.server, content.account.login), content.captured_at)
    document = content.document if isinstance(content, InvalidMessage) else {}
    return Identity(
        _readable(_USER_ID, document.get("user_id")), _key(document), _readable(_TIME, document.get("captured_at"))
    )


def _key(document: dict[str, Any]) -> Key | None:
    account = document.get("account")
    if not isinstance(account, dict):
        return None
    try:
        key = AccountKey(login=account.get("login"), server=account.get("server"))  # type: ignore[arg-type]
    except ValidationError:
        return None
    return key.server, key.login


def _readable(adapter: TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None
