"""Files as other people write them: each is taken right or refused with one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.contract.errors import OrdersInvalid
from gateway.contract.transitions import Transition
from gateway.errors import FileUnreadable
from gateway.replay import bundle, fixes
from tests.support.contact_orders import MONDAY_NOON_MS, at, circle, order, second_of, told, words
from tests.support.tracker_messages import order_document
from waakzaam.commands import replay as command
from waakzaam.exits import BadInput

HEADER = ",".join(fixes.COLUMNS)
HERS = "".join(f"2026-03-02T11:{m:02d}:00Z,trk-p1,50.8466,4.3517,5,,,\n" for m in range(10))
HIS = "".join(f"2026-03-02T11:{m:02d}:05Z,trk-m1,{50.8766 - 0.003 * m:.4f},4.3517,5,,,\n" for m in range(10))


def rows_of(content: bytes, tmp_path: Path) -> list[Any]:
    path = tmp_path / "fixes.csv"
    path.write_bytes(content)
    return fixes.read(path, lambda bad: pytest.fail(str(bad)))


@pytest.mark.parametrize(
    "written",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\r\n", 7).encode() + b"\r\n\r\n",
        lambda text: text.encode("utf-16"),
        lambda text: text.replace(HEADER, HEADER.upper()).encode(),
        lambda text: "\n".join(reversed(text.splitlines()[1:])).join([HEADER + "\n", "\n"]).encode(),
    ],
)
def test_the_same_rows_are_read_however_they_are_written(written: Any, tmp_path: Path) -> None:
    text = f"{HEADER}\n{HERS}{HIS}"
    assert set(rows_of(written(text), tmp_path)) == set(rows_of(text.encode(), tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        (f"{HEADER}\n{HERS}".replace(",", ";"), "not separated by commas"),
        (f"{HEADER}\n{HERS}".replace(",", "\t"), "not separated by commas"),
        ("time,device_id,lat,lon,lat\n", "names lat twice"),
        ("time,device,lat,lon\n", "lacks device_id"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_reason(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=reason):
        rows_of(content.encode(), tmp_path)


def test_a_replay_of_no_rows_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps({"schema": "waakzaam.orders/1", "orders": []}))
    (tmp_path / "f.csv").write_text(HEADER + "\n")
    with pytest.raises((BadInput, typer.Exit)) as refused:
        command.replay(tmp_path / "o.json", tmp_path / "f.csv", out=str(tmp_path / "a.jsonl"))
    assert "nothing was judged" in str(refused.value)
    assert not (tmp_path / "a.jsonl").exists()


SEAM = [
    [[[179.9, -0.1], [180, -0.1], [180, 0.1], [179.9, 0.1], [179.9, -0.1]]],
    [[[-180, -0.1], [-179.9, -0.1], [-179.9, 0.1], [-180, 0.1], [-180, -0.1]]],
]


def crossing(parts: list[Any], eastward: bool, buffer_m: float) -> list[Transition]:
    """Along the equator from 3.3 km before the antimeridian zone to 3.3 km past it, a fix each 10 s at 33 m/s."""
    zone = {"zone_id": "Z", "shape": {"type": "MultiPolygon", "coordinates": parts}, "buffer_m": buffer_m}
    one = order(protected=[], proximity=None, zones=[zone], timezone="UTC")
    rows = []
    for k in range(86):
        lon = 179.87 + 0.003 * k if eastward else 180.13 - 0.003 * k
        fix = at("trk-m1", 10 * k, 0)
        rows.append(fix._replace(lat=0.0, lon=lon if lon <= 180 else lon - 360))
    return told(one, rows)


@pytest.mark.parametrize("eastward", [True, False])
def test_a_zone_split_at_the_antimeridian_is_one_zone(eastward: bool) -> None:
    transitions = crossing(SEAM, eastward, 500)
    assert words(transitions)[:2] == [("zone_buffer", "raised"), ("zone_entry", "raised")]
    assert second_of(transitions[1]) == pytest.approx(100, abs=10)
    assert [t.transition for t in transitions if t.kind == "zone_entry"] == ["raised", "cleared"]


WHOLE = [
    [[179.9, -0.1], [-179.9, -0.1], [-179.9, 0.1], [179.9, 0.1], [179.9, -0.1]],
    [[-179.99, 0.05], [179.99, 0.05], [179.99, 0.08], [-179.99, 0.08], [-179.99, 0.05]],
]


@pytest.mark.parametrize("turned", [False, True])
def test_a_zone_that_crosses_the_antimeridian_need_not_be_split(turned: bool) -> None:
    rings = [ring[2:] + ring[1:3] for ring in WHOLE] if turned else WHOLE
    split = [(t.time_ms, t.kind, t.transition, t.distance_m) for t in crossing(SEAM, True, 500)]
    assert [(t.time_ms, t.kind, t.transition, t.distance_m) for t in crossing([rings], True, 500)] == split


def test_a_ring_around_a_pole_is_refused() -> None:
    ring = [[0, 89], [120, 89], [-120, 89], [0, 89]]
    with pytest.raises(OrdersInvalid, match="around a pole"):
        crossing([[ring]], True, 0)


@pytest.mark.parametrize("part", [0, 1])
def test_a_buffer_reaches_across_the_antimeridian(part: int) -> None:
    eastward = part == 1
    first = crossing([SEAM[part]], eastward, 2_000)[0]
    border_s = 10 * (180 - 179.87) / 0.003 if eastward else 10 * (180.13 - 180) / 0.003
    assert first.kind == "zone_buffer"
    assert second_of(first) == pytest.approx(border_s - 2_000 / 33.4, abs=15)


def test_of_two_places_at_one_instant_neither_hides_the_other() -> None:
    hers = [at("trk-p1", s, 0) for s in range(0, 300, 30)]
    far, near = [at("trk-m1", s, 5_000) for s in range(1, 300, 30)], [at("trk-m1", s, 100) for s in range(1, 300, 30)]
    assert told(order(), [*hers, *far, *near], kind="proximity_alert")
    zone = order(protected=[], proximity=None, zones=[circle()])
    assert told(zone, [*far, *near], kind="zone_entry")


def test_a_tracker_that_fell_silent_is_not_called_still() -> None:
    rows = [at("trk-m1", s, 9_000) for s in range(0, 301, 60)] + [at("trk-p1", s, 0) for s in range(0, 301, 60)]
    later = [at("trk-m1", 90 * 86_400, 9_000), at("trk-p1", 90 * 86_400 + 5, 9_000)]
    transitions = told(order(), rows + later)
    assert "device_left_behind" not in {t.kind for t in transitions if t.time_ms < MONDAY_NOON_MS + 80 * 86_400_000}
    assert ("contact_loss", "raised") in words(transitions)
    assert words(transitions)[-1] == ("proximity_alert", "raised")


def test_a_tracker_that_reports_from_one_place_for_two_days_is_left_behind_and_then_moves() -> None:
    rows = [at("trk-m1", s, 9_000) for s in range(0, 49 * 3600, 600)] + [at("trk-m1", 49 * 3600, 7_000)]
    one = order(protected=[], proximity=None, zones=[circle()])
    left = told(one, rows, kind="device_left_behind")
    assert [t.transition for t in left] == ["raised", "cleared"]
    assert second_of(left[0]) == 48 * 3600


def test_rows_outside_every_orders_time_are_said_and_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.json").write_text(json.dumps(order_document(protected=[])))
    (tmp_path / "f.csv").write_text(f"{HEADER}\n{HIS.replace('2026-', '2006-')}")
    command.replay(tmp_path / "o.json", tmp_path / "f.csv", out=str(tmp_path / "a.jsonl"))
    assert "no order is in force at any time of the tracker 'trk-m1'" in capsys.readouterr().err


def test_a_track_with_unusable_points_is_replayed_and_ends_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps(order_document()))
    point = '<trkpt lat="50.85" lon="4.35"><time>2026-03-02T12:00:00Z</time></trkpt>'
    (tmp_path / "w.gpx").write_text(f'<gpx>{point}<trkpt lat="50.85" lon="4.35"/></gpx>')
    with pytest.raises(BadInput, match="1 row was unusable"):
        command.replay(tmp_path / "o.json", track=[f"trk-m1={tmp_path / 'w.gpx'}"], out=str(tmp_path / "a.jsonl"))
    assert (tmp_path / "a.jsonl").exists()


@pytest.mark.parametrize(("field", "value"), [("sha256", []), ("transitions", None), ("fixes", {}), ("engine", 3)])
def test_a_bundle_of_another_shape_is_refused_in_words(field: str, value: Any) -> None:
    whole = bundle.make({"schema": "waakzaam.orders/1", "orders": []}, [], MONDAY_NOON_MS, [])
    assert bundle.differences(whole) == []
    with pytest.raises(bundle.BundleUnusable, match=field):
        bundle.differences({**whole, field: value})


def test_a_bundle_whose_seals_were_taken_off_does_not_hold() -> None:
    whole = bundle.make({"schema": "waakzaam.orders/1", "orders": []}, [], MONDAY_NOON_MS, [])
    assert len(bundle.differences({**whole, "sha256": {}})) == 6
