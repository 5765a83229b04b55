"""A decision explained: every figure that led to it, to its user or the owner."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.config_service.http.answers import READING, documented, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Caller
from services.config_service.http.problems import ProblemError
from services.config_service.proofs import Proofs
from shared.schemas.reasons import Reason
from shared.schemas.sizing import Status
from shared.schemas.values import Id, Message
from shared.sizing.explained import Line, Section
from shared.sizing.formulas import shown

EXPLANATION_PATH = "/api/v1/decisions/{request_id}/explanation"


class ExplainedLine(Message):
    """A figure or fact. `value` is exact: a decimal, `numerator/denominator`, or text; `shown` is it for people.

    `formula` and `numbers` tell how it came about, with names and with the numbers put in; `in_reply` is what the reply
    says of it, rounded against the account. Null is what does not apply.
    """

    name: str
    value: str
    shown: str
    unit: str | None
    formula: str | None
    numbers: str | None
    in_reply: str | None
    note: str | None


class ExplainedSection(Message):
    """Lines that belong together; `name` is stable: `entry_1`, `margin`."""

    name: str
    title: str
    lines: tuple[ExplainedLine, ...]


class DecisionExplained(Message):
    """A decision and its arithmetic, section by section; those that it did not reach are not there."""

    request_id: Id
    status: Status
    reasons: tuple[Reason, ...]
    sections: tuple[ExplainedSection, ...]


def explanation_routes(proofs: Proofs) -> APIRouter:
    """The one route of it."""
    router = APIRouter(tags=["decisions"], dependencies=TOKEN_IN_DOCUMENT)
    responses = {**READING, **documented("not_found")}

    @router.get(EXPLANATION_PATH, response_model=DecisionExplained, responses=responses)
    async def explain_decision(claims: Caller, request_id: Annotated[Id, Path()]) -> Response:
        """Return how a decision came about, as one would check it by hand, to its user or the owner."""
        found = await proofs.explain(request_id)
        # As with its reply: another's is answered as one that never was.
        if found is None or (claims.role != "owner" and found.reply.user_id != claims.user):
            raise ProblemError("not_found", "no decision of yours has this request_id")
        if found.explanation is None:
            raise ProblemError("not_found", "what is kept of this decision cannot be read by this release")
        sections = tuple(map(_section, found.explanation.sections))
        reply = found.reply
        told = DecisionExplained(
            request_id=request_id, status=reply.status, reasons=tuple(reply.reasons), sections=sections
        )
        return json_answer(told)

    return router


def _section(section: Section) -> ExplainedSection:
    return ExplainedSection(name=section.name, title=section.title, lines=tuple(map(_line, section.lines)))


def _line(line: Line) -> ExplainedLine:
    document = line.document()
    optional = {name: document.get(name) or None for name in ("unit", "formula", "numbers", "in_reply", "note")}
    return ExplainedLine(name=line.name, value=document["value"], shown=shown(line.value), **optional)
