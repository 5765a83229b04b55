"""A password as PostgreSQL keeps it, computed here, so that the password itself never travels to the server.

A statement with a plain password would stand in the server's log, in pg_stat_activity and in pg_stat_statements.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

ITERATIONS = 4096
SALT_BYTES = 16


def scram_verifier(password: str, *, salt: bytes) -> str:
    """The verifier of RFC 5802 for SCRAM-SHA-256, in PostgreSQL's form; `salt` is SALT_BYTES random ones.

    `password` is printable ASCII: for anything else client and server would have to normalise it alike.
    """
    if not (password.isascii() and password.isprintable()):
        raise ValueError("a password must be printable ASCII")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server_key = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
