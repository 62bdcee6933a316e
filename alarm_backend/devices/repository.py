"""Trackers and hook-ups in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from alarm_backend.store.register_tables import devices, hookups
from alarm_backend.store.tables import positions


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(devices), row)


def get(connection: Connection, device_id: str) -> RowMapping | None:
    return connection.execute(select(devices).where(devices.c.device_id == device_id)).mappings().one_or_none()


def change(connection: Connection, device_id: str, changed: dict[str, Any]) -> None:
    connection.execute(update(devices).where(devices.c.device_id == device_id).values(**changed))


def all_devices(connection: Connection, limit: int) -> list[RowMapping]:
    return list(connection.execute(select(devices).order_by(devices.c.device_id).limit(limit)).mappings())


def add_hookup(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(hookups), row)


def hookup(connection: Connection, hookup_id: str) -> RowMapping | None:
    return connection.execute(select(hookups).where(hookups.c.hookup_id == hookup_id)).mappings().one_or_none()


def change_hookup(connection: Connection, hookup_id: str, changed: dict[str, Any]) -> None:
    connection.execute(update(hookups).where(hookups.c.hookup_id == hookup_id).values(**changed))


def active_of_device(connection: Connection, device_id: str) -> RowMapping | None:
    query = select(hookups).where(hookups.c.device_id == device_id, hookups.c.unhooked_ms.is_(None))
    return connection.execute(query).mappings().first()


def active_of_person(connection: Connection, order_id: str, person_id: str) -> RowMapping | None:
    query = select(hookups).where(
        hookups.c.order_id == order_id, hookups.c.person_id == person_id, hookups.c.unhooked_ms.is_(None)
    )
    return connection.execute(query).mappings().first()


def active(connection: Connection) -> list[RowMapping]:
    query = select(hookups).where(hookups.c.unhooked_ms.is_(None)).order_by(hookups.c.hooked_ms.desc())
    return list(connection.execute(query).mappings())


def of_device(connection: Connection, device_id: str) -> list[RowMapping]:
    query = select(hookups).where(hookups.c.device_id == device_id).order_by(hookups.c.hooked_ms.desc())
    return list(connection.execute(query).mappings())


def waiting(connection: Connection) -> list[RowMapping]:
    """Hook-ups of trackers with a key that nothing authentic was heard of yet."""
    query = (
        select(hookups)
        .join(devices, devices.c.device_id == hookups.c.device_id)
        .where(
            hookups.c.unhooked_ms.is_(None), hookups.c.effective_ms.is_(None), devices.c.key_fingerprint.is_not(None)
        )
    )
    return list(connection.execute(query).mappings())


def first_message_ms(connection: Connection, row: RowMapping) -> int | None:
    """When the tracker was first heard under this order after it was put on."""
    query = select(func.min(positions.c.fix_ms)).where(
        positions.c.order_id == row["order_id"],
        positions.c.device_id == row["device_id"],
        positions.c.person_id == row["person_id"],
        positions.c.fix_ms >= row["hooked_ms"],
    )
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def effective(connection: Connection, until_ms: int) -> list[RowMapping]:
    """Every hook-up that was effective at some time before `until_ms`."""
    query = (
        select(
            hookups.c.order_id,
            hookups.c.mandate_kind,
            hookups.c.role,
            hookups.c.effective_ms,
            hookups.c.unhooked_ms,
        )
        .where(hookups.c.effective_ms.is_not(None), hookups.c.effective_ms < until_ms)
        .order_by(hookups.c.effective_ms)
    )
    return list(connection.execute(query).mappings())
