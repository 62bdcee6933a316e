"""Evidence bundle (`waakzaam.evidence/1`): orders, fixes, engine, rules and transitions in one replayable document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid
from gateway.contract.transitions import Transition
from gateway.errors import GatewayError
from gateway.geofence.motion import Observation
from gateway.geofence.rules import ENGINE, STANDARD, Rules
from gateway.replay.run import in_time_order, replay

SCHEMA = "waakzaam.evidence/1"
PARTS = {"orders": dict, "fixes": list, "transitions": list, "engine": str, "rules_changed": dict, "sha256": dict}


class BundleUnusable(GatewayError):
    """A bundle cannot be replayed at all: `field` and `reason`."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


def _sha256(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def make(
    orders_document: Any,
    observations: Sequence[Observation],
    until_ms: int | None,
    transitions: Sequence[Transition],
    rules: Rules = STANDARD,
) -> dict[str, Any]:
    """The bundle of one replay; `sha256` names the content of each part."""
    parts: dict[str, Any] = {
        "orders": orders_document,
        "fixes": [list(row) for row in in_time_order(observations)],
        "transitions": [transition.to_line() for transition in transitions],
        "engine": ENGINE,
        "rules_changed": rules.changed(),
        "until_ms": until_ms,
    }
    return {"schema": SCHEMA, **parts, "sha256": {name: _sha256(part) for name, part in parts.items()}}


def differences(bundle: dict[str, Any]) -> list[str]:
    """What does not hold in a bundle, in words; an empty list means that it replays to the same bytes.

    Raises BundleUnusable when it cannot be replayed at all.
    """
    for field, kind in PARTS.items():
        if field not in bundle:
            raise BundleUnusable(field, "missing")
        if not isinstance(bundle[field], kind):
            raise BundleUnusable(field, "is not what a bundle holds there")
    sealed = [name for name in (*PARTS, "until_ms") if name != "sha256"]
    found = [f"{name}: sha256 does not name it" for name in sealed if name not in bundle["sha256"]]
    found += [
        f"{name}: the content is not what its sha256 says"
        for name, stated in bundle["sha256"].items()
        if _sha256(bundle.get(name)) != stated
    ]
    if bundle["engine"] != ENGINE:
        raise BundleUnusable("engine", f"{bundle['engine']!r} was used, this program has {ENGINE!r}: use that version")
    try:
        orders = contract.parse(bundle["orders"])
        rows = [Observation(*row) for row in bundle["fixes"]]
        rules = Rules(**bundle["rules_changed"])
        again = [t.to_line() for t in replay(orders, rows, bundle.get("until_ms"), rules)]
    except OrdersInvalid as error:
        raise BundleUnusable("orders", str(error)) from None
    except (TypeError, ValueError) as error:
        raise BundleUnusable("fixes", str(error)) from None
    stated_lines = bundle["transitions"]
    if len(again) != len(stated_lines):
        found.append(f"transitions: {len(stated_lines)} are stated, the replay gives {len(again)}")
    for number, (stated, line) in enumerate(zip(stated_lines, again, strict=False)):
        if stated != line:
            found.append(f"transitions[{number}]: differs from what the replay gives")
            break
    return found
