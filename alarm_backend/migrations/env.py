"""Runs migrations on the connection that `alarm_backend.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from alarm_backend.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller owns the transaction
)
context.run_migrations()
