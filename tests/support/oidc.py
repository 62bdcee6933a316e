"""A real OpenID provider on a free port, and a browser (without the drawing) that signs in at it."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from alarm_backend.auth.oidc_settings import OidcSettings
from alarm_backend.console.node import installed
from waakzaam.machine import OIDC_PROVIDER

SCRIPT = Path(__file__).with_name("oidc_provider") / "provider.mjs"
HOPS_MAX = 15


@dataclass
class RunningProvider:
    """One provider; `restart` gives it new keys, as a provider that rotates them does."""

    settings: OidcSettings
    port: int
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        node = installed()
        assert node is not None
        given = {
            "issuer": self.settings.issuer,
            "port": self.port,
            "packages": str(OIDC_PROVIDER),
            "kid": secrets.token_hex(4),
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "redirect_uris": [self.settings.redirect_uri],
            "after_sign_out": [self.settings.after_sign_out],
            "backchannel": self.settings.public_url + "/single-sign-on/sign-out",
        }
        command = [node.node, str(SCRIPT), json.dumps(given)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", "the provider did not start"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def running_provider(settings: OidcSettings, port: int) -> Iterator[RunningProvider]:
    provider = RunningProvider(settings, port)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


def _form(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """(address, hidden fields) of the page's form."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action, page.text[:600]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page.text):
        found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if found.get("type") == "hidden":
            fields[found["name"]] = found.get("value", "")
    return urljoin(str(page.url), action[1]), fields


def sign_in(browser: httpx.Client, start: str, who: str, stop_at: str = "/single-sign-on/callback?") -> str:
    """Follow the way to the provider, sign in and agree there; the address it sends the browser back to."""
    answer = browser.get(start)
    for _ in range(HOPS_MAX):
        while answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if stop_at in address:
                return address
            answer = browser.get(address)
        assert answer.status_code == 200, (answer.url, answer.text[:600])
        address, fields = _form(answer)
        if fields.get("prompt") == "login" or 'name="login"' in answer.text:
            fields |= {"login": who, "password": "anything"}
        answer = browser.post(address, data=fields)
    raise AssertionError(f"no end to the sign-in: {answer.url}")
