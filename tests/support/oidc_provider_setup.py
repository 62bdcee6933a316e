"""Sets up the OpenID provider that single sign-on is tested against: `python -m tests.support.oidc_provider_setup`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from alarm_backend.console.node import VendorFailed, install_locked, machine_node, registry_node
from waakzaam.machine import OIDC_PROVIDER, find_oidc_provider

LOCK = Path(__file__).with_name("oidc_provider")


def main() -> int:
    """Install what the lock file says unless it is there; exit status 1 with one line when it cannot be had."""
    stamp = OIDC_PROVIDER / ".made-from"
    wanted = hashlib.sha256((LOCK / "package-lock.json").read_bytes()).hexdigest()
    if find_oidc_provider() is not None and stamp.exists() and stamp.read_text() == wanted:
        return 0
    try:
        install_locked(LOCK, OIDC_PROVIDER, machine_node() or registry_node())
    except VendorFailed as failure:
        print(f"OpenID provider for tests: {failure}", file=sys.stderr)
        return 1
    stamp.write_text(wanted)
    print("OpenID provider for tests: ready", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
