"""Pages by key: how many rows, and where the next page begins."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.config_service.http.problems import ProblemError, ProblemField, invalid
from services.config_service.reading import Found

PAGE_DEFAULT = 50
PAGE_MAX = 200
KEY_BYTES = 8
CHECK_BYTES = 4
CURSOR_LENGTH = (KEY_BYTES + CHECK_BYTES) * 4 // 3


class PageQuery(BaseModel):
    """What every list takes: at most `limit` rows, from `cursor` on. A filter with a typing error asks for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[
        str | None, Field(max_length=CURSOR_LENGTH, description="`next_cursor` of the page before; opaque")
    ] = None


def write_cursor(key: int, rows: str) -> str:
    """The cursor of a list of `rows` after the row with this key."""
    packed = key.to_bytes(KEY_BYTES, "big")
    return urlsafe_b64encode(packed + _check(packed, rows)).decode()


def read_cursor(cursor: str | None, rows: str) -> int | None:
    """The key in a cursor of a list of `rows`. Raises ProblemError where it is none that we wrote for that list."""
    if cursor is None:
        return None
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii"))
    except ValueError:
        raise _invalid_cursor() from None
    key, check = packed[:KEY_BYTES], packed[KEY_BYTES:]
    if not hmac.compare_digest(check, _check(key, rows)) or cursor != urlsafe_b64encode(packed).decode():
        raise _invalid_cursor()
    return int.from_bytes(key, "big")


def cut(found: Sequence[Found], limit: int, *, rows: str) -> tuple[Sequence[Found], str | None]:
    """The page of at most `limit` rows and the cursor of the next, None where `found` has not one row more."""
    page = found[:limit]
    return page, write_cursor(page[-1].key, rows) if len(found) > limit else None


def _check(key: bytes, rows: str) -> bytes:
    # No secret: a cursor opens nothing that its filters would not. It finds what was cut, mixed up or made up.
    return blake2b(key, digest_size=CHECK_BYTES, person=rows.encode()).digest()


def _invalid_cursor() -> ProblemError:
    return invalid(ProblemField(field="cursor", message="must be the next_cursor of a page of this list"))
