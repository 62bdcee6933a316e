"""`waakzaam doctor`: what this machine has and lacks, what that costs, and the command that mends it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from waakzaam import machine

VERSION_TIMEOUT_S = 10


@dataclass(frozen=True)
class Finding:
    """One outside thing: whether it is here, and what follows when it is not."""

    name: str
    present: bool
    version: str
    needed_for_demo: bool
    cost: str
    remedy: str


def _first_line(command: list[str]) -> str:
    """The first line that a program says of its version; the reason when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    lines = (done.stdout or done.stderr).strip().splitlines()
    # Mosquitto 2.0 says its version and still ends with a status of its own.
    if done.returncode != 0 and not (lines and "version" in lines[0]):
        return f"does not run: exit status {done.returncode}"
    return lines[0] if lines else "says no version"


def _vm_version(vm: Path) -> str:
    script = "import sys; i = sys.implementation; print(i._machine, '.'.join(str(n) for n in i.version[:3]))"
    return _first_line([str(vm), "-c", script])


def _postgres_version(folder: Path) -> str:
    return _first_line([str(folder / "postgres"), "--version"])


def _multilib() -> Path | None:
    """Whether gcc can link 32-bit programs, which the VM is."""
    compiler = machine.find_compiler()
    if compiler is None:
        return None
    done = subprocess.run(
        [str(compiler), "-m32", "-x", "c", "-", "-o", "/dev/null"],
        input=b"#include <stdio.h>\nint main(void){return 0;}\n",
        capture_output=True,
        check=False,
    )
    return compiler if done.returncode == 0 else None


def _with_flag(flag: str) -> Callable[[Path], str]:
    return lambda path: _first_line([str(path), flag])


@dataclass(frozen=True)
class _Probe:
    name: str
    find: Callable[[], Path | None]
    version: Callable[[Path], str]
    needed_for_demo: bool
    cost: str
    remedy: str


PROBES = (
    _Probe(
        "MicroPython VM",
        machine.find_vm,
        _vm_version,
        True,
        "the firmware runs on CPython: heap and float32 results are not those of the board",
        "make vm",
    ),
    _Probe(
        "C compiler",
        machine.find_compiler,
        _with_flag("--version"),
        False,
        "the MicroPython VM cannot be built",
        "apt-get install gcc",
    ),
    _Probe(
        "32-bit libraries",
        _multilib,
        lambda _: "links with -m32",
        False,
        "the MicroPython VM cannot be built as the 32-bit machine that the board is",
        "apt-get install gcc-multilib libc6-dev",
    ),
    _Probe(
        "browser libraries",
        machine.find_browser_libraries,
        lambda path: str(path.relative_to(machine.ROOT) if path.is_relative_to(machine.ROOT) else path),
        True,
        "the console shows its queue without the map",
        ".venv/bin/python -m alarm_backend.console.vendor",
    ),
    _Probe(
        "Mosquitto",
        machine.find_mosquitto,
        _with_flag("-h"),
        False,
        "only the embedded broker can be used and tested",
        "apt-get install mosquitto",
    ),
    _Probe(
        "PostgreSQL server",
        machine.find_postgres,
        _postgres_version,
        False,
        "only SQLite can be used and tested",
        "apt-get install postgresql",
    ),
    _Probe(
        "NATS server",
        machine.find_nats,
        _with_flag("--version"),
        False,
        "the gateway runs as one process; many workers cannot be tested",
        "apt-get install nats-server",
    ),
    _Probe(
        "Chromium",
        machine.find_chromium,
        _with_flag("--version"),
        False,
        "the console's browser tests are skipped",
        "apt-get install chromium",
    ),
    _Probe(
        "OpenID provider for tests",
        machine.find_oidc_provider,
        lambda path: str(path.relative_to(machine.ROOT) if path.is_relative_to(machine.ROOT) else path),
        False,
        "the tests of single sign-on are skipped",
        ".venv/bin/python -m tests.support.oidc_provider_setup",
    ),
    _Probe(
        "npm",
        machine.find_npm,
        _with_flag("--version"),
        False,
        "the browser libraries come through a Node.js from the Python registry instead",
        "apt-get install npm",
    ),
)


def examine() -> list[Finding]:
    """Look for every outside thing on this machine."""
    findings = []
    for probe in PROBES:
        found = probe.find()
        version = probe.version(found) if found is not None else ""
        present = found is not None and not version.startswith("does not run")
        findings.append(
            Finding(
                probe.name,
                present,
                version,
                probe.needed_for_demo,
                "" if present else probe.cost,
                "" if present else probe.remedy,
            )
        )
    return findings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Tell what this machine has and lacks, what that costs, and the command that mends it.

    Exit status 1 when something that `make demo` needs is missing.
    """
    findings = examine()
    whole = all(finding.present for finding in findings if finding.needed_for_demo)
    if as_json:
        document = {"schema": "waakzaam.doctor/1", "demo_ready": whole, "python": sys.version.split()[0]}
        typer.echo(json.dumps({**document, "findings": [asdict(finding) for finding in findings]}, indent=2))
        raise typer.Exit(0 if whole else 1)
    typer.echo(f"has      Python             {sys.version.split()[0]}")
    for finding in findings:
        if finding.present:
            typer.echo(f"has      {finding.name:<18} {finding.version}")
        else:
            word = "LACKS" if finding.needed_for_demo else "without"
            typer.echo(f"{word:<8} {finding.name:<18} {finding.cost}; mend: {finding.remedy}")
    typer.echo("ready for `make demo`" if whole else "not all that `make demo` shows can be shown: see LACKS above")
    raise typer.Exit(0 if whole else 1)


def register(app: typer.Typer) -> None:
    app.command()(doctor)
