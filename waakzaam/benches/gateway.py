"""`waakzaam bench gateway`: every figure promised for the contact-ban engine, peers beside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from waakzaam.benches import _accuracy, _decisions, _live, _partitions, _throughput, _week
from waakzaam.benches.report import Figure, Report


def _core_rate(figures: list[Figure]) -> float:
    """Fixes a second of the whole core, as measured before in this run."""
    return next(float(f.value or 0) for f in figures if f.name.startswith("core, batches"))


def run(seed: int, quick: bool) -> Report:
    """All figures; `quick` runs each on a small sample. Takes minutes in full."""
    rng = np.random.default_rng(seed)
    sizes = {
        "approaches": 200 if quick else 10_000,
        "border_walks": 60 if quick else 1_000,
        "week_orders": 40 if quick else 1_000,
        "week_days": 1 if quick else 7,
        "cover_orders": 40 if quick else 600,
        "report_interval_s": 180,
        "core_orders": 4_000 if quick else 50_000,
        "many_orders": 20_000 if quick else 1_000_000,
        "postgis_fixes": 20_000 if quick else 200_000,
        "live_messages": 4_000 if quick else 60_000,
        "partitioned_messages": 2_000 if quick else 20_000,
        "restart_orders": 2_000 if quick else 100_000,
    }
    figures: list[Figure] = []
    parts: list[tuple[str, Callable[[], list[Figure]]]] = [
        ("distances", lambda: _accuracy.distances(rng, 2_000 if quick else 50_000)),
        ("probabilities", lambda: [_accuracy.probabilities(rng, 3 if quick else 10, 10**6 if quick else 10**7)]),
        ("approaches", lambda: _decisions.approaches(seed, sizes["approaches"])),
        ("border", lambda: _decisions.border(seed, sizes["border_walks"])),
        (
            "week",
            lambda: _week.nuisance(
                seed, orders=sizes["week_orders"], days=sizes["week_days"], interval_s=sizes["report_interval_s"]
            ),
        ),
        (
            "cover",
            lambda: _week.under_cover(seed, orders=sizes["cover_orders"], interval_s=sizes["report_interval_s"]),
        ),
        ("core", lambda: _throughput.core(seed, sizes["core_orders"], 6 if quick else 10)),
        ("scale", lambda: _throughput.scale(seed, sizes["many_orders"], 30)),
        (
            "postgis",
            lambda: _throughput.postgis(seed, 500 if quick else 5_000, sizes["postgis_fixes"], _core_rate(figures)),
        ),
        ("live", lambda: _live.live(seed, sizes["live_messages"])),
        ("partitions", lambda: _partitions.rates(seed, sizes["partitioned_messages"])),
        ("restart", lambda: [_live.restart(sizes["restart_orders"])]),
    ]
    for name, part in parts:
        begin = time.perf_counter()
        figures += part()
        print(f"bench gateway: {name} took {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
    inputs = {"tracks": list(_decisions.TRACKS), "quick": quick, **sizes}
    return Report("gateway", seed, inputs, tuple(figures))
