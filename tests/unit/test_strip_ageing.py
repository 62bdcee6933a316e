"""Worn bracelets, reused strips and scans in which something went wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulators.strip import Condition, Scan, Strip, StripCell, load_strip, simulate_scan
from simulators.strip.ageing import CLEAN_LEAKAGE_OHM, Wear, used_strip


@pytest.fixture(scope="module")
def strip(root: Path) -> Strip:
    return load_strip(root / "sensor_models/strips/ketamine_screen.toml")


def net(scan: Scan) -> np.ndarray:
    return scan.forward_a - scan.reverse_a


def worn(uses: int, clean_every: int = 0) -> Wear:
    wear = Wear(seed=4)
    for number in range(uses):
        wear.use(("cola", "red_wine", "lager", "orange_juice")[number % 4])
        if clean_every and number % clean_every == clean_every - 1:
            wear.clean()
    return wear


def test_a_new_bracelet_is_as_good_as_none() -> None:
    wear = Wear()
    assert wear.leakage_ohm == CLEAN_LEAKAGE_OHM
    assert wear.optics().brightness == 1.0
    assert wear.electrode() == Condition()


def test_use_wears_and_cleaning_helps_where_it_can() -> None:
    dirty, cleaned = worn(200), worn(200, clean_every=5)
    assert dirty.leakage_ohm < 1e7 < cleaned.leakage_ohm
    assert dirty.optics().stain > 3 * cleaned.optics().stain
    assert dirty.optics().brightness == cleaned.optics().brightness < 1.0
    assert dirty.electrode().activity < cleaned.electrode().activity < 1.0
    assert dirty.contact_ohm == cleaned.contact_ohm > 10.0


def test_wear_is_a_matter_of_history_and_seed_alone() -> None:
    assert worn(20).leakage_ohm == worn(20).leakage_ohm


def test_a_leaking_holder_shows_on_a_dry_strip_and_under_the_scan() -> None:
    wear = worn(200)
    dry = StripCell("water", {}, wet_at_us=float("inf"), leakage_ohm=wear.leakage_ohm, noise_a=0.0, mains_a=0.0)
    dry.apply(0.5, 0.0, 0.0)
    assert dry.current_a(1e6) == pytest.approx(0.5 / wear.leakage_ohm)


def test_a_reused_strip_carries_its_old_drink_over(strip: Strip) -> None:
    again = used_strip("cola", {"ketamine": 1e-3})
    fresh = simulate_scan(strip, "water", {}, seed=1)
    reused = simulate_scan(strip, "water", {}, seed=1, condition=again)
    window = (fresh.potential_v > 0.75) & (fresh.potential_v < 0.95)
    assert np.ptp(net(reused)[window]) > 3 * np.ptp(net(fresh)[window])
    assert net(reused)[~window].mean() > net(fresh)[~window].mean()


def test_a_damaged_reference_moves_the_peak(strip: Strip) -> None:
    places = []
    for shift_v in (0.0, -0.08):
        scan = simulate_scan(strip, "water", {"ketamine": 1e-3}, seed=1, condition=Condition(reference_shift_v=shift_v))
        places.append(scan.potential_v[int(np.argmax(net(scan)))])
    assert places[1] - places[0] == pytest.approx(-0.08, abs=0.008)


def test_a_bubble_and_knocks_leave_their_marks_and_nothing_else_changes(strip: Strip) -> None:
    plain = simulate_scan(strip, "cola", {"ketamine": 1e-3}, seed=1)
    bubble = simulate_scan(strip, "cola", {"ketamine": 1e-3}, seed=1, condition=Condition(bubble=0.5))
    ratio = bubble.forward_a / plain.forward_a
    assert ratio[0] == pytest.approx(1.0)
    assert ratio[-1] == pytest.approx(0.5)
    knocks = simulate_scan(strip, "cola", {"ketamine": 1e-3}, seed=1, condition=Condition(glitches=3))
    changed = np.count_nonzero(knocks.forward_a != plain.forward_a) + np.count_nonzero(
        knocks.reverse_a != plain.reverse_a
    )
    assert 1 <= changed <= 3
