"""The backend's documents are true: generated pages are current, units and compose file hold, every command exists."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import typer
import yaml

from alarm_backend.alarms.risk import SEVERITY_OF_KIND
from alarm_backend.store.tables import metadata
from gateway.contract import orders
from gateway.contract.transitions import KINDS
from waakzaam.cli import build
from waakzaam.rigs import backend_pages, postgres

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATIONS = DOCS / "operations"
UNITS = sorted(OPERATIONS.glob("*.service")) + sorted(OPERATIONS.glob("*.timer"))
HARDENING = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
)


def test_the_generated_pages_are_current() -> None:
    how = "run python -m waakzaam.rigs.backend_pages"
    assert backend_pages.SCHEMA_PAGE.read_text(encoding="utf-8") == backend_pages.schema_page(), how
    assert backend_pages.LIFECYCLE_PAGE.read_text(encoding="utf-8") == backend_pages.lifecycle_page(), how


def test_no_purpose_is_written_for_a_table_that_is_gone() -> None:
    assert set(backend_pages.PURPOSE) <= set(metadata.tables)


def _commands(text: str) -> list[list[str]]:
    """Every waakzaam command of a document, in blocks and in backticks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", text)
    return [shlex.split(line)[1:] for line in lines if line.startswith("waakzaam ")]


def _unknown(words: list[str]) -> str | None:
    """What of this command the command line does not know; None when it knows all of it."""
    command = typer.main.get_command(build())
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[0]
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return next((word for word in words if word.startswith("--") and word.split("=")[0] not in known), None)


def test_every_command_of_the_runbook_the_units_and_the_compose_file_exists() -> None:
    commands = _commands((DOCS / "runbook.md").read_text(encoding="utf-8"))
    assert len(commands) > 12
    for unit in UNITS:
        for line in re.findall(r"^ExecStart=\S*waakzaam (.*)$", unit.read_text(), re.M):
            commands.append([word for word in line.split() if not word.startswith("$")])
    services = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["services"]
    commands.append(services["gateway"]["command"])
    commands.append(shlex.split(services["backend"]["command"][0].replace("$$(", "("))[2:])
    wrong = {" ".join(words): unknown for words in commands if (unknown := _unknown(words))}
    assert wrong == {}
    assert _unknown(["backend", "retention", "--no-such-option"]) == "--no-such-option"


def test_the_runbook_tells_what_to_do_about_every_alarm_of_the_platform_itself() -> None:
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    about_itself = (set(SEVERITY_OF_KIND) - set(KINDS)) | {"order_not_judged"}
    assert about_itself >= {"gateway_silent", "escalation_stopped"}
    for kind in about_itself:
        assert f"### `{kind}`" in text, f"the runbook does not say what to do about {kind}"


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_units_are_hardened_and_restart(unit: Path) -> None:
    text = unit.read_text()
    for option in HARDENING:
        assert option in text.splitlines(), option
    assert "User=waakzaam" in text
    if "Type=oneshot" not in text:
        assert "Restart=always" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    # The program is not installed where the units expect it; everything else is verified as it stands.
    program = tmp_path / "waakzaam"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS:
        text = unit.read_text().replace("/opt/waakzaam/.venv/bin/waakzaam", str(program))
        (tmp_path / unit.name).write_text(text)
    files = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "waakzaam-" in line]
    assert complaints == []


def test_the_compose_file_holds_together() -> None:
    document = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())
    for name, service in document["services"].items():
        assert service["restart"] == "always", name
        for secret in service.get("secrets", []):
            assert secret in document["secrets"], f"{name}: {secret}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("./") or source in document["volumes"], f"{name}: {source}"
        for network in service["networks"]:
            assert network in document["networks"], f"{name}: {network}"
    assert document["services"]["backend"]["ports"] == ["127.0.0.1:8080:8080"], "for the proxy only"


def test_every_service_of_the_compose_file_is_hardened() -> None:
    services = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["services"]
    assert set(services) == {"database", "broker", "backend", "gateway"}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in service["tmpfs"], name
        assert not service["user"].startswith(("0", "root")), name
        assert {"pids_limit", "mem_limit"} <= set(service), name


def test_services_of_the_compose_file_meet_only_where_they_talk() -> None:
    document = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())
    services = document["services"]
    at: dict[str, set[str]] = {}
    for name, service in services.items():
        for network in service["networks"]:
            at.setdefault(network, set()).add(name)
    leads_out = {network for network, told in document["networks"].items() if not told.get("internal")}
    assert {network: at[network] for network in at if network not in leads_out} == {
        "store": {"database", "backend"},
        "messages": {"broker", "gateway"},
        "alarms": {"backend", "gateway"},
    }
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert {name for network in leads_out for name in at[network]} == set(published), "a way out where one is needed"
    assert published == {"backend": ["127.0.0.1:8080:8080"], "broker": ["8883:8883"]}


@pytest.mark.needs("postgres")
def test_the_database_of_the_compose_file_trusts_nobody_without_a_password() -> None:
    told = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["services"]["database"]["environment"]
    with tempfile.TemporaryDirectory(prefix="waakzaam-initdb-") as made:
        folder, account = Path(made), postgres.unprivileged()
        (folder / "password").write_text("secret")
        for path in (folder, folder / "password"):
            os.chown(path, int(str(account.get("user", os.getuid()))), -1)
        subprocess.run(
            [
                str(postgres.programs() / "initdb"),
                f"--pgdata={folder}/data",
                f"--pwfile={folder}/password",
                f"--username={told['POSTGRES_USER']}",
                "--no-sync",
                *shlex.split(told["POSTGRES_INITDB_ARGS"]),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **account,  # type: ignore[call-overload]
        )
        rules = [line.split() for line in (folder / "data" / "pg_hba.conf").read_text().splitlines()]
    assert {rule[-1] for rule in rules if rule and not rule[0].startswith("#")} == {"scram-sha-256"}


@pytest.mark.parametrize("ignoring", [".gitignore", ".dockerignore"])
def test_secrets_of_an_installation_enter_neither_git_nor_the_image(ignoring: str) -> None:
    secrets = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["secrets"]
    assert all(told["file"].startswith("./secrets/") for told in secrets.values())
    ignored = [line.strip("/") for line in (DOCS.parent / ignoring).read_text().splitlines()]
    assert {"docs/operations/secrets", "docs/operations/orders"} <= set(ignored)


def test_every_secret_of_the_compose_file_is_made_by_the_runbook() -> None:
    secrets = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["secrets"]
    runbook = (DOCS / "runbook.md").read_text(encoding="utf-8")
    for name, told in secrets.items():
        assert told["file"].removeprefix("./") in runbook, name


def test_every_file_that_the_compose_file_mounts_is_made_by_the_runbook_or_lies_beside_it(tmp_path: Path) -> None:
    services = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["services"]
    runbook = (DOCS / "runbook.md").read_text(encoding="utf-8")
    beside = {mount.split(":")[0] for told in services.values() for mount in told.get("volumes", ()) if mount[0] == "."}
    assert beside
    for path in beside:
        assert (OPERATIONS / path).is_file() or f" {path.removeprefix('./')}" in runbook, path
    made = [line for line in runbook.splitlines() if line.endswith("> orders/orders.json")]
    assert len(made) == 1, "the gateway ends at its start without this file"
    (tmp_path / "orders").mkdir()
    subprocess.run(["/bin/sh", "-c", made[0]], cwd=tmp_path, check=True)
    assert orders.parse(json.loads((tmp_path / "orders/orders.json").read_text())) == ()


def test_the_first_account_of_the_compose_file_is_made_beside_its_backend() -> None:
    command = yaml.safe_load((OPERATIONS / "compose.yaml").read_text())["services"]["backend"]["command"][0]
    database = re.search(r'--database "([^"]+)"', command)
    assert database
    runbook = (DOCS / "runbook.md").read_text(encoding="utf-8")
    assert database[1].replace("$$", "$") in runbook
