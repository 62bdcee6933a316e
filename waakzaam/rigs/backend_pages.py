"""Pages of the documentation made from the backend's own tables: `python -m waakzaam.rigs.backend_pages`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

import alarm_backend.store.register_tables  # noqa: F401 (its tables are on the same page)
from alarm_backend.alarms import lifecycle
from alarm_backend.store.tables import metadata

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA_PAGE = DOCS / "schema.md"
LIFECYCLE_PAGE = DOCS / "alarm-lifecycle.md"
COMMAND = "`python -m waakzaam.rigs.backend_pages`"

PURPOSE = {
    "alarms": "one row an alarm, as it stands now; its history is in transitions",
    "alarm_transitions": "every step of every alarm, the gateway's and people's; an idempotency key is there once",
    "orders": "every version of every court order; one of each is current",
    "positions": "fixes of both parties; removed by retention",
    "identities": "who a pseudonym is, sealed with a key that is not in the database",
    "events": "the numbered log that consoles resume from; kept for two days",
    "audit": "who did what when: hash-chained, append-only",
    "audit_head": "how long the audit chain is and the hash of its last line, so that a cut end shows",
    "users": "accounts; second factors are sealed; people of an OpenID provider by issuer and subject",
    "sessions": "who is signed in; tokens as hashes only",
    "login_tokens": "one-time sign-in links; tokens as hashes only",
    "handovers": "messages to the police, until their receipt is there",
    "instruction_log": "which step of a work instruction was done by whom",
    "heartbeats": "the last sign of life of each source",
    "field_tests": "sealed drink-test records",
    "rejections": "items that could not be used, kept for people to look at",
    "order_drafts": "orders in the making, until somebody else signed them off",
    "order_draft_revisions": "every saved revision of a draft, with who wrote it",
    "order_signatures": "who drafted and who signed each version, and the figures that lay beside it",
    "order_changes": "which orders each revision of the gateway's feed changed; the last thousand",
    "order_receipts": "the version of each order that a gateway said it judges",
    "devices": "trackers and what became of them",
    "hookups": "who wears which tracker under which order, and from when that is effective",
    "maintenance_windows": "planned maintenance: what stands aside until when, who planned it and who agreed",
    "venues": "places and events where bracelets are handed out",
    "stock_lots": "deliveries of bracelets and strips",
    "stock_moves": "what was handed out, came back or was thrown away, where and on which day",
    "feedback": "experiences of users and staff: choices only, to the day",
    "platform_state": "facts about the platform that outlive a restart: flood, stopped escalation",
}
"""What each table is for, where its name does not say it all."""


def _table(table: Table) -> str:
    key = {column.name for column in table.primary_key}
    lines = [f"## {table.name}", ""]
    if table.name in PURPOSE:
        lines += [PURPOSE[table.name][0].upper() + PURPOSE[table.name][1:] + ".", ""]
    lines += ["| column | type | |", "| --- | --- | --- |"]
    dialect = postgresql.dialect()
    for column in table.columns:
        marks = ["key"] if column.name in key else [] if column.nullable else ["always there"]
        lines.append(f"| {column.name} | {column.type.compile(dialect=dialect).lower()} | {', '.join(marks)} |")
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    for constraint in sorted(unique, key=lambda c: str([column.name for column in c.columns])):
        lines += ["", "Unique: " + ", ".join(column.name for column in constraint.columns) + "."]
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        lines += ["", "Index: " + ", ".join(str(getattr(part, "name", part)) for part in index.expressions) + "."]
    return "\n".join(lines)


def schema_page() -> str:
    """Every table of the database."""
    body = "\n\n".join(_table(table) for table in sorted(metadata.tables.values(), key=lambda table: table.name))
    return f"""# The backend's database
Made from `alarm_backend/store/tables.py` by {COMMAND}; a test compares them.
The same on SQLite and PostgreSQL; types are PostgreSQL's. Names that end in `_ms` are Unix milliseconds:
`stored_ms` and `changed_ms` of the real clock, the others of the process clock. Migrations are in
`alarm_backend/migrations`, up and down.

{body}
"""


def lifecycle_page() -> str:
    """What an alarm goes through, as a diagram and as a table of who may do what."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), after in lifecycle.TABLE.items():
        if state != after:
            arrows.setdefault((state, after), []).append(event)
    diagram = "\n".join(f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items())
    head = "| event | " + " | ".join(lifecycle.STATES) + " |"
    rows = [
        f"| {event} | " + " | ".join(lifecycle.TABLE.get((state, event), "–") for state in lifecycle.STATES) + " |"
        for event in lifecycle.EVENTS
    ]
    policy = lifecycle.Policy()
    return f"""# What an alarm goes through
Made from the table in `alarm_backend/alarms/lifecycle.py` by {COMMAND}; a test compares them.
After ISA-18.2 / IEC 62682. Beside the state an alarm has a condition, active or cleared, which only the gateway
changes: a cause that goes away closes nothing, and an act of a person ends no cause.

```mermaid
stateDiagram-v2
    [*] --> raised
{diagram}
    acknowledged --> closing: resolve, severe
    in_progress --> closing: resolve, severe
```

- An acknowledgement that nobody follows up lapses after {policy.acknowledgement_ms // 60_000} minutes.
- Shelving takes a reason and ends after {policy.shelf_max_ms // 3_600_000} hours at most;
  above severity {policy.shelf_severity_max} only a supervisor may.
- Severe: from severity {policy.four_eyes_severity} on `resolve` leads to `closing`, where a second person confirms
  or refuses.

{head}
| --- |{" --- |" * len(lifecycle.STATES)}
{chr(10).join(rows)}

– means refused.
"""


def main() -> None:
    """Write both pages."""
    SCHEMA_PAGE.write_text(schema_page(), encoding="utf-8")
    LIFECYCLE_PAGE.write_text(lifecycle_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
