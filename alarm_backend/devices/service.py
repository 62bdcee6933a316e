"""Hooks trackers up and off, and tells from when a hook-up is effective."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.devices import repository
from alarm_backend.devices.schemas import (
    ConditionIn,
    DeviceHistory,
    DeviceIn,
    DeviceView,
    HookupIn,
    HookupView,
    UnhookIn,
)
from alarm_backend.errors import InvalidRequest, NotFound, Refused, found
from alarm_backend.orders import repository as orders
from alarm_backend.store.database import Database

DEVICES_MAX = 5_000
ENDS = {"lost": "lost", "defect": "defect"}
"""Reasons to take a tracker off that also say what became of it."""


class DeviceService:
    """The register of trackers and hook-ups."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit

    # ---- trackers -----------------------------------------------------------------------------------------------
    def register(self, device_id: str, device: DeviceIn, user: User) -> DeviceView:
        """Add a tracker, or change what is known of one that nobody wears. Raises Refused while somebody does."""
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            known = repository.get(connection, device_id)
            row = {**device.model_dump(), "changed_ms": now_ms}
            if known is None:
                repository.add(connection, {"device_id": device_id, **row, "condition": "usable", "created_ms": now_ms})
            else:
                worn = repository.active_of_device(connection, device_id)
                if worn is not None and known["key_fingerprint"] != device.key_fingerprint:
                    raise Refused("change its key", "hooked up", "worn_by", person=worn["person_id"])
                repository.change(connection, device_id, row)
            detail = {"model": device.model, "key_fingerprint": device.key_fingerprint}
            self._audit.append(connection, user.username, "device.register", f"device:{device_id}", detail)
            return self._view(connection, self._get(connection, device_id))

    def set_condition(self, device_id: str, wanted: ConditionIn, user: User) -> DeviceView:
        """Lost, defect, retired, or usable again. Raises Refused while somebody wears it."""
        with self._database.writing() as connection:
            self._get(connection, device_id)
            worn = repository.active_of_device(connection, device_id)
            if worn is not None and wanted.condition != "usable":
                raise Refused(f"mark as {wanted.condition}", "hooked up", "take_it_off_first", person=worn["person_id"])
            self._set_condition(connection, device_id, wanted.condition, wanted.note, user)
            return self._view(connection, self._get(connection, device_id))

    def _set_condition(self, connection: Connection, device_id: str, condition: str, note: str, user: User) -> None:
        changed = {"condition": condition, "note": note, "changed_ms": self._clocks.wall_ms()}
        repository.change(connection, device_id, changed)
        self._audit.append(
            connection, user.username, "device.condition", f"device:{device_id}", {"condition": condition}
        )

    # ---- hook-ups -----------------------------------------------------------------------------------------------
    def hook_up(self, wanted: HookupIn, user: User) -> HookupView:
        """Put a tracker on a person. Raises InvalidRequest, NotFound or Refused, each with the reason."""
        now_ms = self._clocks.now_ms()
        with self._database.writing() as connection:
            device = self._get(connection, wanted.device_id)
            if device["condition"] != "usable":
                raise Refused("hook up", device["condition"], "not_usable")
            order = orders.current_of(connection, wanted.order_id)
            if order is None:
                raise NotFound("order", wanted.order_id)
            if order["withdrawn"] or not order["valid_from_ms"] <= now_ms < order["valid_until_ms"]:
                raise Refused("hook up", "not in force", "not_in_force", order=wanted.order_id)
            role = _role_in(order["document"], wanted)
            if role == "protected" and not wanted.consent:
                raise InvalidRequest("consent", "consent_needed")
            worn = repository.active_of_device(connection, wanted.device_id)
            if worn is not None:
                raise Refused("hook up", "hooked up", "worn_under", person=worn["person_id"], order=worn["order_id"])
            other = repository.active_of_person(connection, wanted.order_id, wanted.person_id)
            if other is not None:
                raise Refused("hook up", "hooked up", "wears_other", person=wanted.person_id, device=other["device_id"])
            row = {
                **wanted.model_dump(),
                "hookup_id": uuid.uuid4().hex,
                "role": role,
                "mandate_kind": order["mandate_kind"],
                "fitted_by": user.username,
                "hooked_ms": now_ms,
                "effective_ms": None,
                "unhooked_ms": None,
                "stored_ms": self._clocks.wall_ms(),
            }
            repository.add_hookup(connection, row)
            detail = {k: row[k] for k in ("hookup_id", "person_id", "order_id", "role", "consent", "strap_number")}
            self._audit.append(connection, user.username, "device.hook_up", f"device:{wanted.device_id}", detail)
            return self._hookup_view(self._hookup(connection, row["hookup_id"]))

    def unhook(self, hookup_id: str, wanted: UnhookIn, user: User) -> HookupView:
        """Take a tracker off. Raises NotFound or Refused."""
        with self._database.writing() as connection:
            row = self._hookup(connection, hookup_id)
            if row["unhooked_ms"] is not None:
                raise Refused("unhook", "unhooked", "taken_off_before", who=row["unhooked_by"])
            changed = {
                "unhooked_ms": max(self._clocks.now_ms(), row["hooked_ms"]),
                "unhooked_by": user.username,
                "unhook_reason": wanted.reason,
            }
            repository.change_hookup(connection, hookup_id, changed)
            if wanted.reason in ENDS:
                self._set_condition(connection, row["device_id"], ENDS[wanted.reason], "", user)
            detail = {"hookup_id": hookup_id, "person_id": row["person_id"], "reason": wanted.reason}
            self._audit.append(connection, user.username, "device.unhook", f"device:{row['device_id']}", detail)
            return self._hookup_view(self._hookup(connection, hookup_id))

    def look(self) -> int:
        """Mark the hook-ups whose tracker was heard for the first time; how many. Positions come from the gateway,

        which lets only frames through whose signature fits; a tracker without a registered key never counts."""
        with self._database.reading() as connection:
            heard = self._heard(connection)
        if not heard:
            return 0
        with self._database.writing() as connection:
            for row, at_ms in self._heard(connection):
                repository.change_hookup(connection, row["hookup_id"], {"effective_ms": at_ms})
                detail = {"hookup_id": row["hookup_id"], "person_id": row["person_id"], "first_message_ms": at_ms}
                self._audit.append(connection, "system", "device.effective", f"device:{row['device_id']}", detail)
        return len(heard)

    @staticmethod
    def _heard(connection: Connection) -> list[tuple[RowMapping, int]]:
        found = [(row, repository.first_message_ms(connection, row)) for row in repository.waiting(connection)]
        return [(row, at_ms) for row, at_ms in found if at_ms is not None]

    # ---- reading ------------------------------------------------------------------------------------------------
    def listed(self) -> list[DeviceView]:
        """Every tracker with who wears it."""
        with self._database.reading() as connection:
            worn = {row["device_id"]: row for row in repository.active(connection)}
            rows = repository.all_devices(connection, DEVICES_MAX)
        return [
            DeviceView(**row, worn=self._hookup_view(worn[row["device_id"]]) if row["device_id"] in worn else None)
            for row in rows
        ]

    def history(self, device_id: str) -> DeviceHistory:
        """A tracker with every hook-up it had. Raises NotFound."""
        with self._database.reading() as connection:
            shown = self._view(connection, self._get(connection, device_id))
            known = [self._hookup_view(row) for row in repository.of_device(connection, device_id)]
        return DeviceHistory(**shown.model_dump(), hookups=known)

    @staticmethod
    def _get(connection: Connection, device_id: str) -> RowMapping:
        return found(repository.get(connection, device_id), "tracker", device_id)

    @staticmethod
    def _hookup(connection: Connection, hookup_id: str) -> RowMapping:
        return found(repository.hookup(connection, hookup_id), "hook-up", hookup_id)

    def _view(self, connection: Connection, row: RowMapping) -> DeviceView:
        worn = repository.active_of_device(connection, row["device_id"])
        return DeviceView(**row, worn=None if worn is None else self._hookup_view(worn))

    @staticmethod
    def _hookup_view(row: RowMapping) -> HookupView:
        return HookupView(**{name: row[name] for name in HookupView.model_fields})


def _role_in(document: dict[str, Any], wanted: HookupIn) -> str:
    """The person's role in the order. Raises InvalidRequest unless the order says that this tracker is theirs."""
    parties = [("monitored", document["monitored"])]
    parties += [("protected", party) for party in document.get("protected", [])]
    for role, party in parties:
        if party["person_id"] == wanted.person_id:
            if party.get("device_id") != wanted.device_id:
                if named := party.get("device_id"):
                    raise InvalidRequest("device_id", "order_gives_other", person=wanted.person_id, device=named)
                raise InvalidRequest("device_id", "order_gives_none", person=wanted.person_id)
            return role
    raise InvalidRequest("person_id", "no_party", person=wanted.person_id, order=wanted.order_id)
