"""`waakzaam replay`, `verify` and `what-if` as a user runs them."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from gateway.contract import orders as contract
from gateway.replay import map_page
from tests.support.contact_orders import at
from tests.support.tracker_messages import order_document
from waakzaam.cli import main

HEADER = "time,device_id,lat,lon,horizontal_accuracy_m,speed_m_s,course_deg,event\n"


class Done(NamedTuple):
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def waakzaam(*arguments: str | Path) -> Done:
    """The command line as `main` runs it, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["waakzaam", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def csv_rows() -> list[str]:
    """A monitored person who walks up to 100 m, waits there, and goes away again."""
    rows = []
    for minute in range(60):
        north = abs(minute - 30) * 100 + 100
        clock = f"2026-03-02T12:{minute:02d}"
        rows.append(f"{clock}:00+01:00,trk-m1,{50.8466 + north / 111_250:.7f},4.3517,5,,,\n")
        rows.append(f"{clock}:30+01:00,trk-p1,50.8466,4.3517,,,,\n")
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "o.json").write_text(json.dumps(order_document()))
    (tmp_path / "f.csv").write_text(HEADER + "".join(csv_rows()))
    return tmp_path


def test_a_replay_gives_the_same_bytes_in_any_order_of_rows(folder: Path) -> None:
    done = waakzaam("replay", "--orders", folder / "o.json", "--fixes", folder / "f.csv", "--out", folder / "a.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "g.csv").write_text(HEADER + "".join(reversed(csv_rows() + csv_rows()[:9])))
    again = waakzaam("replay", "--orders", folder / "o.json", "--fixes", folder / "g.csv", "--out", "-")
    assert again.stdout == (folder / "a.jsonl").read_text()
    kinds = [(json.loads(line)["kind"], json.loads(line)["transition"]) for line in again.stdout.splitlines()]
    assert ("proximity_alert", "raised") in kinds
    assert ("proximity_alert", "cleared") in kinds


def test_until_lets_silence_become_an_alarm(folder: Path) -> None:
    done = waakzaam(
        *("replay", "--orders", folder / "o.json", "--fixes", folder / "f.csv", "--until", "2026-03-02T13:30:00+01:00")
    )
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds.count("contact_loss") >= 2


def test_bad_rows_are_named_and_the_good_ones_replayed(folder: Path) -> None:
    bad = [
        "2026-03-02T12:00:00,trk-m1,50,4,,,,\n",
        "2026-03-02T12:00:00Z,trk-m1,95,4,,,,\n",
        "x\n",
        "a,b,c,d,e,f,g,h\n",
    ]
    bad.append("2026-03-02T12:00:00Z,trk-m1,,,,,,sneeze\n")
    bad += [f"{year}-03-02T12:00:00Z,trk-m1,50,4,,,,\n" for year in ("0001", "9999")]
    (folder / "bad.csv").write_text(HEADER + "".join(bad) + "".join(csv_rows()))
    good = waakzaam("replay", "--orders", folder / "o.json", "--fixes", folder / "f.csv")
    done = waakzaam("replay", "--orders", folder / "o.json", "--fixes", folder / "bad.csv", "--out", folder / "b.jsonl")
    assert done.returncode == 2
    assert (folder / "b.jsonl").read_text() == good.stdout
    lines = done.stderr.splitlines()
    assert [line.split(":")[2] for line in lines[:7]] == ["2", "3", "4", "5", "6", "7", "8"]
    assert "event" in lines[4]
    assert len(lines) == 8


def test_a_tracker_that_no_order_names_is_said_and_not_passed_over(folder: Path) -> None:
    slip = "".join(csv_rows()).replace("trk-m1", "trk-ml")
    (folder / "slip.csv").write_text(HEADER + slip)
    done = waakzaam(
        "replay", "--orders", folder / "o.json", "--fixes", folder / "slip.csv", "--out", folder / "s.jsonl"
    )
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "'trk-ml'" in done.stderr


@pytest.mark.parametrize(
    ("orders", "fixes", "says"),
    [
        (None, HEADER, "o2.json"),
        ("{", HEADER, "not JSON"),
        ('{"schema": 1}', HEADER, "waakzaam.orders/1"),
        (json.dumps(order_document(timezone="Mars")), HEADER, "orders[0].timezone"),
        (json.dumps(order_document()), "", "is empty"),
        (json.dumps(order_document()), "a,b\n1,2\n", "lacks time"),
    ],
)
def test_an_unusable_file_is_one_line_and_exit_status_2(
    folder: Path, orders: str | None, fixes: str, says: str
) -> None:
    if orders is not None:
        (folder / "o2.json").write_text(orders)
    (folder / "f2.csv").write_text(fixes)
    out = folder / "never.jsonl"
    done = waakzaam("replay", "--orders", folder / "o2.json", "--fixes", folder / "f2.csv", "--out", out)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not out.exists()


def test_an_evidence_bundle_verifies_and_a_touched_one_does_not(folder: Path) -> None:
    bundle = folder / "e.json"
    waakzaam("replay", "--orders", folder / "o.json", "--fixes", folder / "f.csv", "--evidence", bundle)
    assert waakzaam("verify", bundle).returncode == 0
    document = json.loads(bundle.read_text())
    document["fixes"][3][2] = 50.9
    bundle.write_text(json.dumps(document))
    done = waakzaam("verify", bundle, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["holds"] is False
    (folder / "x.json").write_text("{}")
    assert waakzaam("verify", folder / "x.json").returncode == 2


def test_what_if_shows_a_proposal_beside_the_present_order(folder: Path) -> None:
    page = folder / "map.html"
    done = waakzaam(
        *("what-if", "--orders", folder / "o.json", "--fixes", folder / "f.csv", "--alert-distance-m", "50"),
        *("--prealert-distance-m", "60", "--map", page, "--json"),
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["present"]["alarms"] > outcome["proposed"]["alarms"]
    assert outcome["recall_of_present_breaches"] == 0.0
    text = page.read_text()
    assert "trk-m1" in text
    assert '"changes":[["alert",' in text
    assert f'["count_alarms",{outcome["present"]["alarms"]},{outcome["proposed"]["alarms"]}]' in text
    assert "http" not in text.replace("http-equiv", "")


def test_the_map_cannot_be_broken_out_of_by_what_a_row_says() -> None:
    parsed = contract.parse(order_document())
    hostile = at("trk-m1", 0, 0)._replace(event="</script><script>alert(1)</script>")
    page = map_page.render(parsed, [hostile], [])
    assert page.count("</script>") == 1
    assert "alert(1)" not in page
