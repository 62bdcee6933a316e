"""People sign in through a real, certified OpenID provider; what does not belong together is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from alarm_backend.auth.oidc_settings import OidcSettings
from alarm_backend.settings import Settings
from tests.support.backend import LiveBackend, served
from tests.support.oidc import RunningProvider, running_provider, sign_in
from waakzaam.demo.processes import free_port

pytest_plugins = ("tests.support.backend",)
pytestmark = pytest.mark.needs("oidc")
AN = "an+vcet-operator"


@dataclass
class Place:
    """A backend and its provider."""

    backend: LiveBackend
    provider: RunningProvider

    def browser(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, timeout=10)

    def start(self) -> str:
        return self.backend.url + "/single-sign-on"

    def who(self, browser: httpx.Client) -> str | None:
        """Who this browser is signed in as: name and role."""
        answer = browser.get(self.backend.url + "/api/v1/session")
        if answer.status_code == 401:
            return None
        user = answer.json()["user"]
        return f"{user['username']} {user['role']}"

    def sign_in(self, who: str = AN) -> tuple[httpx.Client, httpx.Response]:
        browser = self.browser()
        return browser, browser.get(sign_in(browser, self.start(), who))

    def actions(self) -> list[str]:
        with self.backend.services.database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT action FROM audit ORDER BY seq").all()
        return [row[0] for row in rows]


@pytest.fixture
def place(settings: Settings) -> Iterator[Place]:
    port, provider_port = free_port(), free_port()
    oidc = OidcSettings(
        issuer=f"http://127.0.0.1:{provider_port}",
        client_id="waakzaam",
        client_secret="a secret of this test, shared with nobody else",
        public_url=f"http://127.0.0.1:{port}",
        roles=(("vcet-lead", "supervisor"), ("vcet-operator", "operator")),
        create_accounts=True,
    )
    with running_provider(oidc, provider_port) as provider, served(replace(settings, oidc=oidc), port) as backend:
        yield Place(backend, provider)


def test_somebody_with_a_role_at_the_provider_signs_in_and_out_at_both(place: Place) -> None:
    browser, answer = place.sign_in()
    assert answer.status_code == 200
    assert 'content="0; url=/"' in answer.text
    assert place.who(browser) == "an operator"
    csrf = browser.get(place.backend.url + "/api/v1/session").json()["csrf"]
    out = browser.post(place.backend.url + "/logout", data={"csrf_token": csrf})
    assert f"{place.provider.settings.issuer}/session/end?" in out.text.replace("&amp;", "&")
    assert place.who(browser) is None
    actions = place.actions()
    assert actions.index("user.add") < actions.index("sign_in") < actions.index("sign_out")


def test_the_role_of_today_counts_and_a_withdrawn_one_ends_every_session(place: Place) -> None:
    lead, _ = place.sign_in("jan+vcet-operator+vcet-lead")
    assert place.who(lead) == "jan supervisor"
    stranger, answer = place.sign_in("piet")
    assert answer.status_code == 401
    assert place.who(stranger) is None
    assert "piet" not in [user.username for user in place.backend.services.auth.users()]
    # The same person without the group: the account is known by its subject, so link it as the provider names it.
    place.backend.services.auth.add_user(
        "kim", "Kim", "operator", None, "test", provider=(place.provider.settings.issuer, "kim")
    )
    session = place.backend.services.auth.open_session("kim", "oidc")
    _, refused = place.sign_in("kim")
    assert refused.status_code == 401
    with httpx.Client(cookies={"waakzaam_session": session.token}) as kim:
        assert place.who(kim) is None


def test_a_name_that_is_taken_here_is_not_taken_over_by_the_provider(place: Place) -> None:
    place.backend.services.auth.add_user("an", "An the first", "supervisor", None, "test")
    browser, _ = place.sign_in()
    who = place.who(browser)
    assert who is not None
    assert who.startswith("an-")
    assert who.endswith(" operator")


def test_a_code_is_good_once_and_only_for_the_browser_that_asked(place: Place) -> None:
    browser = place.browser()
    back = sign_in(browser, place.start(), AN)
    thief = place.browser()
    assert thief.get(back).status_code == 401  # no cookie of this sign-in
    thief.get(place.start())  # a sign-in of the thief's own: the states do not fit
    assert thief.get(back).status_code == 401
    assert place.who(thief) is None
    cookie = browser.cookies["waakzaam_sign_in"]
    assert browser.get(back).status_code == 200
    assert place.who(browser) == "an operator"
    again = place.browser()
    again.cookies.set("waakzaam_sign_in", cookie)  # everything stolen, after its use: the provider refuses the code
    assert again.get(back).status_code == 401
    assert place.who(again) is None


def test_mixed_up_answers_are_refused(place: Place) -> None:
    browser = place.browser()
    back = urlsplit(sign_in(browser, place.start(), AN))
    given = {name: values[0] for name, values in parse_qs(back.query).items()}
    assert given["iss"] == place.provider.settings.issuer
    cookie = browser.cookies["waakzaam_sign_in"]
    for changed in ({"state": "another"}, {"state": ""}, {"iss": "http://evil.example"}, {"code": "another"}):
        tried = place.browser()
        tried.cookies.set("waakzaam_sign_in", cookie)
        asked = back._replace(query=urlencode({**given, **changed})).geturl()
        assert tried.get(asked).status_code == 401, changed
    without_issuer = {name: value for name, value in given.items() if name != "iss"}
    tried = place.browser()
    tried.cookies.set("waakzaam_sign_in", cookie)
    assert tried.get(back._replace(query=urlencode(without_issuer)).geturl()).status_code == 401
    tried.cookies.set("waakzaam_sign_in", cookie[:-8] + "AAAAAAA=")
    assert tried.get(back.geturl()).status_code == 401
    assert place.actions().count("sign_in.refused") == 6


def test_new_keys_of_the_provider_are_fetched_when_a_token_needs_them(place: Place) -> None:
    first, _ = place.sign_in()
    assert place.who(first) is not None
    provider = place.backend.services.single_sign_on.provider  # type: ignore[union-attr]
    provider._keys = (time.time_ns() // 1_000_000 - 60_000, provider._keys[1])  # type: ignore[index]
    place.provider.restart()
    second, answer = place.sign_in()
    assert answer.status_code == 200
    assert place.who(second) is not None


def test_a_session_that_ends_at_the_provider_ends_here(place: Place) -> None:
    browser, _ = place.sign_in()
    other, _ = place.sign_in("jan+vcet-lead")
    address = place.provider.settings.issuer + "/session/end?client_id=waakzaam"
    sign_out = browser.get(address)
    fields = {"xsrf": sign_out.text.split('name="xsrf" value="')[1].split('"')[0], "logout": "yes"}
    done = browser.post(place.provider.settings.issuer + "/session/end/confirm", data=fields)
    assert done.status_code in {302, 303}
    assert place.who(browser) is None
    assert place.who(other) == "jan supervisor"
    assert "sign_out.by_provider" in place.actions()
    forged = httpx.post(place.backend.url + "/single-sign-on/sign-out", data={"logout_token": "a.b.c"})
    assert forged.status_code == 422
    assert place.who(other) == "jan supervisor"


def test_local_accounts_work_while_the_provider_is_away(place: Place) -> None:
    place.provider.stop()
    browser = place.browser()
    assert browser.get(place.start()).status_code == 503
    place.backend.services.auth.add_user("local", "Local", "operator", "long enough for this", "test")
    answer = browser.post(place.backend.url + "/login", data={"username": "local", "password": "long enough for this"})
    assert answer.status_code == 303
    assert place.who(browser) == "local operator"


def test_without_being_told_to_no_account_is_made(settings: Settings) -> None:
    port, provider_port = free_port(), free_port()
    oidc = OidcSettings(
        issuer=f"http://127.0.0.1:{provider_port}",
        client_id="waakzaam",
        client_secret="a secret of this test, shared with nobody else",
        public_url=f"http://127.0.0.1:{port}",
        roles=(("vcet-operator", "operator"),),
    )
    with running_provider(oidc, provider_port) as provider, served(replace(settings, oidc=oidc), port) as backend:
        place = Place(backend, provider)
        _, answer = place.sign_in()
        assert answer.status_code == 401
        backend.services.auth.add_user("an", "An", "operator", None, "test", provider=(oidc.issuer, AN))
        browser, answer = place.sign_in()
        assert answer.status_code == 200
        assert place.who(browser) == "an operator"
