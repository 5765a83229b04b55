"""Whether a token is to be believed, and what it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import jwt
import structlog

from shared.errors import DependencyError, DeploymentError
from shared.tokens.claims import TOKEN_BYTES_MAX, Claims, TokenError, read_claims
from shared.tokens.keys import Key, KeySetError
from shared.tokens.settings import TokenSettings
from shared.tokens.sources import key_source

log = structlog.get_logger()

_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


class TokenVerifier:
    """Believes tokens signed with a key of ours, for us, and within their time."""

    def __init__(self, settings: TokenSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._keys = key_source(settings, clock=clock)

    async def load(self) -> None:
        """Have the keys, before the first token comes.

        Raises DeploymentError where the file of a JWKS gives none, DependencyError where its URL gives none now.
        """
        try:
            await self._keys.refresh()
            if self._keys.is_empty:
                raise KeySetError("it has no usable key")
        except KeySetError as error:
            if self._settings.jwt_jwks_file is not None:
                raise DeploymentError(f"LOTWISE_JWT_JWKS_FILE: {error}") from None
            raise DependencyError(f"LOTWISE_JWT_JWKS_URL: {error}") from None

    async def keep_fresh(self) -> None:
        """Take over changed keys, until cancelled. A source that fails keeps what was good."""
        while self._keys.refresh_s is not None:
            await asyncio.sleep(self._keys.refresh_s)
            try:
                await self._keys.refresh()
            except KeySetError as error:
                log.warning("token_keys.kept", cause=str(error))
        await asyncio.Event().wait()  # a secret stays what it is

    async def verify(self, token: str) -> Claims:
        """The claims of a token that has not ended. Raises TokenError; reads nothing where the key is known."""
        if len(token) > TOKEN_BYTES_MAX:
            raise TokenError("too long")
        keys = await self._keys.find(_kid(token))
        if not keys:
            raise TokenError("no key of that kid")
        return read_claims(self._decode(token, keys), lifetime_max_s=self._settings.jwt_lifetime_max_seconds)

    def _decode(self, token: str, keys: tuple[Key, ...]) -> dict[str, object]:
        """The payload by the first key that signed it. Raises TokenError."""
        for key in keys:
            try:
                return self._decode_with(token, key)
            except jwt.InvalidSignatureError:
                continue
            except _UNREADABLE as error:
                raise TokenError(type(error).__name__) from None
        raise TokenError("signed with no key of ours")

    def _decode_with(self, token: str, key: Key) -> dict[str, object]:
        return jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            issuer=self._settings.jwt_issuer,
            audience=self._settings.jwt_audience,
            # `iat` is ours to judge: PyJWT refuses it for one second of clock skew.
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "verify_iat": False},
        )


def _kid(token: str) -> str | None:
    """The key that the token names. Raises TokenError where its header cannot be read, or asks for an extension."""
    try:
        header = jwt.get_unverified_header(token)
    except _UNREADABLE as error:
        raise TokenError(type(error).__name__) from None
    if "crit" in header or "b64" in header:
        raise TokenError("asks for an extension")
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None
