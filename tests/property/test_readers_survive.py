"""Readers of scans and colour tests meet damaged files: they answer or say what is wrong, and never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor_models import colour_scans, instrument_files
from sensor_models.errors import MalformedFile
from simulators.strip.colour_readings import simulate_colour_test, write_colour_csv
from tests.support.source_tree import ROOT
from tests.support.written_scans import Formula, write

SEED = 20261124
DAMAGES = 60
DATA = ROOT / "data/voltammetry"
CHI = "Jan. 2, 2026\nSquare Wave Voltammetry\n\nPotential/V, Diff(i/A), For(i/A), Rev(i/A)\n\n" + "".join(
    f"{0.4 + 0.004 * k:.3f}, {k}e-8, {2 * k}e-8, {k}e-8\n" for k in range(40)
)


def _damaged(data: bytes, rng: random.Random) -> bytes:
    """The data cut, with bytes changed, with lines doubled, dropped or swapped, or with something else in a field."""
    kind = rng.randrange(6)
    if kind == 0:
        return data[: rng.randrange(len(data))]
    if kind == 1:
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 12)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    if kind == 2:
        lines.insert(at, lines[rng.randrange(len(lines))])
    elif kind == 3:
        del lines[at]
    elif kind == 4:
        lines[at] = lines[at][::-1]
    else:
        odd = rng.choice([b"", b"nan", b"1e999", b"-", b"\xff", b'"', b"0x10", b"1,5", b"\x00", b"1_0", b"{}", b"null"])
        for separator in (b"\t", b",", b":"):
            fields = lines[at].split(separator)
            if len(fields) > 1:
                fields[rng.randrange(len(fields))] = odd
                lines[at] = separator.join(fields)
                break
    return b"\n".join(lines)


@pytest.mark.parametrize("name", ["gamry.dta", "palmsens.pssession", "chi.txt", "scans.csv", "colour.csv"])
def test_a_damaged_file_is_read_or_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    read: Callable[[Path], tuple[list[Any], list[MalformedFile]]] = instrument_files.read
    if name == "gamry.dta":
        data = (DATA / "gamry_aborted_squarewave.dta").read_bytes()
    elif name == "palmsens.pssession":
        data = (DATA / "palmsens_differential_pulse.pssession").read_bytes()
    elif name == "chi.txt":
        data = CHI.encode()
    elif name == "scans.csv":
        data = write(path, Formula(), [0.0, 1e-5, 1e-4], SEED).read_bytes()
    else:
        read = colour_scans.read
        write_colour_csv(path, [simulate_colour_test("lager", {}, times_s=(-5.0, 600.0))])
        data = path.read_bytes()
    rng = random.Random(f"{SEED} {name}")
    for n in range(DAMAGES):
        path.write_bytes(_damaged(data, rng))
        found: list[Any] = []
        try:
            found, named = read(path)
        except MalformedFile as fault:
            named = [fault]
        assert found or named, f"seed {SEED}, damage {n} of {name}"
        for one in named:
            assert one.reason, f"seed {SEED}, damage {n} of {name}"
            assert "\n" not in str(one), f"seed {SEED}, damage {n} of {name}"
