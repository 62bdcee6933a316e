"""Signs people in through an OpenID provider, and out again when the provider says so.

What must come back with the browser (state, nonce, code verifier) travels in a sealed cookie, so that nothing is kept
for strangers and a sign-in that started in another browser does not fit.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from alarm_backend.audit.service import AuditService
from alarm_backend.auth import repository
from alarm_backend.auth.id_tokens import TokenRefused, verify_id_token, verify_logout_token
from alarm_backend.auth.oidc_settings import OidcSettings
from alarm_backend.auth.provider import Provider
from alarm_backend.auth.schemas import Role
from alarm_backend.auth.service import AuthService, NewSession
from alarm_backend.clocks import Clocks
from alarm_backend.errors import AlarmBackendError, InvalidRequest, NotSignedIn
from alarm_backend.people.vault import KEY_BYTES, Vault
from alarm_backend.store.database import Database

SIGN_IN_MS = 10 * 60_000
"""How long somebody may take at the provider. ASSUMED."""
CONTEXT = "oidc-sign-in"
UNFIT = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class Begun:
    """A sign-in under way: where the browser goes, and what it brings back in its cookie."""

    url: str
    cookie: str


class SingleSignOn:
    """The provider's people, with the roles that their claims give them."""

    def __init__(
        self, settings: OidcSettings, database: Database, clocks: Clocks, audit: AuditService, auth: AuthService
    ) -> None:
        self._settings = settings
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._auth = auth
        self.provider = Provider(settings, clocks.wall_ms)
        key = HKDF(SHA256(), KEY_BYTES, None, b"waakzaam oidc sign-in cookie").derive(settings.client_secret.encode())
        self._vault = Vault(key)

    def begin(self) -> Begun:
        """Start a sign-in. Raises ProviderUnavailable."""
        facts = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "code_verifier")}
        url = self.provider.authorization_url(**facts)
        return Begun(url, self._vault.seal(CONTEXT, {**facts, "expires_ms": self._clocks.wall_ms() + SIGN_IN_MS}))

    def _kept(self, cookie: str, state: str) -> dict[str, Any]:
        """What the browser brought back, when it belongs to this answer of the provider."""
        try:
            kept = self._vault.unseal(CONTEXT, cookie)
        except (ValueError, AlarmBackendError) as error:
            raise NotSignedIn("no_sign_in_started") from error
        if not secrets.compare_digest(str(kept["state"]).encode(), state.encode()):
            raise NotSignedIn("other_sign_in")
        if kept["expires_ms"] <= self._clocks.wall_ms():
            raise NotSignedIn("sign_in_too_long")
        return kept

    def finish(self, *, cookie: str, state: str, code: str, issuer: str | None) -> NewSession:
        """Open a session for whom the provider names.

        Raises NotSignedIn (also when the person has no role here) or ProviderUnavailable.
        """
        try:
            kept = self._kept(cookie, state)
            promised = self.provider.metadata().get("authorization_response_iss_parameter_supported") is True
            if issuer != self._settings.issuer and (promised or issuer is not None):  # RFC 9207
                raise NotSignedIn("other_provider")
            tokens = self.provider.exchange(code, kept["code_verifier"])
            if tokens is None:
                raise NotSignedIn("code_refused")
            claims = self.provider.verified(
                lambda keys: verify_id_token(
                    tokens.id_token,
                    keys,
                    self.provider.expected(),
                    nonce=kept["nonce"],
                    access_token=tokens.access_token,
                )
            )
            more = self.provider.userinfo(tokens.access_token)
            if more and more.get("sub") != claims["sub"]:
                raise NotSignedIn("two_people")
            claims = {**more, **claims}
            username = self._account(claims)
        except (NotSignedIn, TokenRefused) as refusal:
            self._audit.record("system", "sign_in.refused", "user:oidc", {"reason": str(refusal)[:200]})
            raise NotSignedIn("as_told", reason=str(refusal)) from refusal
        sid = claims.get("sid")
        return self._auth.open_session(username, "oidc", provider_sid=sid if isinstance(sid, str) else None)

    def _account(self, claims: dict[str, Any]) -> str:
        """The account of the person, with the role of today; a role that was withdrawn ends every session."""
        issuer, subject = self._settings.issuer, str(claims["sub"])
        role = self._settings.role_of(claims.get(self._settings.role_claim))
        with self._database.reading() as connection:
            known = repository.user_of_subject(connection, issuer, subject)
        if role is None:
            if known is not None:
                self._auth.end_sessions(known["username"], "system", "the provider gives no role any more")
            raise NotSignedIn("no_role")
        if known is not None:
            if known["role"] != role:
                self._auth.change_role(known["username"], role, "oidc")
            return str(known["username"])
        if not self._settings.create_accounts:
            raise NotSignedIn("no_account")
        return self._new_account(claims, issuer, subject, role)

    def _new_account(self, claims: dict[str, Any], issuer: str, subject: str, role: Role) -> str:
        wanted = str(claims.get("preferred_username") or claims.get("email") or "").lower()
        name = UNFIT.sub("-", wanted).strip("._-")[:32] or "person"
        full_name = str(claims.get("name") or wanted or name)[:200]
        # A name that is taken belongs to somebody else: being called the same at the provider gives no right to it.
        for username in (name, f"{name}-{hashlib.sha256(subject.encode()).hexdigest()[:6]}"):
            try:
                self._auth.add_user(username, full_name, role, None, "oidc", provider=(issuer, subject))
                return username
            except InvalidRequest:
                continue
        raise NotSignedIn("no_account_made")

    def sign_out_by_provider(self, logout_token: str) -> int:
        """End the sessions that a sign-out message of the provider names; how many. Raises InvalidRequest."""
        try:
            claims = self.provider.verified(
                lambda keys: verify_logout_token(logout_token, keys, self.provider.expected())
            )
        except TokenRefused as refusal:
            raise InvalidRequest("logout_token", "as_told", reason=refusal.reason) from refusal
        sid, subject = claims.get("sid"), claims.get("sub")
        with self._database.writing() as connection:
            if isinstance(sid, str):
                ended = repository.end_sessions_of_sid(connection, sid)
            else:
                known = repository.user_of_subject(connection, self._settings.issuer, str(subject))
                ended = repository.end_sessions_of(connection, known["username"]) if known else 0
            self._audit.append(connection, "oidc", "sign_out.by_provider", "user:oidc", {"sessions": ended})
        return ended
