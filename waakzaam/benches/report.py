"""What every benchmark says: input, seed, version, machine, and each figure beside its target."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import Any

from waakzaam import __version__


@dataclass(frozen=True)
class Figure:
    """One measured figure. `met` is None when there is no target (a peer, or context)."""

    name: str
    value: float | int | str | None
    unit: str
    target: str = ""
    met: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The outcome of one benchmark run. `inputs` names data files, sample sizes and settings."""

    bench: str
    seed: int
    inputs: dict[str, Any]
    figures: tuple[Figure, ...]

    @property
    def met(self) -> bool:
        """True when no figure missed its target."""
        return all(figure.met is not False for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "waakzaam.bench/1",
            "bench": self.bench,
            "seed": self.seed,
            "version": __version__,
            "machine": {
                "cpus": os.cpu_count(),
                "architecture": platform.machine(),
                "system": platform.system(),
                "python": platform.python_version(),
            },
            "inputs": self.inputs,
            "met": self.met,
            "figures": [vars(figure) for figure in self.figures],
        }


def at_most(name: str, value: float, limit: float, unit: str, **detail: Any) -> Figure:
    """A figure that must not exceed its limit; NaN misses."""
    return Figure(name, value, unit, f"<= {limit:g}", bool(value <= limit), detail)


def at_least(name: str, value: float, limit: float, unit: str, **detail: Any) -> Figure:
    """A figure that must reach its limit; NaN misses."""
    return Figure(name, value, unit, f">= {limit:g}", bool(value >= limit), detail)


def unmeasured(name: str, target: str, why: str) -> Figure:
    """A figure that could not be measured: a missed one, with the reason."""
    return Figure(name, None, "", target, False, {"why": why})
