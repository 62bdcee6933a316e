"""A token that does not hold is refused, whichever way it was forged."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from alarm_backend.auth.id_tokens import (
    LOGOUT_EVENT,
    Expected,
    TokenRefused,
    UnknownKey,
    verify_id_token,
    verify_logout_token,
)
from alarm_backend.auth.oidc_settings import OidcSettings

NOW_S = 1_780_000_000
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}, private=True)
ELLIPTIC = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"}, private=True)
KEYS = KeySet([KEY, ELLIPTIC])
EXPECTED = Expected("https://provider.example", "waakzaam", NOW_S, 30)
GOOD = {
    "iss": "https://provider.example",
    "aud": "waakzaam",
    "sub": "an",
    "nonce": "n-1",
    "iat": NOW_S - 5,
    "exp": NOW_S + 300,
}


def _signed(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256", kid: str = "k1") -> str:
    return jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg])


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _verify(token: str) -> dict[str, Any]:
    return verify_id_token(token, KEYS, EXPECTED, nonce="n-1")


def test_a_token_that_holds_names_its_person() -> None:
    assert _verify(_signed(GOOD))["sub"] == "an"
    assert _verify(_signed(GOOD, ELLIPTIC, "ES256", "k2"))["sub"] == "an"
    assert _verify(_signed({**GOOD, "aud": ["waakzaam", "other"], "azp": "waakzaam"}))["sub"] == "an"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("another issuer", {"iss": "https://provider.example.evil"}),
        ("an issuer with a slash", {"iss": "https://provider.example/"}),
        ("another audience", {"aud": "other"}),
        ("no audience", {"aud": None}),
        ("several audiences and no party", {"aud": ["waakzaam", "other"]}),
        ("another party", {"aud": ["waakzaam", "other"], "azp": "other"}),
        ("another sign-in", {"nonce": "n-2"}),
        ("no nonce", {"nonce": None}),
        ("expired", {"exp": NOW_S - 31}),
        ("expiry as a text", {"exp": str(NOW_S + 300)}),
        ("no expiry", {"exp": None}),
        ("of the future", {"iat": NOW_S + 31}),
        ("not valid yet", {"nbf": NOW_S + 31}),
        ("no subject", {"sub": None}),
        ("an empty subject", {"sub": ""}),
        ("a subject that is a number", {"sub": 7}),
    ],
)
def test_a_token_made_for_anything_else_is_refused(name: str, changed: dict[str, Any]) -> None:
    claims = {key: value for key, value in {**GOOD, **changed}.items() if value is not None}
    with pytest.raises(TokenRefused):
        _verify(_signed(claims))


def test_the_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    assert _verify(_signed({**GOOD, "exp": NOW_S - 29}))
    assert _verify(_signed({**GOOD, "iat": NOW_S + 29}))


def test_an_access_token_that_does_not_belong_to_it_is_refused() -> None:
    token = _signed({**GOOD, "at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})
    with pytest.raises(TokenRefused):
        verify_id_token(token, KEYS, EXPECTED, nonce="n-1", access_token="an access token")


def test_a_signature_that_proves_nothing_is_refused() -> None:
    unsigned = f"{_part({'alg': 'none'})}.{_part(GOOD)}."
    with_our_secret = _signed(GOOD, OctKey.import_key("the client secret, which we know too"), "HS256")
    # The public key as if it were a shared secret: what an HS256-or-RS256 verifier falls for.
    signed_part = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(GOOD)}"
    code = hmac.new(KEY.as_pem(private=False), signed_part.encode(), "sha256").digest()
    with_public_key = f"{signed_part}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"
    genuine = _signed(GOOD)
    head, body, signature = genuine.split(".")
    other_body = f"{head}.{_part({**GOOD, 'sub': 'chief'})}.{signature}"
    for forged in (unsigned, with_our_secret, with_public_key, _signed(GOOD, OTHER), other_body, f"{head}.{body}.", ""):
        with pytest.raises(TokenRefused):
            _verify(forged)


def test_a_key_in_the_token_itself_is_not_believed() -> None:
    header = {"alg": "RS256", "kid": "k1", "jwk": OTHER.as_dict(private=False)}
    with pytest.raises(TokenRefused):
        _verify(jwt.encode(header, GOOD, OTHER, algorithms=["RS256"]))


def test_an_unknown_key_is_told_apart_so_that_newer_keys_are_fetched() -> None:
    with pytest.raises(UnknownKey):
        _verify(_signed(GOOD, OTHER, kid="k9"))


def test_a_sign_out_message_must_be_one_and_be_fresh() -> None:
    good = {"iss": GOOD["iss"], "aud": "waakzaam", "iat": NOW_S, "sid": "s-1", "events": {LOGOUT_EVENT: {}}}
    assert verify_logout_token(_signed(good), KEYS, EXPECTED)["sid"] == "s-1"
    for changed in (
        {"events": {}},
        {"events": "logout"},
        {"nonce": "n-1"},
        {"sid": None},
        {"aud": "other"},
        {"iss": "https://other.example"},
        {"iat": NOW_S - 600},
        {"iat": None},
    ):
        claims = {key: value for key, value in {**good, **changed}.items() if value is not None}
        with pytest.raises(TokenRefused):
            verify_logout_token(_signed(claims), KEYS, EXPECTED)
    with pytest.raises(TokenRefused):  # somebody's own ID token must not sign them out
        verify_logout_token(_signed(GOOD), KEYS, EXPECTED)


def test_a_role_comes_only_from_a_value_that_was_mapped() -> None:
    settings = OidcSettings("https://p", "c", "s", "https://w", roles=(("lead", "supervisor"), ("op", "operator")))
    assert settings.role_of(["op", "lead"]) == "supervisor"
    assert settings.role_of("op") == "operator"
    for claim in (None, [], ["supervisor"], "operator", {"op": 1}, 7, ["OP"]):
        assert settings.role_of(claim) is None
