"""What a private server shows of itself when it speaks TLS."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and its private key, as PEM."""

    chain: str
    key: str = field(repr=False)
