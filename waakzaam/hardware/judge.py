"""Judge a circuit by every electrical rule; what was accepted with a reason is told apart, never hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waakzaam.hardware import rules_controller, rules_nets, rules_power  # noqa: F401  (they fill the register)
from waakzaam.hardware.findings import RULES, Finding
from waakzaam.hardware.schematic import Schematic


@dataclass(frozen=True)
class Outcome:
    """Of a check: what stands against the circuit, and what was accepted (with why)."""

    findings: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, str], ...]
    rules: int
    parts: int
    nets: int
    pads: int

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "rules": self.rules,
            "parts": self.parts,
            "nets": self.nets,
            "pads": self.pads,
            "findings": [vars(one) for one in self.findings],
            "accepted": [vars(one) | {"because": why} for one, why in self.accepted],
        }


def check(schematic: Schematic) -> Outcome:
    """Every rule over a circuit. An accepted entry that matches nothing is a finding: it would hide the next."""
    found = [Finding(name, at, why) for name, one in RULES.items() for at, why in one(schematic)]
    reasons = {(row["rule"], row["at"]): row["because"] for row in schematic.document.get("accepted", ())}
    kept = [one for one in found if (one.rule, one.at) not in reasons]
    accepted = [(one, reasons[one.rule, one.at]) for one in found if (one.rule, one.at) in reasons]
    used = {(one.rule, one.at) for one, _ in accepted}
    kept += [
        Finding("accepted_for_nothing", at, f"rule {name} finds nothing there: take the entry out")
        for name, at in reasons
        if (name, at) not in used
    ]
    pads = sum(len(pin.numbers) for part in schematic.parts.values() for pin in part.type.pins.values())
    return Outcome(tuple(kept), tuple(accepted), len(RULES) + 1, len(schematic.parts), len(schematic.nets), pads)
