"""`lotwise explain`: the arithmetic of one decision, line by line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, complain, say

if TYPE_CHECKING:
    from shared.database.records import StoredDecision


def explain(
    request_id: Annotated[UUID, typer.Argument(help="The request_id of the decision.")],
    as_json: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--json", help="For programs: exact figures under stable names.")
    ] = False,
) -> None:
    """Explain a decision: every figure that led to it, with its formula, as one would check it by hand.

    Reads LOTWISE_DATABASE_URL. Exit status 1: no decision is kept under this request_id.
    """
    with clear_failures():
        stored = asyncio.run(_load(request_id))
        if stored is None:
            complain(f"lotwise: no decision is kept under request_id {request_id}")
            raise typer.Exit(EXIT_DIFFERENT)
        lines = _text(stored, as_json=as_json)
        if lines is None:
            complain(f"lotwise: what is kept of request_id {request_id} cannot be read by this release")
            raise typer.Exit(EXIT_DIFFERENT)
        for line in lines:
            say(line)


async def _load(request_id: UUID) -> StoredDecision | None:
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.database.records import load_record  # noqa: PLC0415

    async with database("lotwise explain") as engine:
        return await load_record(engine, request_id)


def _text(stored: StoredDecision, *, as_json: bool) -> list[str] | None:
    """The lines to write; None where record or reply cannot be read."""
    import zlib  # noqa: PLC0415

    from shared.schemas.sizing import SizingDecision  # noqa: PLC0415
    from shared.sizing.explanation import explain as explained  # noqa: PLC0415
    from shared.sizing.record import decode_record  # noqa: PLC0415

    try:
        reply = SizingDecision.model_validate_json(stored.reply)
        explanation = explained(decode_record(stored.record, stored.first_record), reply)
    except (ValueError, zlib.error):  # pydantic's are ValueErrors
        return None
    if not as_json:
        return explanation.lines()
    document: dict[str, Any] = {
        "request_id": str(stored.request_id),
        "status": reply.status,
        "reasons": [reason.model_dump(mode="json") for reason in reply.reasons],
        "figures": explanation.document(),
    }
    return [json.dumps(document, indent=2, ensure_ascii=False)]
