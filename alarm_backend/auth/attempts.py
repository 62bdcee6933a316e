"""How often somebody may try to sign in; pure.

Counted per name and per address in this process. A right password that comes while locked is refused too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FREE_ATTEMPTS = 5
WINDOW_MS = 15 * 60_000
FIRST_LOCK_MS = 30_000
LOCK_MAX_MS = 15 * 60_000
KEYS_MAX = 10_000


@dataclass
class Attempts:
    """Failed attempts of each key within the window; bounded."""

    _failed: dict[str, list[int]] = field(default_factory=dict)

    def wait_ms(self, key: str, now_ms: int) -> int:
        """How long this key must wait from now; 0 = it may try. From the fifth failure on, doubled each time."""
        failed = [at for at in self._failed.get(key, []) if at > now_ms - WINDOW_MS]
        if len(failed) < FREE_ATTEMPTS:
            return 0
        lock_ms: int = min(FIRST_LOCK_MS << min(len(failed) - FREE_ATTEMPTS, 10), LOCK_MAX_MS)
        return max(0, failed[-1] + lock_ms - now_ms)

    def failed(self, key: str, now_ms: int) -> None:
        """Note a failed attempt."""
        if key not in self._failed and len(self._failed) >= KEYS_MAX:
            self._failed.pop(next(iter(self._failed)))
        recent = [at for at in self._failed.get(key, []) if at > now_ms - WINDOW_MS]
        self._failed[key] = [*recent[-50:], now_ms]

    def succeeded(self, key: str) -> None:
        """Forget a key's failures."""
        self._failed.pop(key, None)
