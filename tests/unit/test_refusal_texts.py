"""What the backend refuses is said in the language of whoever asked: every reason in the sources has its texts."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import alarm_backend
from alarm_backend.alarms.schemas import Resolution, Shelving
from alarm_backend.app import _answer
from alarm_backend.console import catalogue, refusal_texts
from alarm_backend.devices.schemas import ConditionIn, DeviceIn, HookupIn, UnhookIn
from alarm_backend.drafts.schemas import DraftNew
from alarm_backend.errors import InvalidRequest, NotFound, Refused
from alarm_backend.maintenance.schemas import WindowEnd, WindowIn
from alarm_backend.refusals import PLACE, SENTENCES
from alarm_backend.stock.schemas import LotIn, MoveIn, RecallIn, VenueIn

SOURCES = sorted(Path(alarm_backend.__file__).parent.rglob("*.py"))
CODE_AT = {"Refused": 2, "InvalidRequest": 1, "Forbidden": 0, "NotSignedIn": 0, "TooManyRequests": 0, "VaultClosed": 0}
FACTS = {"TooManyRequests": {"seconds"}}
TRANSLATED_BY_THE_PROVIDER_OR_AN_ENGINEER = {"orders/service.py", "auth/single_sign_on.py"}
TYPED = ("", "x" * 5000, "\x00", "-1", "1e9", "99999999999999999999", "abc", -1, 10**17)
"""What can be typed into a form, and what a script sends."""
FORMS: tuple[type[BaseModel], ...] = (
    *(ConditionIn, DeviceIn, HookupIn, UnhookIn, LotIn, MoveIn, RecallIn, VenueIn),
    *(WindowIn, WindowEnd, DraftNew, Resolution, Shelving),
)


def _raised() -> list[tuple[str, str, ast.Call]]:
    """(place, class, call) of every refusal in the sources."""
    found = []
    for path in SOURCES:
        name = path.relative_to(SOURCES[0].parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in (*CODE_AT, "NotFound", "found")
            ):
                found.append((f"{name}:{node.lineno}", node.func.id, node))
    return found


RAISED = [one for one in _raised() if not one[0].startswith("errors.py")]


@pytest.mark.parametrize(("place", "kind", "call"), RAISED, ids=[place for place, _, _ in RAISED])
def test_a_refusal_has_a_code_with_a_sentence_in_every_language(place: str, kind: str, call: ast.Call) -> None:
    if kind in {"NotFound", "found"}:
        what = call.args[0 if kind == "NotFound" else 1]
        assert isinstance(what, ast.Constant)
        NotFound(str(what.value), "x")  # a KeyError says that there is no sentence
        return
    code = call.args[CODE_AT[kind]]
    assert isinstance(code, ast.Constant), "a code is written where it is raised"
    assert code.value in SENTENCES
    assert set(catalogue.texts()[f"refusal.{code.value}"]) == set(catalogue.LANGUAGES)
    given = {keyword.arg for keyword in call.keywords} | FACTS.get(kind, set())
    if None not in given:  # `**facts`
        assert {place[0] for place in PLACE.findall(SENTENCES[code.value])} <= given
    if code.value == "as_told":
        assert place.split(":", maxsplit=1)[0] in TRANSLATED_BY_THE_PROVIDER_OR_AN_ENGINEER


def test_no_sentence_is_left_that_nobody_says() -> None:
    written = " ".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "refusals.py")
    said = set(re.findall(r'"(\w+)"', written))
    for _, kind, call in RAISED:
        if kind in {"NotFound", "found"}:
            what = call.args[0 if kind == "NotFound" else 1]
            said.add(NotFound(str(getattr(what, "value", "")), "x").code)
    assert set(SENTENCES) - said == set()
    assert {key.removeprefix("refusal.") for key in catalogue.texts() if key.startswith("refusal.")} == set(SENTENCES)


def test_every_class_of_error_that_reaches_a_person_is_looked_for() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    classes = {"AlarmBackendError", *re.findall(r"^class (\w+)\(AlarmBackendError\)", written, re.MULTILINE)}
    assert classes == {
        *CODE_AT,
        "NotFound",
        "AlarmBackendError",
        "ProviderUnavailable",
        "StoreUnavailable",
        "BackupFailed",
    }


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_the_words_in_a_sentence_are_words_of_the_catalogue(code: str) -> None:
    for _name, _quoted, group in PLACE.findall(SENTENCES[code]):
        assert not group or any(key.startswith(f"{group}.") for key in catalogue.texts())


@pytest.mark.parametrize("place", [place for place, kind, _ in RAISED if kind == "InvalidRequest"])
def test_a_field_that_is_refused_has_a_name(place: str) -> None:
    call = next(call for at, _, call in RAISED if at == place)
    if isinstance(call.args[0], ast.Constant):
        assert "field." + str(call.args[0].value) in catalogue.texts()


def _faults(model: type[BaseModel], sent: dict[str, Any]) -> set[str]:
    """What pydantic calls the faults of this input."""
    try:
        model.model_validate(sent)
    except ValidationError as error:
        return {one["type"] for one in error.errors()}
    return set()


@pytest.mark.parametrize("model", FORMS, ids=lambda model: model.__name__)
def test_the_fields_of_a_form_and_what_can_be_wrong_with_them_have_texts(model: type[BaseModel]) -> None:
    assert {name for name in model.model_fields if f"field.{name}" not in catalogue.texts()} == set()
    faults = {fault for name in model.model_fields for wrong in TYPED for fault in _faults(model, {name: wrong})}
    assert {f"invalid.{fault}" for fault in faults} - set(catalogue.texts()) == set()
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"unknown": "x", **dict.fromkeys(model.model_fields, "\x00")})
    assert all(refusal_texts.invalid(language, refused.value) for language in catalogue.LANGUAGES)


def test_a_refusal_is_said_in_dutch_and_french_and_the_api_keeps_its_english() -> None:
    error = Refused("resolve", "in_progress", "cause_still_holds", cause="returned_to_normal")
    assert str(error) == "cannot resolve in state in_progress: the cause still holds, so it is not returned_to_normal"
    assert refusal_texts.refused("nl", error) == "de toestand duurt voort, dus niet “terug normaal”"
    assert refusal_texts.refused("fr", error) == "la situation dure encore, donc pas « retour à la normale »"


def test_a_refused_field_is_named_in_the_readers_language() -> None:
    error = InvalidRequest("ends_ms", "within_hours_of_start", hours=4)
    assert refusal_texts.refused("nl", error) == "einde: moet binnen 4 uur na het begin liggen"


def test_a_list_of_acts_is_a_list_of_words() -> None:
    error = Refused("take", "closing", "possible_now", acts=["confirm_close", "refuse_close"])
    assert refusal_texts.refused("nl", error) == "nu kan: Sluiten goedkeuren, Sluiten weigeren"


def test_the_answer_has_the_english_detail_the_code_and_the_values() -> None:
    request: Any = type("Asked", (), {"headers": {}})()
    answer = _answer(request, InvalidRequest("until", "within_minutes", minutes=480))
    assert json.loads(bytes(answer.body)) == {
        "detail": "until: must lie within the next 480 minutes",
        "code": "within_minutes",
        "values": {"minutes": 480},
        "field": "until",
    }


def test_a_fault_of_the_input_without_a_text_of_its_own_is_never_english() -> None:
    with pytest.raises(ValidationError) as refused:
        HookupIn.model_validate([])
    assert refusal_texts.invalid("nl", refused.value) == "kan niet worden gebruikt"
