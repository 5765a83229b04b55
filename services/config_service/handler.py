"""Config commands by message: authenticated by the owner's token, applied one by one in their order, answered."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic import TypeAdapter, ValidationError

from services.config_service.changes import Changes
from services.config_service.counts import COMMANDS
from services.config_service.verdict import Order, Refused, Verdict, refuse, result
from shared.messaging.delivery import Delivery
from shared.messaging.outcomes import Ack, Outcome, Park, Reply
from shared.schemas.config import AnyCommand, ConfigCommand, ConfigResult
from shared.schemas.decoding import InvalidMessage, schema_name
from shared.schemas.reasons import Reason
from shared.schemas.values import Identifier
from shared.tokens import Claims, TokenError, TokenVerifier, bearer_token

log = structlog.get_logger()

ACCEPTS = frozenset({"config.command.v1"})
RESULT = schema_name(ConfigResult)
_COMMAND_ID: TypeAdapter[str] = TypeAdapter(Identifier)


class CommandHandler:
    """Answers each command. What `changes` cannot do now is answered too, and never tried later."""

    def __init__(self, changes: Changes, *, tokens: TokenVerifier) -> None:
        self._changes = changes
        self._tokens = tokens

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """One outcome for each delivery; a command's transaction ends before the next one's begins."""
        return [await self._outcome(delivery) for delivery in deliveries]

    async def _outcome(self, delivery: Delivery) -> Outcome:
        match delivery.content:
            case ConfigCommand(root=command):
                verdict = await self._verdict(delivery, command)
                return _answer(command.command_id, command.command, verdict)
            case InvalidMessage() as invalid:
                reasons = [Reason(code="invalid_message", message=e.message, field=e.field) for e in invalid.errors]
                return _answer(_command_id(invalid), "unknown", Refused(tuple(reasons)))
        raise TypeError(f"no rule for {type(delivery.content).__name__}")

    async def _verdict(self, delivery: Delivery, command: AnyCommand) -> Verdict:
        claims = await self._authenticate(delivery)
        if isinstance(claims, Refused):
            return claims
        if claims.role != "owner":
            return refuse("forbidden", "only the owner may turn the dial")
        if delivery.sent_at is None:
            return refuse("invalid_message", "is missing, so the command's age cannot be told", field="timestamp")
        return await self._changes.apply(Order(command, claims.user, delivery.sent_at))

    async def _authenticate(self, delivery: Delivery) -> Claims | Refused:
        if delivery.sender is None:
            return refuse("unauthorized", "the message must carry its sender's user_id")
        token = bearer_token(delivery.authorization)
        if token is None:
            return refuse("unauthorized", "the header authorization must carry a bearer token")
        try:
            return await self._tokens.verify(token)
        except TokenError as error:
            log.warning("token.refused", via="amqp", sender=delivery.sender, cause=str(error))
            return refuse("unauthorized", "the token is not valid")


def _answer(command_id: str | None, command: str, verdict: Verdict) -> Outcome:
    answer = result(command_id, verdict)
    reply = Reply(RESULT, answer.to_json())
    code = verdict.code if isinstance(verdict, Refused) else ""
    COMMANDS.labels("amqp", command, code).inc()
    log_fields = {
        "command_id": command_id,
        "command": command,
        "status": answer.status,
        "code": code or None,
        "config_version": answer.config_version,
        "updated_by": answer.updated_by,
        "schedule_id": answer.schedule_id,
        "repeated": not isinstance(verdict, Refused) and verdict.repeated,
    }
    if code == "invalid_message":
        return Park(code, _sentence(answer.reasons), reply, log=log_fields)
    return Ack(reply, log=log_fields)


def _sentence(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason.field}: {reason.message}" if reason.field else reason.message for reason in reasons)


def _command_id(invalid: InvalidMessage) -> str | None:
    """The id of a command that could not be read, as far as there is one."""
    try:
        return _COMMAND_ID.validate_python(invalid.document.get("command_id"))
    except ValidationError:
        return None
