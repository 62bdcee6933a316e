"""Pictures and pages of verdicts and calibrations: whole, in one file, every verdict told in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sensor_models import detection, judging, reports
from sensor_models.calibration import calibrate
from sensor_models.judging import Judged
from sensor_models.scans import read_csv
from sensor_models.strip_definition import load
from tests.support.colour_tests import GHB_DOSE_MOL_L, calibrated, calibration, simulated
from tests.support.colour_tests import judged as judged_colour
from tests.support.written_scans import CALIBRATION_LEVELS, STRIP_TOML, Formula, write


def _self_contained(page: str) -> None:
    assert page.startswith("<!doctype html>")
    assert page.count("<section") == page.count("</section>")
    assert not re.search(r'(?:src|href)="(?!#)', page.replace('xlink:href="#', ""))
    assert "<script" not in page
    assert "prefers-color-scheme:dark" in page
    assert 'lang="en"' in page
    assert re.findall(r'role="img" aria-label="[^"]+"', page)
    assert "#1b1f24" not in page.split("</style>")[1]  # every ink follows the reader's light or dark


@pytest.fixture(scope="module")
def colour() -> list[Judged]:
    found = []
    for scan_id, one in (
        ("spiked", simulated("lager", {"GHB": GHB_DOSE_MOL_L}, "picture")),
        ("late", simulated("lager", {}, "picture late", times_s=(-5.0, 1000.0))),
        ("alone <&>", simulated("orange_juice", {}, "picture alone", paired=False)),
    ):
        one.scan_id = scan_id
        found.append(Judged(scan_id, judged_colour(one), one, calibration()))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Judged]]:
    """(report of a voltammetric calibration, judged scans)."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "strip.toml").write_text(STRIP_TOML, encoding="utf-8")
    scans = read_csv(write(folder / "cal.csv", Formula(), CALIBRATION_LEVELS, 7))
    done = calibrate(load(folder / "strip.toml"), scans, "2100-01-01", {})
    document = json.loads(json.dumps(done.document))
    unknown = read_csv(write(folder / "unknown.csv", Formula(), [1e-4, 0.0], 9, known=False))
    judged = [Judged(one.scan.scan_id, one.verdict, one.scan, document) for one in detection.judge(document, unknown)]
    return reports.calibration_page(done), judged


def test_a_page_of_colour_tests_shows_each_verdict_with_its_reason_and_picture(colour: list[Judged]) -> None:
    page = reports.judged_page(colour, [])
    _self_contained(page)
    assert page.count("<svg") == 3
    assert "alone &lt;&amp;&gt;" in page
    for one in colour:
        assert one.verdict.verdict in page
    assert "the pads as they look" in page.lower()


def test_pages_of_scans_and_of_fused_drinks_are_whole(made: tuple[str, list[Judged]], colour: list[Judged]) -> None:
    judged = made[1]
    _self_contained(reports.judged_page(judged, []))
    fused = judging.fuse_drinks([judged, colour])
    page = reports.judged_page([*judged, *colour], fused)
    _self_contained(page)
    assert "not tested for" in page


def test_pictures_are_png_and_an_unreadable_scan_is_left_to_the_words(
    made: tuple[str, list[Judged]], colour: list[Judged]
) -> None:
    for judged in (made[1], colour[:1]):
        assert reports.judged_picture(judged).startswith(b"\x89PNG")
    lost = Judged("lost", colour[1].verdict, None, calibration())
    assert reports.judged_picture([lost]).startswith(b"\x89PNG")
    assert "lost" in reports.judged_page([lost, *colour[:1]], [])


def test_reports_of_both_kinds_of_calibration_state_their_limits(made: tuple[str, list[Judged]]) -> None:
    of_colours = reports.calibration_page(calibrated())
    for page in (made[0], of_colours):
        _self_contained(page)
        for word in ("LC", "LD", "LQ", "incapacitating dose", "Near the limits", "Residuals"):
            assert word in page
    assert "beside a clean pour" in of_colours


def test_a_picture_with_another_ending_is_refused(tmp_path: Path) -> None:
    from waakzaam.commands.detect import _draw
    from waakzaam.exits import BadInput

    with pytest.raises(BadInput, match=r"neither \.png nor \.html"):
        _draw(tmp_path / "x.gif", [], [])
