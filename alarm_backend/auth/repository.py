"""Accounts, sessions and one-time links in the database. Tokens are kept as hashes only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from alarm_backend.store.database import insert_new
from alarm_backend.store.tables import login_tokens, sessions, users


def user(connection: Connection, username: str) -> RowMapping | None:
    return connection.execute(select(users).where(users.c.username == username)).mappings().one_or_none()


def user_of_subject(connection: Connection, issuer: str, subject: str) -> RowMapping | None:
    """The account of somebody at an OpenID provider."""
    query = select(users).where(users.c.oidc_issuer == issuer, users.c.oidc_subject == subject)
    return connection.execute(query).mappings().one_or_none()


def all_users(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(select(users).order_by(users.c.username)).mappings())


def add_user(connection: Connection, row: dict[str, Any]) -> bool:
    """Add an account; False when the name is taken."""
    return insert_new(connection, users, row)


def change_user(connection: Connection, username: str, values: dict[str, Any]) -> None:
    connection.execute(update(users).where(users.c.username == username).values(**values))


def add_session(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(sessions).values(**row))


def session(connection: Connection, token_sha256: str) -> RowMapping | None:
    """The session and its user in one row."""
    query = (
        select(sessions, users.c.full_name, users.c.role, users.c.disabled)
        .join(users, users.c.username == sessions.c.username)
        .where(sessions.c.token_sha256 == token_sha256)
    )
    return connection.execute(query).mappings().one_or_none()


def touch_session(connection: Connection, token_sha256: str, used_ms: int) -> None:
    connection.execute(update(sessions).where(sessions.c.token_sha256 == token_sha256).values(used_ms=used_ms))


def end_session(connection: Connection, token_sha256: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_sha256))


def end_sessions_of(connection: Connection, username: str) -> int:
    return int(connection.execute(delete(sessions).where(sessions.c.username == username)).rowcount)


def end_sessions_of_sid(connection: Connection, provider_sid: str) -> int:
    """End the sessions that belong to one session at the provider."""
    return int(connection.execute(delete(sessions).where(sessions.c.provider_sid == provider_sid)).rowcount)


def add_login_token(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(login_tokens).values(**row))


def use_login_token(connection: Connection, token_sha256: str, now_ms: int) -> str | None:
    """The user of a one-time token that is valid, and mark it used; None when it is not."""
    done = connection.execute(
        update(login_tokens)
        .where(
            login_tokens.c.token_sha256 == token_sha256,
            login_tokens.c.used_ms.is_(None),
            login_tokens.c.expires_ms > now_ms,
        )
        .values(used_ms=now_ms)
        .returning(login_tokens.c.username)
    )
    return done.scalar_one_or_none()
