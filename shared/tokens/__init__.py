"""JSON Web Tokens by RFC 8725: who calls, and in which role.

The algorithm belongs to the key and comes from our own settings; nothing that a token says of itself (`alg`, `jwk`,
`jku`, `x5u`) decides how it is verified. Its `kid` picks one of the keys that we trust already.
"""

from shared.tokens.claims import TOKEN_BYTES_MAX, Claims, Role, TokenError
from shared.tokens.issuing import bearer_token, issue_token
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import TokenVerifier

__all__ = [
    "TOKEN_BYTES_MAX",
    "Claims",
    "Role",
    "TokenError",
    "TokenSettings",
    "TokenVerifier",
    "bearer_token",
    "issue_token",
]
