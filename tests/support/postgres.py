"""PostgreSQL for tests: the same rig the benchmarks use, without disk flushes."""

from __future__ import annotations

from waakzaam.rigs.postgres import Server, running

__all__ = ["Server", "running"]
