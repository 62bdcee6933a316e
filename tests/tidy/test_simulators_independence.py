"""Chips and strips are simulated from notes and data, never from the code that is tested against them."""

from __future__ import annotations

import re

import pytest

from tests.support.source_tree import PACKAGES, ROOT, at, imports_of, modules

INDEPENDENT = ("simulators/ad5941", "simulators/chips", "simulators/strip")


@pytest.mark.parametrize("package", INDEPENDENT)
def test_a_simulator_imports_of_ours_only_simulators_of_chips_and_strips(package: str) -> None:
    allowed = tuple(name.replace("/", ".") for name in INDEPENDENT)
    found = modules(package)
    assert found
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in found
        for name, line in imports_of(path)
        if name.split(".")[0] in (*PACKAGES, "tests") and "." in name and not name.startswith(allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_strip_reads_of_the_detector_only_its_data_files() -> None:
    """One module knows where they are, and what it opens are chemistry tables and strip definitions."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in modules("simulators/strip")}
    assert [name for name, text in texts.items() if '"sensor_models"' in text] == ["chemistry.py"]
    users = {name for name, text in texts.items() if re.search(r"\bDATA\b", text)}
    assert users == {"chemistry.py", "colour.py"}
    for name in users:
        for line in texts[name].splitlines():
            assert "DATA /" not in line or '"chemistry"' in line, f"{name}: {line.strip()}"


def test_the_register_tables_are_the_only_source_of_addresses() -> None:
    """A simulator names registers; the few addresses it states are those of the bus protocol."""
    table = (ROOT / "hardware/registers/ad5941.toml").read_text(encoding="utf-8")
    assert "LPDACDAT0" in table
    for name in ("device.py", "register_file.py", "conversion.py", "analogue.py"):
        text = (ROOT / "simulators/ad5941" / name).read_text(encoding="utf-8")
        assert "0x2120" not in text, f"{name} states the address of LPDACDAT0 instead of its name"
        assert "0x20E4" not in text, f"{name} states the address of LPTIASW0 instead of its name"
