"""A case manager draws an order on the map, another signs it: in a real browser before the real backend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from alarm_backend.drafts import what_if
from alarm_backend.drafts.schemas import DraftNew
from alarm_backend.drafts.what_if import Question
from tests.support import contact_ban
from tests.support.browser import Backend, running_backend, signed_in, wait_for_map, wall_ms

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("drafting")) as running:
        running.add_person("ann", role="case_manager", full_name="Ann Maes")
        running.add_person("sup", role="supervisor", full_name="Sofie Prins")
        yield running


@pytest.fixture
def editor(chromium: Browser, backend: Backend) -> Iterator[Page]:
    """Ann with a new draft before her."""
    number = len(backend.services.drafts.listed()) + 1
    page = signed_in(chromium, backend, "ann")
    expect(page).to_have_url(backend.address + "/orders")
    page.goto(backend.address + "/orders/drafts")
    page.fill("#order_id", f"VL-2026-01{number:02}")
    page.get_by_role("button", name="Ontwerp beginnen").click()
    wait_for_map(page)
    page.emulate_media(reduced_motion="reduce")
    yield page
    page.context.close()


def _document(page: Page, backend: Backend) -> dict[str, Any]:
    """What the server has."""
    draft_id = page.url.rsplit("/", 1)[1]
    user = next(user for user in backend.services.auth.users() if user.username == "ann")
    return backend.services.drafts.view(draft_id, user).document


def _save(page: Page) -> None:
    revision = page.locator("[data-revision]").inner_text()
    page.locator('[data-step="save"]').click()
    expect(page.locator("[data-revision]")).not_to_have_text(revision)
    expect(page.locator("[data-dirty]")).to_be_hidden()


def _canvas(page: Page) -> tuple[float, float]:
    box = page.locator("[data-map]").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _draw_circle(page: Page) -> tuple[float, float]:
    """A zone of some size, left of the middle of the map; where that middle is."""
    x, y = _canvas(page)
    page.locator('[data-tool="circle"]').click()
    page.mouse.move(x - 150, y - 60)
    page.mouse.down()
    page.mouse.move(x - 120, y - 60, steps=3)
    page.mouse.move(x - 90, y - 60)
    page.mouse.up()
    return x, y


def test_zones_are_drawn_moved_and_taken_back(editor: Page, backend: Backend) -> None:
    x, y = _draw_circle(editor)
    expect(editor.locator("details[data-zone]")).to_have_count(1)
    editor.locator('[data-tool="polygon"]').click()
    for dx, dy in ((60, -80), (160, -80), (160, 60), (60, 60)):
        editor.mouse.click(x + dx, y + dy)
    editor.keyboard.press("Enter")
    expect(editor.locator("details[data-zone]")).to_have_count(2)
    expect(editor.locator(".handle.corner")).to_have_count(4)
    _save(editor)
    circle, polygon = _document(editor, backend)["zones"]
    assert circle["shape"]["type"] == "Circle"
    assert circle["shape"]["radius_m"] > 1000
    ring = polygon["shape"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert len(ring) == 5

    editor.locator(".handle.corner").first.focus()
    editor.keyboard.press("Shift+ArrowUp")
    moved = editor.locator('textarea[data-kind="ring"]').input_value().splitlines()[0].split()
    assert float(moved[0]) - ring[0][1] == pytest.approx(100 / 111_320, rel=0.02), "100 m to the north"
    editor.keyboard.press("Delete")
    expect(editor.locator(".handle.corner")).to_have_count(3)
    editor.locator("[data-undo]").click()
    expect(editor.locator(".handle.corner")).to_have_count(4)
    editor.locator("[data-undo]").click()
    expect(editor.locator("[data-dirty]")).to_be_hidden()
    editor.locator("[data-redo]").click()
    expect(editor.locator("[data-dirty]")).to_be_visible()

    editor.locator('[data-act="hole"]').click()
    for dx, dy in ((90, -50), (130, -50), (110, 20)):
        editor.mouse.click(x + dx, y + dy)
    editor.keyboard.press("Enter")
    expect(editor.locator('textarea[data-kind="ring"]')).to_have_count(2)
    assert editor.wrong == []  # type: ignore[attr-defined]


def test_a_file_of_zones_is_imported_and_one_that_is_none_is_refused(
    editor: Page, backend: Backend, tmp_path: Path
) -> None:
    corners = [[4.40, 51.20], [4.42, 51.20], [4.42, 51.22], [4.40, 51.20]]
    outline = {"type": "Polygon", "coordinates": [corners]}
    school = {"type": "Feature", "properties": {"name": "School 1"}, "geometry": outline}
    good, bad = tmp_path / "zones.geojson", tmp_path / "point.geojson"
    good.write_text(json.dumps({"type": "FeatureCollection", "features": [school]}))
    bad.write_text(json.dumps({"type": "Point", "coordinates": [4.4, 51.2]}))
    editor.set_input_files("[data-import]", str(bad))
    expect(editor.locator("[data-note]")).to_contain_text("er staan geen veelhoeken in")
    editor.set_input_files("[data-import]", str(good))
    expect(editor.locator("[data-note]")).to_contain_text("1 zones ingevoerd")
    _save(editor)
    zone = _document(editor, backend)["zones"][0]
    assert (zone["zone_id"], zone["shape"]["coordinates"]) == ("School-1", [corners])


def test_without_a_mouse_an_order_is_typed_checked_submitted_and_signed_by_another(
    editor: Page, chromium: Browser, backend: Backend
) -> None:
    editor.locator("#f-monitored-person-id").fill("M 1")
    _save(editor)
    fault = editor.locator('[data-fault="monitored.person_id"]')
    expect(fault).to_contain_text("Alleen letters, cijfers")
    expect(editor.locator("#f-monitored-person-id")).to_have_attribute("aria-invalid", "true")
    expect(editor.locator('[data-step="submit"]')).to_be_hidden()

    editor.locator("#f-mandate-kind").select_option("temporary_barring_order")
    editor.locator("#f-valid-from").fill("2026-07-01T08:00")
    editor.locator("#f-valid-until").fill("2036-12-01T08:00")
    editor.locator("#f-monitored-person-id").fill("M1")
    editor.locator("#f-monitored-device-id").fill("trk-m1")
    editor.locator('[data-act="add"][data-argument="protected"]').press("Enter")
    editor.locator("#f-protected-0-person-id").fill("P1")
    editor.locator("#f-protected-0-device-id").fill("trk-p1")
    editor.locator("#f-proximity-alert-distance-m").fill("1000")
    editor.locator("#f-proximity-prealert-distance-m").fill("2000")
    editor.locator('[data-act="add"][data-argument="zones"]').press("Enter")
    for field, value in (("zone-id", "home"), ("shape-center-1", "50.8466"), ("shape-center-0", "4.3517")):
        editor.locator(f"#f-zones-0-{field}").fill(value)
    editor.locator("#f-victim-contact-battery-low, #f-victim-contact-contact-loss").first.select_option("never")
    editor.locator("[data-reason]").fill("beschikking van 1 juli")
    _save(editor)
    document = _document(editor, backend)
    assert (document["valid_from"], document["valid_until"]) == ("2026-07-01T06:00:00Z", "2036-12-01T07:00:00Z")
    assert document["victim_contact"] == {"contact_loss": "never"}
    expect(editor.locator('[data-review="problems"]')).to_be_hidden()
    editor.locator('[data-step="submit"]').click()
    expect(editor.locator("[data-state]")).to_have_text("Ingediend, wacht op ondertekening")
    expect(editor.locator('[data-step="sign"]')).to_be_hidden()
    assert editor.locator("#f-mandate-kind").is_disabled()

    reviewer = signed_in(chromium, backend, "sup")
    reviewer.goto(editor.url)
    expect(reviewer.locator('[data-review="changes"] tbody')).to_contain_text("Alarm (m)")
    for said in ("01-07-2026 08:00", "cirkel · ", "50.8466 4.3517"):
        expect(reviewer.locator('[data-review="changes"] tbody')).to_contain_text(said)
    reviewer.locator('[data-step="what-if"]').click()
    expect(reviewer.locator("[data-figures]")).to_contain_text("Geen cijfers: maar 0 posities")
    reviewer.locator('[data-step="sign"]').click()
    expect(reviewer).to_have_url(backend.address + f"/orders/{document['order_id']}/versions")
    shown = reviewer.locator('[data-version="1"]')
    expect(shown).to_contain_text("sup")
    expect(shown).to_contain_text("nog niet bevestigd")
    expect(shown).to_contain_text("01-07-2026 08:00")
    assert reviewer.wrong == []  # type: ignore[attr-defined]
    reviewer.context.close()


def _figures(alarms: int) -> dict[str, Any]:
    """What a decision core answers."""
    one = {
        "alarms_per_week": float(alarms),
        "by_kind_per_week": {"zone_entry": float(alarms)},
        "operator_minutes_per_week": 5.0 * alarms,
        "breaches": 1,
    }
    return {"present": one, "proposed": one, "recall": 1.0}


def test_figures_stand_beside_the_zones_they_were_worked_out_for_and_beside_no_others(
    editor: Page, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def core(question: Question) -> dict[str, Any]:
        asked.append(len(question.proposed.get("zones", [])))
        return _figures(asked[-1])

    monkeypatch.setattr(backend.services.drafts, "_ask_what_if", core)
    monkeypatch.setattr(what_if, "POSITIONS_MIN", 1)
    monkeypatch.setattr(what_if, "SPAN_MIN_MS", 1)
    backend.put_order(contact_ban.order("VL-FIGURES"))
    backend.report_positions(contact_ban.approach(wall_ms(), order_id="VL-FIGURES"))
    ann = next(user for user in backend.services.auth.users() if user.username == "ann")
    draft = backend.services.drafts.begin(DraftNew(order_id="VL-FIGURES"), ann)
    editor.goto(f"{backend.address}/orders/drafts/{draft.draft_id}")
    wait_for_map(editor)
    figures = editor.locator("[data-figures]")
    editor.locator('[data-step="what-if"]').click()
    expect(figures.locator("table")).to_be_visible()
    expect(figures.locator(".unavailable")).to_have_count(0)
    _draw_circle(editor)
    expect(editor.locator("details[data-zone]")).to_have_count(2)
    expect(figures.locator(".unavailable")).to_have_text("Berekend voor herziening 1, niet voor deze.")
    editor.locator('[data-step="what-if"]').click()
    expect(figures.locator(".unavailable")).to_have_count(0)
    expect(figures.locator("tbody tr").first).to_contain_text("2,0")
    assert asked == [1, 2], "asked about the zones on the screen"
    editor.route("**/what-if", lambda route: route.abort())
    editor.locator('[data-step="what-if"]').click()
    expect(editor.locator("[data-note]")).to_be_visible()
    expect(figures.locator("table")).to_be_visible()


def test_who_was_signed_out_while_typing_finds_the_words_again(editor: Page, backend: Backend) -> None:
    editor.locator("#f-monitored-person-id").fill("M88")
    editor.context.clear_cookies()
    editor.locator('[data-step="save"]').click()
    expect(editor.locator("[data-note]")).to_contain_text("Geweigerd")
    draft = editor.url
    editor.once("dialog", lambda dialog: dialog.accept())
    editor.goto(f"{backend.address}/sign-in/{backend.services.auth.new_login_link('ann', 'test')}")
    editor.goto(draft)
    expect(editor.locator("#f-monitored-person-id")).to_have_value("M88")
    expect(editor.locator("[data-dirty]")).to_be_visible()


def test_who_saves_second_loses_no_word(editor: Page, chromium: Browser, backend: Backend) -> None:
    other = signed_in(chromium, backend, "sup")
    other.goto(editor.url)
    other.locator("#f-timezone").fill("Europe/Paris")
    _save(other)
    other.context.close()
    editor.locator("#f-monitored-person-id").fill("M77")
    editor.locator('[data-step="save"]').click()
    expect(editor.locator("[data-note]")).to_contain_text("Iemand anders bewaarde eerst")
    editor.once("dialog", lambda dialog: dialog.accept())
    editor.reload()
    expect(editor.locator("[data-note]")).to_contain_text("teruggezet")
    expect(editor.locator("#f-monitored-person-id")).to_have_value("M77")
    _save(editor)


def test_the_editor_fits_a_phone(chromium: Browser, backend: Backend) -> None:
    document = contact_ban.order("VL-PHONE")
    ann = next(user for user in backend.services.auth.users() if user.username == "ann")
    draft = backend.services.drafts.begin(DraftNew(order_id="VL-PHONE", document=document), ann)
    page = signed_in(chromium, backend, "ann", size=(390, 844))
    page.goto(f"{backend.address}/orders/drafts/{draft.draft_id}")
    wait_for_map(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
