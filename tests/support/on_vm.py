"""Runs a piece of MicroPython in the VM with the board's heap, from the checkout, without a board around it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from waakzaam import machine

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


def run_on_vm(program: str, heap: str = "110k") -> str:
    """What the program printed; fails with its traceback when it raised."""
    vm = machine.find_vm()
    assert vm is not None
    done = subprocess.run(
        [str(vm), "-X", f"heapsize={heap}", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"MICROPYPATH": f".frozen:{ROOT}"},
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
