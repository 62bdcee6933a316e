"""The whole API and every page, called as every role: faults, departures from the description, data that leaked."""

from __future__ import annotations

from pathlib import Path

from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.rigs import api_roles


def measure(name: str, url: str, folder: Path, seed: int, examples: int) -> list[Figure]:
    found = api_roles.Findings()
    with api_roles.place(url, folder) as there:
        for role in api_roles.EVERY_CALLER:
            found.add(api_roles.call_everything(there, role, seed, examples))
            found.add(api_roles.open_every_page(there, role))
    how = f"{name}: API and pages as {len(api_roles.EVERY_CALLER)} callers"
    detail = {"calls": found.calls, "examples_each": examples}
    planted = {what for what in api_roles.SEEN_BY if what != "secret"}
    return [
        at_most(f"{how}, 5xx", len(found.server_errors), 0, "answers", found=found.server_errors[:20], **detail),
        at_most(
            f"{how}, contract violations",
            len(found.contract_violations),
            0,
            "answers",
            found=found.contract_violations[:20],
        ),
        at_most(f"{how}, data seen by a role that may not", len(found.leaks), 0, "answers", found=found.leaks[:20]),
        at_least(f"{how}, planted data found by those who may", len(found.seen), len(planted), "kinds"),
    ]
