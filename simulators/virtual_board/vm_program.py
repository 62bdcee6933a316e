"""Where the MicroPython VM is that `build_vm.sh` builds."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WAAKZAAM_BUILD", ROOT / ".build"))


def find_vm() -> Path | None:
    """The VM, or None where it has not been built."""
    vm = BUILD / "vm" / "waakzaam-vm"
    return vm if os.access(vm, os.X_OK) else None
