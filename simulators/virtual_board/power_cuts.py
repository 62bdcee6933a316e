"""Cuts the supply at every single flash write of a piece of firmware, boots again, and checks what is left.

Exhaustive, not sampled: the piece is run once per write it makes, and the supply fails in the middle of that write (a
half erased sector, a half programmed page). After each cut the board boots from the torn image and a second piece
looks.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from simulators.virtual_board.events import EXIT_HOST_GONE, EXIT_POWER_CUT, EXIT_RESET, BoardError
from simulators.virtual_board.flash_image import Factory, FlashImage

RUN_TIMEOUT_S = 60
BOOTS_MAX = 8
WRITES_WORD = "flash writes"
_COUNT = f"\nimport _vboard\nprint('{WRITES_WORD}', _vboard.flash_writes())\n"


@dataclass(frozen=True)
class CutResult:
    """One cut: at which write (0 = none), what had been printed before it, what the look afterwards printed.

    `again` is the write of an earlier look at which the supply failed once more (0 = it did not).
    """

    write: int
    told: tuple[str, ...]
    found: tuple[str, ...]
    booted: bool
    again: int = 0


@dataclass(frozen=True)
class Campaign:
    """All cuts of one piece of firmware; `failures` are (write, why)."""

    writes: int
    results: tuple[CutResult, ...]
    failures: tuple[tuple[int, str], ...]


class PowerCuts:
    """Runs pieces of firmware on copies of one flash image.

    The image must already hold what the pieces need. `flash` is copied for every run; the original stays as it is.
    """

    def __init__(self, vm: Path, flash: FlashImage, scratch: Path, heap_bytes: str = "110k") -> None:
        self._vm = vm
        self._flash = flash
        self._scratch = scratch
        self._heap_bytes = heap_bytes

    def run(
        self,
        act: str,
        look: str,
        check: Callable[[CutResult], str],
        *,
        workers: int = 2,
        stride: int = 1,
        again_at: Iterable[int] = (),
    ) -> Campaign:
        """Cut at every flash write of `act` (MicroPython source), then run `look`; `check` says what is wrong, or "".

        `stride` above 1 samples: every so many writes only. After the cuts `again_at` (numbers of the act's writes;
        0 = after the whole act) the supply fails once more, at every write that the look makes: for what repairs or
        rolls back at boot.
        """
        with Factory(self._vm, self._flash) as factory:
            factory.write({"/act.py": act + _COUNT, "/look.py": look + _COUNT})
        writes = self._writes_of("act.py")
        with ThreadPoolExecutor(workers) as pool:
            results = list(pool.map(self._cut_at, [0, *range(1, writes + 1, stride)]))
            for lists in pool.map(self._cut_again, again_at):
                results += lists
        failures = [(result.write, self._wrong(result, check)) for result in results]
        return Campaign(writes, tuple(results), tuple((write, why) for write, why in failures if why))

    @staticmethod
    def _wrong(result: CutResult, check: Callable[[CutResult], str]) -> str:
        if not result.booted:
            return f"does not boot: {' | '.join(result.found[-3:])}"
        return check(result)

    def _boot(self, image: Path, piece: str, cut_at: int) -> tuple[int, list[str]]:
        """One power-on: (exit code, lines). Resets of the firmware boot again, as on the board."""
        lines: list[str] = []
        for _ in range(BOOTS_MAX):
            code, said = self._run_vm(image, piece, cut_at)
            lines += said
            if code != EXIT_RESET:
                return code, lines
            cut_at = 0
        return -1, [*lines, f"resets without end ({BOOTS_MAX} boots)"]

    def _run_vm(self, image: Path, piece: str, cut_at: int) -> tuple[int, list[str]]:
        flash = FlashImage(image, self._flash.sectors, self._flash.rom_sectors)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            told = {
                **flash.environment(),
                "VB_FORMAT": "0",
                "MICROPYPATH": ".frozen",
                "VB_LINK": str(theirs.fileno()),
                "VB_EVENTS": str(theirs.fileno()),
                "VB_MAIN": piece,
                "VB_CUT_AT": str(cut_at),
                "VB_ID": "24a160000001",
            }
            done = subprocess.run(
                [str(self._vm), "-X", f"heapsize={self._heap_bytes}", "-c", "import vboard_boot"],
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                timeout=RUN_TIMEOUT_S,
                check=False,
            )
        return done.returncode, done.stdout.decode(errors="replace").replace("\r", "").splitlines()

    def _copy(self, name: str) -> Path:
        image = self._scratch / f"{name}.img"
        shutil.copyfile(self._flash.path, image)
        return image

    @staticmethod
    def _counted(code: int, lines: list[str]) -> int:
        counts = [int(line.split()[-1]) for line in lines if line.startswith(WRITES_WORD)]
        # After the piece the board stands at its prompt; without a terminal that ends as "host gone".
        if code != EXIT_HOST_GONE or not counts:
            raise BoardError(f"the piece does not end well without a power cut: {' | '.join(lines[-4:])}")
        return counts[-1]

    def _writes_of(self, piece: str) -> int:
        image = self._copy("count")
        try:
            return self._counted(*self._boot(image, piece, 0))
        finally:
            image.unlink()

    def _cut_at(self, write: int) -> CutResult:
        image = self._copy(f"cut-{write}")
        try:
            code, told = self._boot(image, "act.py", write)
            if code != (EXIT_POWER_CUT if write else EXIT_HOST_GONE):
                raise BoardError(f"cut at write {write}: ended with {code}: {' | '.join(told[-3:])}")
            return self._look(image, write, told)
        finally:
            image.unlink()

    def _cut_again(self, write: int) -> list[CutResult]:
        """One cut of the act, then each cut of the look that follows it."""
        torn = self._copy(f"torn-{write}")
        image = self._scratch / f"again-{write}.img"
        results = []
        try:
            told = self._boot(torn, "act.py", write)[1]
            shutil.copyfile(torn, image)
            for second in range(1, self._counted(*self._boot(image, "look.py", 0)) + 1):
                shutil.copyfile(torn, image)
                self._boot(image, "look.py", second)
                results.append(self._look(image, write, told, second))
        finally:
            torn.unlink()
            image.unlink(missing_ok=True)
        return results

    def _look(self, image: Path, write: int, told: list[str], again: int = 0) -> CutResult:
        code, found = self._boot(image, "look.py", 0)
        whole = code == EXIT_HOST_GONE and any(line.startswith(WRITES_WORD) for line in found)
        return CutResult(write, _told(told), _told(found), whole, again)


def _told(lines: list[str]) -> tuple[str, ...]:
    banner = ("MicroPython v", 'Type "help()"', ">>> ", WRITES_WORD)
    return tuple(line for line in lines if line and not line.startswith(banner))
