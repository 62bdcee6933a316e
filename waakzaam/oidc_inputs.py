"""Reads how people sign in through an OpenID provider; each fault is one clear line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from alarm_backend.auth.oidc_settings import CALLBACK, OidcSettings
from alarm_backend.auth.schemas import ROLES, Role
from waakzaam.exits import BadInput

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRET_LENGTH_MIN = 16


def _address(option: str, given: str) -> str:
    """An address of https, or of this machine itself."""
    parts = urlsplit(given)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return given
    raise BadInput(option, f"{given!r} is no https address", "http is only for a provider on this machine")


def _roles(given: list[str]) -> tuple[tuple[str, Role], ...]:
    found: list[tuple[str, Role]] = []
    for pair in given:
        value, _, named = pair.rpartition("=")
        role = next((role for role in ROLES if role == named), None)
        if not value or role is None:
            raise BadInput("--oidc-role", f"{pair!r} is not VALUE=ROLE", "roles are " + ", ".join(ROLES))
        found.append((value, role))
    return tuple(found)


def oidc_settings(
    *,
    issuer: str | None,
    client_id: str,
    secret_file: Path | None,
    public_url: str | None,
    role_claim: str,
    roles: list[str],
    create_accounts: bool,
) -> OidcSettings | None:
    """The settings of single sign-on; None without an issuer. Raises BadInput."""
    if issuer is None:
        return None
    if secret_file is None:
        raise BadInput("--oidc-secret-file", "is needed with --oidc-issuer", "the provider gives a secret per client")
    if public_url is None:
        raise BadInput("--public-url", "is needed with --oidc-issuer", f"browsers come back to it, at {CALLBACK}")
    if not roles:
        raise BadInput("--oidc-role", "is needed with --oidc-issuer", "say which value of the claim gives which role")
    try:
        secret = secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            str(secret_file), f"cannot read the client secret: {error}", "check --oidc-secret-file"
        ) from None
    if len(secret) < SECRET_LENGTH_MIN:
        raise BadInput(str(secret_file), f"a client secret has at least {SECRET_LENGTH_MIN} characters")
    return OidcSettings(
        issuer=_address("--oidc-issuer", issuer),
        client_id=client_id,
        client_secret=secret,
        public_url=_address("--public-url", public_url).rstrip("/"),
        role_claim=role_claim,
        roles=_roles(roles),
        create_accounts=create_accounts,
    )
