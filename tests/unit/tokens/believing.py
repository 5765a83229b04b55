"""Whether a token is believed, at a time that the test sets."""

from __future__ import annotations

from shared.tokens import TokenError, TokenVerifier


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


async def is_believed(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except TokenError:
        return False
    return True
