"""Seals short secrets with AES-256-GCM; the key lives in a file outside the database."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alarm_backend.errors import AlarmBackendError

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultClosed(AlarmBackendError):
    """There is no key, or it is not the key this was sealed with."""

    status = 503


class Vault:
    """Seals and opens JSON bodies, each bound to what it is about, so that two cannot be swapped."""

    def __init__(self, key: bytes | None) -> None:
        if key is not None and len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes, has {len(key)}")
        self._cipher = None if key is None else AESGCM(key)

    @property
    def open(self) -> bool:
        """Whether there is a key."""
        return self._cipher is not None

    def seal(self, about: str, body: dict[str, Any]) -> str:
        """The sealed text. Raises VaultClosed without a key."""
        if self._cipher is None:
            raise VaultClosed("no_key_to_keep")
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, json.dumps(body).encode(), about.encode())).decode()

    def unseal(self, about: str, sealed: str) -> dict[str, Any]:
        """What was sealed. Raises VaultClosed when there is no key or it does not fit."""
        if self._cipher is None:
            raise VaultClosed("no_key_to_read")
        raw = base64.b64decode(sealed)
        try:
            body: dict[str, Any] = json.loads(
                self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode())
            )
        except InvalidTag as error:
            raise VaultClosed("other_identity_key", about=about) from error
        return body
