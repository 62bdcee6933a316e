"""Checks what an OpenID provider signed: who it is about, for whom it was made, and whether it is still valid; pure.

A token that fails any check is refused whole; nothing in it is used. OpenID Connect Core 1.0 §3.1.3.7 and Back-Channel
Logout 1.0 §2.6 say what to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures with a public key only: `none` proves nothing, and HS* would let anybody who knows our secret sign."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_AGE_MAX_S = 120
"""A sign-out message older than this is a replay (Back-Channel Logout §2.6 leaves the age to us; ASSUMED)."""
TOKEN_CHARACTERS_MAX = 20_000


class TokenRefused(Exception):
    """A token of the provider does not hold; `reason` says which check."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnknownKey(TokenRefused):
    """Signed with a key that is not in the set: it may be newer than the set."""


@dataclass(frozen=True)
class Expected:
    """What a token must have been made for."""

    issuer: str
    client_id: str
    now_s: int
    leeway_s: int


def _opened(token: str, keys: KeySet) -> jwt.Token:
    """The token with its signature verified."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise TokenRefused("too long")
    try:
        return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except InvalidKeyIdError as error:
        raise UnknownKey("signed with an unknown key") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise TokenRefused(f"not signed by the provider ({type(error).__name__})") from error


def _options(expected: Expected) -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }


def verify_id_token(
    token: str, keys: KeySet, expected: Expected, *, nonce: str, access_token: str | None = None
) -> dict[str, Any]:
    """The claims of an ID token that holds. Raises TokenRefused, or UnknownKey when newer keys may help."""
    opened = _opened(token, keys)
    params = {"nonce": nonce, "client_id": expected.client_id, "access_token": access_token}
    claims = CodeIDToken(opened.claims, opened.header, _options(expected), params)
    try:
        claims.validate(expected.now_s, expected.leeway_s)
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused(f"not for this sign-in ({error})") from error
    if not claims.get("sub"):
        raise TokenRefused("names nobody")
    return dict(claims)


def verify_logout_token(token: str, keys: KeySet, expected: Expected) -> dict[str, Any]:
    """The claims of a sign-out message that holds: it names a session (`sid`), a person (`sub`), or both."""
    opened = _opened(token, keys)
    claims = opened.claims
    options = {name: option for name, option in _options(expected).items() if name != "exp"}
    try:
        jwt.JWTClaimsRegistry(now=expected.now_s, leeway=expected.leeway_s, **options).validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused(f"not for us ({error})") from error
    events = claims.get("events")
    if not isinstance(events, dict) or LOGOUT_EVENT not in events:
        raise TokenRefused("is no sign-out message")
    if "nonce" in claims:
        raise TokenRefused("is an ID token, not a sign-out message")
    if claims["iat"] < expected.now_s - LOGOUT_AGE_MAX_S - expected.leeway_s:
        raise TokenRefused("is too old")
    if not isinstance(claims.get("sid"), str) and not isinstance(claims.get("sub"), str):
        raise TokenRefused("names neither a session nor a person")
    return dict(claims)
