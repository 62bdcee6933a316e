"""Runs a board's firmware on CPython where no MicroPython VM can be had: same `machine` shim, same files, no REPL.

Started by simulators/virtual_board/runtime.py with the VM's environment. What differs from the board: float64, no heap
limit, no romfs, and the console takes Ctrl-C and Ctrl-D only.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import traceback
from pathlib import Path

EXIT_SOFT_RESET = 10
HERE = Path(__file__).resolve().parent
FLASH = Path(os.environ["VB_FLASH"])
BANNER = "CPython stand-in for the virtual board: no REPL here, Ctrl-D restarts (make vm builds the MicroPython VM)"


def _terminal() -> None:
    """CR LF line ends; byte 3 interrupts the program."""
    mode = termios.tcgetattr(0)
    mode[1] |= termios.OPOST | termios.ONLCR
    mode[3] |= termios.ISIG
    mode[6][termios.VINTR] = b"\x03"
    mode[6][termios.VQUIT] = mode[6][termios.VSUSP] = b"\x00"
    termios.tcsetattr(0, termios.TCSANOW, mode)


def _run_main() -> None:
    source = (FLASH / "main.py").read_text(encoding="utf-8")
    space = {"__name__": "__main__", "__file__": "main.py"}
    try:
        exec(compile(source, "main.py", "exec"), space)
    except SystemExit:
        os._exit(EXIT_SOFT_RESET)
    except BaseException:
        traceback.print_exc()


def _wait_for_restart() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(BANNER, flush=True)
    while True:
        said = os.read(0, 64)
        if not said:
            os._exit(0)
        if b"\x04" in said:
            print("MPY: soft reboot", flush=True)
            os._exit(EXIT_SOFT_RESET)


def start() -> None:
    """Set the machine up as the firmware expects it, run main.py, then wait for Ctrl-D."""
    os.setsid() if os.getsid(0) != os.getpid() else None
    _terminal()
    sys.path[:] = [
        str(FLASH),
        str(FLASH / "lib"),
        str(HERE / "modules"),
        str(HERE.parent / "vm" / "frozen"),
        *[entry for entry in sys.path if entry and Path(entry) != HERE],
    ]
    # These come from the folders just named.
    import _vboard  # type: ignore[import-not-found]
    import board_ports  # type: ignore[import-not-found]

    _vboard.attach(int(os.environ["VB_LINK"]), int(os.environ["VB_EVENTS"]))
    board_ports.install(FLASH)
    if (FLASH / "main.py").exists():
        _run_main()
    _wait_for_restart()


start()
