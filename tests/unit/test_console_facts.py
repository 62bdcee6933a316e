"""What the console says agrees with what the other parts do: lights, response times, language of numbers, assets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.auth.schemas import ROLES
from alarm_backend.console import pages as console_pages
from alarm_backend.console.assets import Assets
from alarm_backend.console.page_frame import CONTENT_SECURITY_POLICY, PAGES, duration_text, home_of, moment_text
from alarm_backend.console.response_times import answers
from alarm_backend.console.rhythms import RHYTHMS
from firmware.bracelet import telling

SHORT_MS_MAX, LONG_MS_MAX = 300, 1000


def _beat(duration_ms: int) -> str:
    return "short" if duration_ms <= SHORT_MS_MAX else "long" if duration_ms <= LONG_MS_MAX else "slow"


@pytest.mark.parametrize("verdict", sorted(telling.PATTERNS))
def test_the_console_draws_the_rhythm_that_the_bracelet_plays(verdict: str) -> None:
    lit = [_beat(duration) for duration, colour, _vibration in telling.PATTERNS[verdict] if colour != telling.DARK]
    assert tuple(lit) == RHYTHMS[verdict]


def test_every_verdict_of_the_bracelet_has_a_rhythm_and_nothing_else_has() -> None:
    assert set(RHYTHMS) == set(telling.PATTERNS)


def _answered(seconds: float | None) -> AlarmView:
    at = None if seconds is None else 1_000_000 + round(seconds * 1000)
    return cast(AlarmView, SimpleNamespace(stored_ms=1_000_000, acknowledged_ms=at))


def test_response_times_meet_en_50518_only_when_both_shares_do() -> None:
    good = answers([_answered(10)] * 9 + [_answered(40)])
    assert good.met is True
    slow = answers([_answered(10)] * 9 + [_answered(90)])
    assert slow.share_fast == 0.9
    assert slow.met is False


def test_an_alarm_that_nobody_answered_counts_as_late_and_not_as_absent() -> None:
    measured = answers([_answered(10), _answered(None)])
    assert measured.share_fast == 0.5
    assert measured.unanswered == 1


def test_without_alarms_nothing_is_claimed() -> None:
    assert answers([]).met is None


def test_each_role_starts_on_a_page_it_may_open() -> None:
    allowed = {path: roles for _, path, roles in PAGES}
    for role in ROLES:
        assert role in allowed[home_of(role)]
    assert home_of("operator") == "/"
    assert home_of("evaluator") == "/field-tests"


@pytest.mark.parametrize(
    ("ms", "language", "words"),
    [(2_450, "nl", "2,4 s"), (59_960, "en", "1 min"), (95_000, "fr", "1 min 35 s"), (2_396_500, "nl", "40 min"),
     (3_600_000, "en", "1 h"), (7_500_000, "nl", "2 u 5 min")],
)  # fmt: skip
def test_how_long_it_took_is_written_as_one_says_it(ms: int, language: str, words: str) -> None:
    assert duration_text(language, ms).replace("\u202f", " ") == words


def test_times_are_written_in_belgian_time_through_the_change_of_clocks() -> None:
    assert moment_text(1_792_888_200_000) == "25-10-2026 02:30:00"
    assert moment_text(1_792_891_800_000) == "25-10-2026 02:30:00"
    assert moment_text(None) == "–"


def _request(encoding: str, etag: str = "") -> Any:
    return SimpleNamespace(headers={"accept-encoding": encoding, "if-none-match": etag})


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    static, vendor = tmp_path / "static", tmp_path / "vendor"
    static.mkdir()
    vendor.mkdir()
    (static / "a.css").write_text("a{}" * 200)
    return Assets(static, vendor)


def test_a_file_is_served_compressed_and_for_ever_under_its_version(assets: Assets) -> None:
    answer = assets.respond("static/a.css", assets.version, _request("gzip, br"))
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.body) < 600


def test_under_another_version_the_browser_must_ask_again(assets: Assets) -> None:
    answer = assets.respond("static/a.css", "old", _request(""))
    assert answer.headers["cache-control"] == "no-cache"
    assert assets.respond("static/a.css", "old", _request("", answer.headers["etag"])).status_code == 304


def test_half_a_set_of_browser_libraries_counts_as_none(assets: Assets, tmp_path: Path) -> None:
    (tmp_path / "vendor" / "htmx.js").write_text("//")
    assert not Assets(tmp_path / "static", tmp_path / "vendor").libraries_ready


def test_the_policy_lets_only_our_own_scripts_run() -> None:
    assert "'unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("back", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"])
def test_preferences_never_send_anybody_elsewhere(back: str) -> None:
    assert console_pages.preferences(language="fr", theme=None, back=back).headers["location"] == "/"
