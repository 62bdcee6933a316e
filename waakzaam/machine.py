"""Where this machine keeps the outside things Waakzaam can use: VM, brokers, databases, browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from simulators.virtual_board.vm_program import BUILD, ROOT, find_vm

OIDC_PROVIDER = BUILD / "oidc-provider"

__all__ = ["BUILD", "ROOT", "find_vm"]


def _program(*names: str, folders: tuple[str, ...] = ("/usr/sbin", "/usr/local/sbin")) -> Path | None:
    """The first program of that name on PATH or in the system folders that PATH often lacks."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    return None


def find_mosquitto() -> Path | None:
    """The Mosquitto broker."""
    return _program("mosquitto")


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's server programs (initdb, postgres), newest version first."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True):
        if (folder / "initdb").exists():
            return folder
    initdb = _program("initdb")
    return initdb.parent if initdb else None


def find_nats() -> Path | None:
    """The NATS server, for gateway workers on many machines."""
    return _program("nats-server")


def find_chromium() -> Path | None:
    """A Chromium that Playwright can drive."""
    return _program("chromium", "chromium-browser", "google-chrome")


def find_npm() -> Path | None:
    """npm, for the console's browser libraries."""
    return _program("npm")


def find_oidc_provider() -> Path | None:
    """The OpenID provider for tests, set up by `python -m tests.support.oidc_provider_setup`."""
    folder = OIDC_PROVIDER / "node_modules" / "oidc-provider"
    return folder if (folder / "package.json").exists() else None


def find_compiler() -> Path | None:
    """A C compiler."""
    return _program("gcc", "cc")


def find_browser_libraries() -> Path | None:
    """The folder of the console's browser libraries, set up by `python -m alarm_backend.console.vendor`."""
    folder = BUILD / "vendor"
    return folder if (folder / "base_layer.json").exists() else None


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, all of its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
