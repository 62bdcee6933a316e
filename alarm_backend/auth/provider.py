"""An OpenID provider as its client sees it: what it publishes, its keys as they change, codes for tokens.

Every answer is bounded in time and size, redirects are not followed, and a provider that does not answer is said so:
local accounts go on working.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from alarm_backend.auth.id_tokens import Expected, UnknownKey
from alarm_backend.auth.oidc_settings import OidcSettings
from alarm_backend.errors import ProviderUnavailable

TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 1_000_000
METADATA_MS = 3_600_000
KEYS_MS = 600_000
KEYS_AGAIN_MS = 10_000
"""An unknown key id has the keys fetched again, at most this often: forged ids must not make us knock all day."""


@dataclass(frozen=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str
    access_token: str


class Provider:
    """One provider; safe to use from several threads."""

    def __init__(self, settings: OidcSettings, wall_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._wall_ms = wall_ms
        self._lock = threading.Lock()
        self._metadata: tuple[int, dict[str, Any]] | None = None
        self._keys: tuple[int, KeySet] | None = None

    def expected(self) -> Expected:
        """What its tokens must have been made for, at this moment."""
        chosen = self._settings
        return Expected(chosen.issuer, chosen.client_id, self._wall_ms() // 1000, chosen.leeway_s)

    def metadata(self) -> dict[str, Any]:
        """What it publishes about itself. Raises ProviderUnavailable."""
        with self._lock:
            if self._metadata is None or self._metadata[0] < self._wall_ms() - METADATA_MS:
                found = self._get(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != self._settings.issuer:
                    raise ProviderUnavailable(self._settings.issuer, f"calls itself {found.get('issuer')!r}")
                secure = self._settings.issuer.startswith("https://")
                try:
                    if secure:
                        OpenIDProviderMetadata(found).validate()
                    for needed in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                        if not str(found[needed]).startswith("https://" if secure else "http"):
                            raise ValueError(f"{needed} is not secure")
                except (ValueError, KeyError) as error:
                    raise ProviderUnavailable(
                        self._settings.issuer, f"publishes something unusable: {error}"
                    ) from error
                self._metadata = (self._wall_ms(), found)
            return self._metadata[1]

    def _keys_since(self, newest_allowed_ms: int) -> KeySet:
        uri = self.metadata()["jwks_uri"]
        with self._lock:
            if self._keys is None or self._keys[0] < newest_allowed_ms:
                try:
                    self._keys = (self._wall_ms(), KeySet.import_key_set(self._get(uri)))  # type: ignore[arg-type]
                except (JoseError, KeyError, TypeError, ValueError) as error:
                    raise ProviderUnavailable(self._settings.issuer, f"its keys cannot be read: {error}") from error
            return self._keys[1]

    def verified(self, verify: Callable[[KeySet], dict[str, Any]]) -> dict[str, Any]:
        """`verify` with the provider's keys; once more with fresh ones when it changed them since.

        Raises TokenRefused or ProviderUnavailable.
        """
        now_ms = self._wall_ms()
        try:
            return verify(self._keys_since(now_ms - KEYS_MS))
        except UnknownKey:
            return verify(self._keys_since(now_ms - KEYS_AGAIN_MS))

    def authorization_url(self, *, state: str, nonce: str, code_verifier: str) -> str:
        """Where the browser signs in. Raises ProviderUnavailable."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(code_verifier),
            "code_challenge_method": "S256",
        }
        return str(add_params_to_uri(self.metadata()["authorization_endpoint"], list(asked.items())))

    def end_session_url(self) -> str | None:
        """Where the browser ends its session at the provider; None when it has no such place."""
        endpoint = self.metadata().get("end_session_endpoint")
        after = {"client_id": self._settings.client_id, "post_logout_redirect_uri": self._settings.after_sign_out}
        return str(add_params_to_uri(endpoint, list(after.items()))) if endpoint else None

    def exchange(self, code: str, code_verifier: str) -> Tokens | None:
        """The tokens for a code; None when the provider refuses it. Raises ProviderUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": code_verifier,
        }
        credentials = httpx.BasicAuth(self._settings.client_id, self._settings.client_secret)
        answer = self._call("POST", self.metadata()["token_endpoint"], data=form, auth=credentials)
        if 400 <= answer.status_code < 500:
            return None
        body = self._body(answer)
        if not isinstance(body.get("id_token"), str) or not isinstance(body.get("access_token"), str):
            raise ProviderUnavailable(self._settings.issuer, "gave no ID token for a code")
        return Tokens(body["id_token"], body["access_token"])

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """What else it tells about the person; {} when it has no such place. Raises ProviderUnavailable."""
        endpoint = self.metadata().get("userinfo_endpoint")
        return self._get(endpoint, {"Authorization": f"Bearer {access_token}"}) if endpoint else {}

    def _get(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return self._body(self._call("GET", url, headers=headers or {}))

    def _call(self, method: str, url: str, **what: Any) -> httpx.Response:
        try:
            with (
                httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, url, **what) as answer,
            ):
                content = b""
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        raise ProviderUnavailable(self._settings.issuer, "an answer is too long")
                return httpx.Response(answer.status_code, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailable(self._settings.issuer, f"does not answer ({type(error).__name__})") from error

    def _body(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            body = answer.json() if answer.status_code == 200 else None
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ProviderUnavailable(self._settings.issuer, f"answered {answer.status_code} without a JSON object")
        return body
