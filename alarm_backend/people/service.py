"""Keeps and shows identities; every read is written down with who read whom and what for."""

from __future__ import annotations

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.people import repository
from alarm_backend.people.schemas import Identity
from alarm_backend.people.vault import Vault
from alarm_backend.store.database import Database


class PeopleService:
    """The identities of the parties."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService, vault: Vault) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self.vault = vault

    def put(self, person_id: str, identity: Identity, actor: str) -> None:
        """Keep an identity, sealed. Raises VaultClosed without a key."""
        sealed = self.vault.seal(f"person:{person_id}", identity.model_dump())
        with self._database.writing() as connection:
            repository.put(connection, person_id, sealed, self._clocks.wall_ms())
            self._audit.append(connection, actor, "identity.put", f"person:{person_id}", {})

    def read(self, person_id: str | None, actor: str, purpose: str) -> Identity | None:
        """Who this is, or None when that is not known or there is no key. Logged when there is something to read."""
        if person_id is None or not self.vault.open:
            return None
        with self._database.reading() as connection:
            sealed = repository.sealed(connection, person_id)
        if sealed is None:
            return None
        identity = Identity.model_validate(self.vault.unseal(f"person:{person_id}", sealed))
        self._audit.record_reads(actor, "identity.read", [(f"person:{person_id}", {"purpose": purpose})])
        return identity
