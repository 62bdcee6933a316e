"""The supervisor of a virtual board: starts the firmware's interpreter, owns its port, reads its exits as events."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from simulators.virtual_board import events
from simulators.virtual_board.board_timers import BoardTimers
from simulators.virtual_board.console import Console, Typed
from simulators.virtual_board.events import BoardError, BoardEvent, EventLog
from simulators.virtual_board.flash_image import ROM_SECTORS, SECTORS
from simulators.virtual_board.link import ANSWERED, EVENT_TIMER, Op, Requests, reply
from simulators.virtual_board.peripherals import Peripherals
from simulators.virtual_board.ports import open_port
from simulators.virtual_board.runtime import Run
from simulators.virtual_board.storage import Storage, open_storage
from simulators.virtual_board.vm_program import find_vm
from simulators.virtual_board.wake_lines import WAKE_WORDS, DeepSleep, WakeLines

STOP_TIMEOUT_S = 10
CRASHES_IN_A_ROW_MAX = 5
HEAP_BYTES = "110k"
_LINK, _TERMINAL, _PORT, _ENDED, _UART, _WAKE = range(6)


class VirtualBoard:
    """A board that runs firmware; use it in a `with` block, or call `start` and `stop`. Safe to use from any thread.

    `flash` is the image's path (made blank when absent). `runtime` is "vm", "cpython" or None: the VM when there is
    one. What happened is in `events`, what was said in `console`, what no hardware allows in `violations` (a `with`
    block raises the first of them at its end).
    """

    def __init__(
        self,
        flash: Path,
        *,
        firmware_root: Path | None = None,
        peripherals: Peripherals | None = None,
        heap_bytes: str = HEAP_BYTES,
        port: str | None = None,
        port_number: int = 0,
        runtime: str | None = None,
        unique_id: bytes = bytes.fromhex("24a160000001"),
        environment: Mapping[str, str] | None = None,
        flash_layout: tuple[int, int] = (SECTORS, ROM_SECTORS),
        on_output: Callable[[bytes], None] | None = None,
        on_event: Callable[[BoardEvent], None] | None = None,
    ) -> None:
        self.vm = find_vm() if runtime in (None, "vm") else None
        if runtime == "vm" and self.vm is None:
            raise BoardError("no MicroPython VM on this machine; mend: make vm")
        self.storage: Storage = open_storage(flash, self.vm, flash_layout)
        if firmware_root is not None:
            self.storage.install_package(firmware_root)
        self.peripherals = peripherals or Peripherals()
        self.peripherals.raise_event = self._interrupt
        self.peripherals.input_changed = self._look_at_lines
        self.console = Console(on_output)
        self._log = EventLog(self.console, on_event)
        self.violations: list[str] = []
        self.cut_at_flash_write = 0
        self._heap_bytes = heap_bytes
        self._environment = dict(environment or {})
        self._unique_id = unique_id
        self._port = open_port(port, port_number)
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._thread: threading.Thread | None = None
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._requests = Requests()
        self._timers: BoardTimers
        self._stopping = False
        self._off = False
        self._killed_for = ""
        self._typed = Typed()
        self._crashes_in_a_row = 0
        self._cause, self._raw, self._wake_reason = events.CAUSE_POWER_ON, False, 0
        self._wake_lines = WakeLines()
        self._sleep: DeepSleep | None = None

    # What a user of the board calls -----------------------------------------------------------------------------------

    @property
    def port_name(self) -> str:
        """The device path or socket:// address of the board's port; empty without one."""
        return self._port.name

    @property
    def runtime(self) -> str:
        """ "vm" or "cpython": what every figure measured on this board must say."""
        return "vm" if self.vm is not None else "cpython"

    @property
    def running(self) -> bool:
        """Whether an interpreter runs now (not off, not in deep sleep)."""
        return self._run is not None

    @property
    def pid(self) -> int:
        """The process that runs the firmware; 0 when off."""
        run = self._run
        return run.pid if run is not None else 0

    def start(self) -> None:
        """Switch on. Returns when the interpreter has been started."""
        if self._thread is not None:
            raise BoardError("the board is on already")
        self._selector.register(self._wake_read, selectors.EVENT_READ, (_WAKE, None))
        self._thread = threading.Thread(target=self._supervise, name="virtual-board", daemon=True)
        self._thread.start()
        self.wait_event("boot", STOP_TIMEOUT_S)

    def stop(self) -> None:
        """Switch off and give everything back; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping = True
        self._kill("off")
        self._wake()
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            raise BoardError("the board's supervisor does not end")
        self._port.close()
        self.peripherals.unplug()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def power_cut(self) -> None:
        """Take the supply away at once, whatever the firmware is doing; the board stays off until `power_on`."""
        before = self.count("power_cut")
        self._kill("power_cut")
        self.wait_event("power_cut", STOP_TIMEOUT_S, before + 1)

    def power_on(self) -> None:
        """Give the supply back after a power cut."""
        before = self.count("boot")
        self._off = False
        self._wake()
        self.wait_event("boot", STOP_TIMEOUT_S, before + 1)

    def reset(self) -> None:
        """Press the reset button; returns when the interpreter has been started again."""
        before = self.count("boot")
        self._kill("reset")
        self.wait_event("boot", STOP_TIMEOUT_S, before + 1)

    def send(self, data: bytes) -> None:
        """Send bytes to the console, as if through the port."""
        self._typed.add(data)
        self._wake()

    def count(self, kind: str) -> int:
        """How often that kind of event happened."""
        return self._log.count(kind)

    def wait_event(self, kind: str, timeout_s: float = 10, times: int = 1) -> BoardEvent:
        """Return the n-th event of that kind once it happened; raise BoardTimeout after that time."""
        return self._log.wait(kind, timeout_s, times)

    @property
    def events(self) -> list[BoardEvent]:
        """What happened so far, in order."""
        return self._log.events()

    def __enter__(self) -> VirtualBoard:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.violations:
            raise BoardError(f"the firmware did what no hardware allows: {self.violations[0]}")

    # What the supervisor's thread does -----------------------------------------------------------------------------

    def _note(self, kind: str, detail: str = "") -> None:
        self._log.add(BoardEvent(kind, self.peripherals.now_us(), detail))

    def _wake(self) -> None:
        os.write(self._wake_write, b"w")

    def _kill(self, reason: str) -> None:
        with self._lock:
            if self._run is not None:
                self._killed_for = reason
                self._run.kill()
            elif not self._off:
                self._killed_for = reason
                self._wake()

    def _interrupt(self, number: int) -> None:
        with self._lock:
            if self._run is not None:
                self._run.interrupt(number)

    def _look_at_lines(self) -> None:
        with self._lock:
            if self._sleep is not None and self._sleep.reason():
                self._wake()

    def _say(self, data: bytes) -> None:
        self.console.add(data)
        self._port.write(data)

    def _supervise(self) -> None:
        try:
            while not self._stopping:
                if self._off:
                    self._attend(None)
                    continue
                self._boot()
                while not self._attend(self._timers.next_s()):
                    self._on_deadlines()
                self._after_exit(self._end_run())
        finally:
            if self._run is not None:
                self._run.kill()
                self._end_run()
            self._note("off")

    def _boot(self) -> None:
        """Start the interpreter and watch its ends."""
        told = {
            "VB_RAW": "1" if self._raw else "0",
            "VB_RESET_CAUSE": str(self._cause),
            "VB_WAKE_REASON": str(self._wake_reason),
            "VB_ID": self._unique_id.hex(),
            "VB_CUT_AT": str(self.cut_at_flash_write),
            **self._environment,
        }
        self.cut_at_flash_write = 0
        self._requests = Requests()
        with self._lock:
            self._killed_for = ""
            run = Run(self.vm, self.storage, self.peripherals, self._heap_bytes, told)
            self._run = run
            self._timers = BoardTimers(run)
            if self._stopping:  # `stop` came before there was something to kill
                self._killed_for = "off"
                run.kill()
        watched = [(run.terminal, _TERMINAL), (run.link.fileno(), _LINK), (run.ended, _ENDED)]
        for descriptor, kind in watched + [(d, _UART) for d in run.uart_descriptors]:
            self._selector.register(descriptor, selectors.EVENT_READ, (kind, descriptor))
        self._note("boot", f"reset cause {self._cause}")

    def _attend(self, timeout_s: float | None) -> bool:
        """Serve whatever is ready once; True when the interpreter has ended."""
        self._watch_port()
        ended = False
        ready = [key.data for key, _ in self._selector.select(timeout_s)]
        # The link first: who reads a line on the console may rely on what the firmware did before it printed.
        for kind, descriptor in sorted(ready, key=lambda data: data[0]):
            if kind == _WAKE:
                os.read(self._wake_read, 4096)
            elif kind == _PORT:
                self._typed.add(self._port.read(descriptor))
            elif kind == _ENDED:
                ended = True
            elif self._run is not None:
                self._serve(self._run, kind, descriptor)
        if self._run is not None:
            self._typed.give(self._run.terminal)
        return ended

    def _serve(self, run: Run, kind: int, descriptor: int) -> None:
        if kind == _LINK:
            self._serve_link(run)
        elif kind == _TERMINAL:
            data = run.read_terminal()
            if data:
                self.storage.formatted()
                self._say(data)
            elif descriptor in self._selector.get_map():
                # Closed by an interpreter that is about to end: its pidfd will say so; do not spin until then.
                self._selector.unregister(descriptor)
        elif kind == _UART:
            run.uart_descriptors[descriptor].receive()

    def _watch_port(self) -> None:
        wanted = set() if self._typed.full() else set(self._port.readable())
        present = {key.fd for key in self._selector.get_map().values() if key.data[0] == _PORT}
        for descriptor in present - wanted:
            self._selector.unregister(descriptor)
        for descriptor in wanted - present:
            self._selector.register(descriptor, selectors.EVENT_READ, (_PORT, descriptor))

    def _serve_link(self, run: Run) -> None:
        try:
            data = run.link.recv(65536)
        except ConnectionResetError:  # the interpreter was killed before it read our last answer
            data = b""
        if not data:
            self._selector.unregister(run.link)
            return
        for now_us, op, unit, argument, payload in self._requests.take(data):
            try:
                self.peripherals.clock.follow(now_us)
                answer = self._board_operation(op, unit, argument, payload)
            except Exception as fault:  # a chip's model refused: kept, and raised when the board is given back
                self.violations.append(f"{type(fault).__name__}: {fault}")
                answer = (-1, b"")
            if op in ANSWERED:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # killed while it waited: an event too
                    run.link.sendall(reply(*answer))
            self.peripherals.clock.release()

    def _board_operation(self, op: Op, unit: int, argument: int, payload: bytes) -> tuple[int, bytes]:
        if self._timers.handle(op, unit, argument, payload):
            return 0, b""
        if op == Op.SLEEP and unit == 2:
            self._wake_lines = WakeLines.armed(payload, argument)
        return self.peripherals.handle(op, unit, argument, payload)

    def _on_deadlines(self) -> None:
        for slot in self._timers.due():
            self._interrupt(EVENT_TIMER + slot)
        if self._timers.watchdog_expired():
            self._kill("watchdog")

    def _end_run(self) -> int:
        """Take the last words of an interpreter that has ended, forget its ends, return its exit code."""
        run = self._run
        assert run is not None
        while data := run.read_terminal():
            self._say(data)
        for key in list(self._selector.get_map().values()):
            if key.data[0] not in (_WAKE, _PORT):
                self._selector.unregister(key.fd)
        with self._lock:
            self._run = None
            self.storage.formatted()
            return run.reap()

    def _after_exit(self, code: int) -> None:
        """What the board does next, from how its interpreter ended."""
        killed_for, self._killed_for = self._killed_for, ""
        self._wake_reason = 0
        self._raw = code == events.EXIT_SOFT_RESET_RAW
        if killed_for in ("power_cut", "off") or code == events.EXIT_POWER_CUT:
            self._cause, self._off, self.peripherals.rtc_memory = events.CAUSE_POWER_ON, True, b""
            if killed_for != "off":
                self._note("power_cut", "in a flash write" if code == events.EXIT_POWER_CUT else "")
        elif killed_for == "watchdog":
            self._cause = events.CAUSE_WATCHDOG
            self._note("watchdog")
        elif code in (events.EXIT_SOFT_RESET, events.EXIT_SOFT_RESET_RAW):
            self._cause = events.CAUSE_SOFT_RESET
            self._note("soft_reset")
        elif code == events.EXIT_RESET or killed_for == "reset":
            self._cause = events.CAUSE_HARD_RESET
            self._note("reset")
        elif code == events.EXIT_DEEPSLEEP:
            self._sleep_deeply()
            return
        else:
            self._crashed(code)
            return
        self._crashes_in_a_row = 0
        self.peripherals.restart()

    def _sleep_deeply(self) -> None:
        """Nothing runs until a wake line or the time; what is typed meanwhile is lost, as on a board."""
        self._cause = events.CAUSE_DEEPSLEEP
        self.peripherals.restart()
        with self._lock:
            self._sleep = sleep = DeepSleep(self._wake_lines, self.peripherals.pin_level)
        self._note("deepsleep", str(self._wake_lines))
        while not (self._stopping or self._killed_for or sleep.reason()):
            self._attend(sleep.next_s())
            self._typed.lose()
        with self._lock:
            self._sleep = None
        if self._killed_for:
            self._after_exit(0)
        elif not self._stopping:
            self._wake_reason = sleep.reason()
            self._note("wake", WAKE_WORDS[self._wake_reason])

    def _crashed(self, code: int) -> None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._cause = events.CAUSE_HARD_RESET
        self._crashes_in_a_row += 1
        self._off = self._crashes_in_a_row >= CRASHES_IN_A_ROW_MAX
        after = "stays off" if self._off else "restarts"
        self._note("crash", how)
        self._say(f"\r\n*** the board's interpreter crashed ({how}) and {after}\r\n".encode())
        self.peripherals.restart()
