"""Latitude and longitude the wrong way round: said where it stands, and never read as far away and so safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.geofence.motion import Observation
from gateway.geofence.swapped import looks_swapped, places_of
from gateway.journal.store import Journal
from gateway.orders_file import OrdersFile
from gateway.replay import fixes
from gateway.worker import Delivery, Worker
from tests.support.contact_orders import at, circle, order, told, words
from tests.support.tracker_messages import KEYS, order_document, write_settings
from waakzaam.commands import replay as command
from waakzaam.exits import BadInput


def turned(one: Observation) -> Observation:
    return one._replace(lat=one.lon, lon=one.lat)


@pytest.mark.parametrize(
    ("changes", "lat", "lon", "swapped"),
    [
        ({}, 4.35, 50.85, True),
        ({}, 50.85, 4.35, False),
        ({}, 3.2, 51.2, True),
        ({}, -1.29, 36.82, False),  # in Nairobi; turned round that is off Valencia
        ({}, 0.0, 0.0, False),
        ({}, 5.0, 97.0, False),  # turned round that is no latitude
        ({"timezone": "America/New_York"}, -74.0, 40.7, True),
        ({"timezone": "Australia/Sydney"}, -33.9, 151.2, False),
        ({"timezone": "UTC"}, 4.35, 50.85, False),  # of a pair without a place nothing is known
        ({"timezone": "UTC", "zones": [circle()]}, 4.35, 50.85, True),
        ({"timezone": "Africa/Lagos"}, 3.38, 6.52, False),  # 490 km from Lagos: it may well be meant
    ],
)
def test_a_position_looks_swapped_only_where_the_other_way_round_it_lies_at_the_order_s_places(
    changes: dict[str, object], lat: float, lon: float, swapped: bool
) -> None:
    assert looks_swapped(places_of(order(**changes)), lat, lon) is swapped


def test_a_tracker_that_turns_them_round_is_not_taken_for_far_away_but_for_one_without_a_position() -> None:
    hers = [at("trk-p1", s, 0) for s in range(0, 3_600, 60)]
    his = [at("trk-m1", s, 3_000) for s in range(0, 600, 60)]
    wrong = [turned(at("trk-m1", s, 100)) for s in range(600, 3_600, 60)]
    assert ("gnss_loss", "raised") in words(told(order(), [*hers, *his, *wrong]))
    assert ("gnss_loss", "raised") in words(told(order(), [*hers, *map(turned, his), *wrong]))


def test_a_panic_beside_a_swapped_position_is_an_alarm_and_the_next_right_fix_is_judged() -> None:
    rows = [at("trk-p1", 0, 0), at("trk-m1", 1, 3_000), turned(at("trk-p1", 30, 0, event="panic"))]
    rows += [at("trk-p1", s, 0) for s in (60, 70, 80)] + [at("trk-m1", s, 100) for s in (62, 72, 82)]
    kinds = [t.kind for t in told(order(), rows)]
    assert {"panic", "proximity_alert"} <= set(kinds)


def test_a_replay_names_the_first_of_them_with_file_and_line_counts_them_and_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.json").write_text(json.dumps(order_document()))
    rows = "".join(f"2026-03-02T11:{m:02d}:00Z,trk-m1,4.3517,50.8466,5,,,\n" for m in range(20))
    (tmp_path / "f.csv").write_text(",".join(fixes.COLUMNS) + "\n" + rows)
    with pytest.raises(BadInput, match="20 rows were unusable") as refused:
        command.replay(tmp_path / "o.json", tmp_path / "f.csv", out=str(tmp_path / "a.jsonl"))
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"waakzaam: {tmp_path / 'f.csv'}:2: lat: latitude and longitude look swapped")
    assert len(said) == 3
    assert "3 are named above" in str(refused.value)
    point = '<trkpt lat="4.35" lon="50.85"><time>2026-03-02T12:00:00Z</time></trkpt>'
    (tmp_path / "w.gpx").write_text(f"<gpx>\n{point}\n{point}</gpx>")
    with pytest.raises(BadInput, match="2 rows were unusable"):
        command.replay(tmp_path / "o.json", track=[f"trk-m1={tmp_path / 'w.gpx'}"], out=str(tmp_path / "a.jsonl"))
    assert f"{tmp_path / 'w.gpx'}:2: lat: latitude and longitude look swapped" in capsys.readouterr().err


def test_a_live_gateway_sets_them_aside_counts_them_and_shows_them_on_no_map(tmp_path: Path) -> None:
    write_settings(tmp_path)
    now_ms = [1_770_000_000_000]
    journal = Journal(tmp_path / "gateway.db")
    worker = Worker(journal, KEYS, OrdersFile(tmp_path / "orders.json"), lambda: now_ms[0], lambda: now_ms[0])
    worker.start()

    def said(device: str, lat: float, lon: float) -> Delivery:
        document = {"_type": "location", "lat": lat, "lon": lon, "acc": 5, "tst": now_ms[0] // 1000}
        return Delivery(f"owntracks/{device}", json.dumps(document).encode(), now_ms[0], lambda: None)

    for _ in range(40):
        worker.pass_time()
        worker.take([said("trk/p1", 50.8466, 4.3517), said("trk/m1", 4.3517, 50.8466)])
        now_ms[0] += 60_000
    assert (journal.last_seq(), journal.quarantined(), worker.positions.qsize()) == (80, 40, 40)
    assert {worker.positions.get()["device_id"] for _ in range(40)} == {"trk-p1"}
    kinds = [json.loads(one.document)["kind"] for one in journal.unsent(10)]
    assert kinds == ["gnss_loss"]
    journal.close()
