"""Signs people in and out, and knows who a session belongs to."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.auth import repository
from alarm_backend.auth.attempts import Attempts
from alarm_backend.auth.schemas import Role, SessionView, User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, NotFound, NotSignedIn, TooManyRequests
from alarm_backend.people.vault import Vault
from alarm_backend.settings import Settings
from alarm_backend.store.database import Database

PASSWORD_LENGTH_MIN = 12
"""NIST SP 800-63B: length, not composition; 12 is ASSUMED for a place with TOTP as the second factor."""
TOUCH_MS = 60_000
"""A session's last use is written at most this often: reads must not become writes."""
LOGIN_LINK_MS = 15 * 60_000


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _hash_of_nobody() -> str:
    """Verified when the name is unknown, so that an answer takes as long as for a known one. Made once a process."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class NewSession:
    """A session that was just opened; the token exists only here and in the cookie."""

    token: str
    view: SessionView


class AuthService:
    """Local accounts with argon2id, sessions that expire, one-time sign-in links."""

    def __init__(
        self, database: Database, clocks: Clocks, audit: AuditService, settings: Settings, vault: Vault
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._settings = settings
        self._vault = vault
        self._attempts = Attempts()
        self._hasher = PasswordHasher()
        self._nobody = _hash_of_nobody()

    def add_user(
        self,
        username: str,
        full_name: str,
        role: Role,
        password: str | None,
        actor: str,
        provider: tuple[str, str] | None = None,
    ) -> User:
        """Create an account; without a password only a one-time link or the provider opens it. Raises InvalidRequest.

        `provider` is (issuer, subject) of the person at the OpenID provider.
        """
        if password is not None and len(password) < PASSWORD_LENGTH_MIN:
            raise InvalidRequest("password", "too_short", length=PASSWORD_LENGTH_MIN)
        row = {
            "username": username,
            "full_name": full_name,
            "role": role,
            "password_hash": None if password is None else self._hasher.hash(password),
            "disabled": False,
            "created_ms": self._clocks.wall_ms(),
            "oidc_issuer": provider[0] if provider else None,
            "oidc_subject": provider[1] if provider else None,
        }
        with self._database.writing() as connection:
            if provider and repository.user_of_subject(connection, *provider) is not None:
                raise InvalidRequest("oidc_subject", "has_account")
            if not repository.add_user(connection, row):
                raise InvalidRequest("username", "taken", given=username)
            self._audit.append(connection, actor, "user.add", f"user:{username}", {"role": role})
        return User(username=username, full_name=full_name, role=role)

    def change_role(self, username: str, role: Role, actor: str) -> None:
        """Give an account another role; its sessions end, since they were opened for the old one. Raises NotFound."""
        with self._database.writing() as connection:
            if repository.user(connection, username) is None:
                raise NotFound("user", username)
            repository.change_user(connection, username, {"role": role})
            repository.end_sessions_of(connection, username)
            self._audit.append(connection, actor, "user.role", f"user:{username}", {"role": role})

    def end_sessions(self, username: str, actor: str, reason: str) -> int:
        """End every session of an account; how many."""
        with self._database.writing() as connection:
            ended = repository.end_sessions_of(connection, username)
            self._audit.append(
                connection, actor, "sessions.end", f"user:{username}", {"reason": reason, "sessions": ended}
            )
        return ended

    def disable_user(self, username: str, actor: str) -> None:
        """Close an account and end its sessions. Raises NotFound."""
        with self._database.writing() as connection:
            if repository.user(connection, username) is None:
                raise NotFound("user", username)
            repository.change_user(connection, username, {"disabled": True})
            repository.end_sessions_of(connection, username)
            self._audit.append(connection, actor, "user.disable", f"user:{username}", {})

    def users(self) -> list[User]:
        """Every account that is not closed."""
        with self._database.reading() as connection:
            rows = repository.all_users(connection)
        return [_user(row) for row in rows if not row["disabled"]]

    def use_vault(self, vault: Vault) -> None:
        """Seal second factors with this vault."""
        self._vault = vault

    def enroll_totp(self, username: str, actor: str) -> str:
        """Give an account a second factor (RFC 6238); the address to show as a QR code, once. Raises NotFound."""
        secret = pyotp.random_base32()
        sealed = self._vault.seal(f"totp:{username}", {"secret": secret})
        with self._database.writing() as connection:
            if repository.user(connection, username) is None:
                raise NotFound("user", username)
            repository.change_user(connection, username, {"totp_sealed": sealed, "totp_used_step": None})
            self._audit.append(connection, actor, "totp.enroll", f"user:{username}", {})
        return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="Waakzaam")

    def _second_factor(self, row: RowMapping, code: str | None) -> bool:
        """Whether the code is right and was not used before; True when the account has no second factor."""
        if row["totp_sealed"] is None:
            return True
        totp = pyotp.TOTP(self._vault.unseal(f"totp:{row['username']}", row["totp_sealed"])["secret"])
        now_s = self._clocks.wall_ms() // 1000
        for step in (now_s // totp.interval + drift for drift in (0, -1, 1)):
            if secrets.compare_digest(totp.at(step * totp.interval), code or ""):
                if row["totp_used_step"] is not None and step <= row["totp_used_step"]:
                    return False
                with self._database.writing() as connection:
                    repository.change_user(connection, row["username"], {"totp_used_step": step})
                return True
        return False

    def sign_in(self, username: str, password: str, code: str | None = None, address: str = "") -> NewSession:
        """Open a session. Raises NotSignedIn, the same for a wrong name, password and code, or TooManyRequests."""
        keys = [f"name:{username[:80]}", f"from:{address}"] if address else [f"name:{username[:80]}"]
        now_ms = self._clocks.wall_ms()
        wait_ms = max(self._attempts.wait_ms(key, now_ms) for key in keys)
        if wait_ms:
            raise TooManyRequests("too_many_sign_ins", -(-wait_ms // 1000))
        with self._database.reading() as connection:
            row = repository.user(connection, username)
        known = row is not None and not row["disabled"] and row["password_hash"] is not None
        right = self._verify(row["password_hash"] if row is not None and known else self._nobody, password)
        if row is None or not known or not right or not self._second_factor(row, code):
            for key in keys:
                self._attempts.failed(key, now_ms)
            self._audit.record("system", "sign_in.refused", f"user:{username[:80]}", {})
            raise NotSignedIn("wrong_name_or_password")
        for key in keys:
            self._attempts.succeeded(key)
        return self.open_session(username, "password")

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def new_login_link(self, username: str, actor: str, valid_ms: int = LOGIN_LINK_MS) -> str:
        """A token that signs this user in once, at `/sign-in/<token>`. Raises NotFound."""
        token = secrets.token_urlsafe(32)
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            row = repository.user(connection, username)
            if row is None or row["disabled"]:
                raise NotFound("user", username)
            repository.add_login_token(
                connection,
                {"token_sha256": sha256(token), "username": username, "expires_ms": now_ms + valid_ms, "used_ms": None},
            )
            self._audit.append(connection, actor, "login_link.add", f"user:{username}", {"valid_ms": valid_ms})
        return token

    def sign_in_by_link(self, token: str) -> NewSession:
        """Open a session with a one-time token. Raises NotSignedIn when it is unknown, used or too old."""
        with self._database.writing() as connection:
            username = repository.use_login_token(connection, sha256(token), self._clocks.wall_ms())
        if username is None:
            raise NotSignedIn("link_unusable")
        return self.open_session(username, "link")

    def open_session(self, username: str, how: str, provider_sid: str | None = None) -> NewSession:
        """A session for somebody who has proven who they are. Raises NotSignedIn when the account is closed."""
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            row = repository.user(connection, username)
            if row is None or row["disabled"]:
                raise NotSignedIn("account_closed")
            repository.add_session(
                connection,
                {
                    "token_sha256": sha256(token),
                    "username": username,
                    "csrf": csrf,
                    "created_ms": now_ms,
                    "used_ms": now_ms,
                    "expires_ms": now_ms + self._settings.session_ms,
                    "how": how,
                    "provider_sid": provider_sid,
                },
            )
            self._audit.append(connection, username, "sign_in", f"user:{username}", {"how": how})
        view = SessionView(user=_user(row), csrf=csrf, expires_ms=now_ms + self._settings.session_ms)
        return NewSession(token, view)

    def session(self, token: str) -> SessionView:
        """Whose session this is. Raises NotSignedIn when there is none or it has ended."""
        now_ms = self._clocks.wall_ms()
        key = sha256(token)
        with self._database.reading() as connection:
            row = repository.session(connection, key)
        if row is None or row["disabled"] or row["expires_ms"] <= now_ms:
            raise NotSignedIn("session_ended")
        if row["used_ms"] < now_ms - self._settings.session_idle_ms:
            raise NotSignedIn("session_idle")
        if row["used_ms"] < now_ms - TOUCH_MS:
            with self._database.writing() as connection:
                repository.touch_session(connection, key, now_ms)
        return SessionView(user=_user(row), csrf=row["csrf"], expires_ms=row["expires_ms"])

    def has_ended(self, token: str) -> bool:
        """Whether a session was signed out, taken away or is past its end. Looking is no use of it: a console that only

        listens still goes idle for acts, but is not cut off from alarms for that."""
        with self._database.reading() as connection:
            row = repository.session(connection, sha256(token))
        return row is None or bool(row["disabled"]) or row["expires_ms"] <= self._clocks.wall_ms()

    def sign_out(self, token: str) -> str | None:
        """End the session; how it was opened, or None when there was none."""
        with self._database.writing() as connection:
            row = repository.session(connection, sha256(token))
            if row is not None:
                repository.end_session(connection, sha256(token))
                self._audit.append(connection, row["username"], "sign_out", f"user:{row['username']}", {})
        return None if row is None else str(row["how"])


def _user(row: RowMapping) -> User:
    return User(username=row["username"], full_name=row["full_name"], role=row["role"])
