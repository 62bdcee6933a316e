"""The virtual board is the board: real VM, bounded heap, float32, peripherals, resets, power."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import serial

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.events import BoardError
from simulators.virtual_board.yardstick import calibration_loop
from tests.support.board import EEPROM_ADDRESS, SPI_CHIP_SELECT, TestBench

pytestmark = pytest.mark.needs("vm")


def _said(folder: Path, main: str, bench: TestBench | None = None) -> list[str]:
    """What a main.py prints until its REPL comes."""
    with (bench or TestBench()).board(folder, main, runtime="vm") as board:
        return board.console.wait(">>> ").replace("\r", "").splitlines()


def test_the_heap_is_that_of_a_110_kilobyte_board(tmp_path: Path) -> None:
    said = _said(tmp_path, "import gc; gc.collect(); print(gc.mem_free() + gc.mem_alloc(), gc.mem_free())")
    total, free = map(int, said[0].split())
    assert 105_000 < total <= 110 * 1024
    assert free > 100_000


def test_an_allocation_beyond_the_heap_fails_as_on_the_board(tmp_path: Path) -> None:
    assert "MemoryError" in "".join(_said(tmp_path, "x = bytearray(120_000)"))


def test_floats_are_single_precision_and_integers_32_bit_objects(tmp_path: Path) -> None:
    said = _said(tmp_path, "import sys; print(1.0 + 2.0**-23 > 1.0, 1.0 + 2.0**-25 > 1.0, sys.maxsize)")
    assert said[0] == "True False 2147483647"


def test_a_board_says_what_it_is(tmp_path: Path) -> None:
    said = _said(tmp_path, "import sys, os; print(sys.implementation.name, sys.platform); print(os.uname().machine)")
    assert said[:2] == ["micropython esp32", "Waakzaam virtual board with ESP32 stand-in"]


def test_spi_carries_bytes_while_chip_select_is_low(tmp_path: Path) -> None:
    bench = TestBench()
    main = f"""
from machine import SPI, Pin
spi = SPI(1, baudrate=8_000_000)
buf = bytearray(3)
spi.write_readinto(b"abc", buf); print(bytes(buf))
cs = Pin({SPI_CHIP_SELECT}, Pin.OUT, value=1)
cs(0); spi.write_readinto(b"\\x00\\x01\\xfe", buf); cs(1)
print(bytes(buf))
"""
    said = _said(tmp_path, main, bench)
    assert said[:2] == [repr(b"\xff\xff\xff"), repr(b"\xff\xfe\x01")]
    assert bench.spi_chip.selections == [True, False]


def test_a_transaction_costs_less_than_200_microseconds(tmp_path: Path) -> None:
    main = f"""
import time
from machine import SPI, Pin
spi = SPI(1); Pin({SPI_CHIP_SELECT}, Pin.OUT, value=0); buf = bytearray(8); best = 1_000_000
for _ in range(20):
    t = time.ticks_us()
    for _ in range(50): spi.write_readinto(buf, buf)
    best = min(best, time.ticks_diff(time.ticks_us(), t) // 50)
print(best)
"""
    assert int(_said(tmp_path, main)[0]) < 200


def test_i2c_reaches_a_device_and_nobody_answers_at_other_addresses(tmp_path: Path) -> None:
    main = f"""
from machine import I2C, Pin
i2c = I2C(0, scl=Pin(6), sda=Pin(5))
print(i2c.scan())
i2c.writeto_mem({EEPROM_ADDRESS}, 0x20, b"\\x57\\x58")
print(i2c.readfrom_mem({EEPROM_ADDRESS}, 0x1f, 4))
try: i2c.writeto(0x31, b"x")
except OSError as error: print(error.errno)
"""
    assert _said(tmp_path, main)[:3] == [f"[{EEPROM_ADDRESS}]", repr(b'\x1fWX"'), "19"]


def test_a_refusing_and_a_stuck_i2c_bus_raise_the_errors_of_the_chip(tmp_path: Path) -> None:
    bench = TestBench()
    bench.peripherals.i2c[0].faults.nack_next = 1
    main = f"""
from machine import I2C
i2c = I2C(0)
for _ in range(2):
    try: print(i2c.readfrom({EEPROM_ADDRESS}, 1))
    except OSError as error: print(error.errno)
"""
    assert _said(tmp_path, main, bench)[:2] == ["19", repr(b"\x00")]
    bench.peripherals.i2c[0].faults.stuck = True
    assert _said(tmp_path, main, bench)[:2] == ["110", "110"]


def test_asyncio_reads_lines_from_a_uart_as_they_come(tmp_path: Path) -> None:
    bench = TestBench()
    answers: list[bytes] = []
    bench.line.on_receive = answers.append
    main = """
import asyncio
from machine import UART
uart = UART(1, 9600, rxbuf=512)
async def main():
    reader = asyncio.StreamReader(uart)
    print("listening")
    while True:
        line = await reader.readline()
        print("got", line)
        uart.write(b"ok " + line)
asyncio.run(main())
"""
    with bench.board(tmp_path, main, runtime="vm") as board:
        board.console.wait("listening")
        bench.line.feed(b"$GNRMC,one\n$GN")
        board.console.wait(r"one\n")
        bench.line.feed(b"GGA,two\n")
        board.console.wait(r"got b'$GNGGA,two\n'")
        assert bench.line.baudrate == 9600
    assert b"".join(answers).startswith(b"ok $GNRMC,one\n")


def test_what_exceeds_the_uart_buffer_is_lost_and_counted(tmp_path: Path) -> None:
    bench = TestBench()
    main = "from machine import UART\nu = UART(1, rxbuf=64)\nprint('open')\n"
    with bench.board(tmp_path, main, runtime="vm") as board:
        board.console.wait("open")
        assert bench.line.feed(bytes(100)) == 64
    assert bench.line.overrun_bytes == 36


def test_an_edge_at_a_pin_calls_the_handler(tmp_path: Path) -> None:
    bench = TestBench()
    bench.peripherals.set_input(14, 1)
    main = """
from machine import Pin
import time
Pin(14, Pin.IN, Pin.PULL_UP).irq(lambda pin: print("edge", pin.value()), Pin.IRQ_FALLING)
print("armed")
while True: time.sleep_ms(10_000)
"""
    with bench.board(tmp_path, main, runtime="vm") as board:
        board.console.wait("armed")
        bench.peripherals.set_input(14, 0)
        board.console.wait("edge 0")


def test_a_timer_calls_back_until_it_is_stopped(tmp_path: Path) -> None:
    main = """
from machine import Timer
import time
hits = []
timer = Timer(0, period=5, mode=Timer.PERIODIC, callback=lambda t: hits.append(1))
while len(hits) < 3: time.sleep_ms(1)
timer.deinit()
count = len(hits); time.sleep_ms(30); print(len(hits) == count)
"""
    assert _said(tmp_path, main)[0] == "True"


def test_reset_starts_the_board_again_with_its_cause(tmp_path: Path) -> None:
    main = "import machine\nprint('cause', machine.reset_cause())\nif machine.reset_cause() == 1: machine.reset()\n"
    with TestBench().board(tmp_path, main, runtime="vm") as board:
        board.console.wait("cause 2")
        assert [event.kind for event in board.events[:3]] == ["boot", "reset", "boot"]


def test_deep_sleep_ends_after_its_time_and_keeps_the_rtc_memory(tmp_path: Path) -> None:
    main = """
import machine
rtc = machine.RTC()
if machine.reset_cause() == machine.DEEPSLEEP_RESET:
    print("kept", rtc.memory(), machine.wake_reason())
else:
    rtc.memory(b"seven"); machine.deepsleep(20)
"""
    with TestBench().board(tmp_path, main, runtime="vm") as board:
        board.console.wait("kept b'seven' 4")


def test_a_watchdog_that_is_not_fed_resets_a_board_that_hangs(tmp_path: Path) -> None:
    main = """
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    machine.WDT(timeout=100)
    while True: pass
"""
    with TestBench().board(tmp_path, main, runtime="vm") as board:
        board.console.wait("cause 3")
        assert board.count("watchdog") == 1


def test_a_crash_of_the_interpreter_is_counted_and_the_board_comes_back(tmp_path: Path) -> None:
    with TestBench().board(tmp_path, "print('up')\n", runtime="vm") as board:
        board.console.wait("up")
        os.kill(board.pid, 11)
        event = board.wait_event("crash")
        assert event.detail == "signal 11"
        board.wait_event("boot", times=2)
        board.console.wait("crashed (signal 11) and restarts")


def test_what_was_written_before_a_power_cut_is_there_after_it(tmp_path: Path) -> None:
    main = """
import os
print("files", os.listdir("/"))
with open("/kept.txt", "w") as f: f.write("whole")
print("written")
while True: pass
"""
    with TestBench().board(tmp_path, main, runtime="vm") as board:
        board.console.wait("written")
        board.power_cut()
        assert not board.running
        mark = board.console.mark()
        board.power_on()
        assert "kept.txt" in board.console.wait("written", since=mark)


def test_firmware_runs_in_place_and_leaves_the_heap_to_its_data(tmp_path: Path) -> None:
    package = tmp_path / "large"
    package.mkdir()
    steps = "".join(f"    c = c * {n} + b - a\n" for n in range(60))
    body = "".join(f"def f{n}(a, b):\n    c = {n}\n{steps}    return [c, a - b]\n" for n in range(20))
    (package / "__init__.py").write_text(body)
    main = "import gc\ngc.collect(); a = gc.mem_free()\nimport large\n"
    main += "gc.collect(); print(a - gc.mem_free(), len(large.f7(0, 0)))"
    (tmp_path / "rom").mkdir()
    with VirtualBoard(tmp_path / "rom" / "flash.img", firmware_root=package, runtime="vm") as board:
        board.console.wait(">>> ")
    board = VirtualBoard(tmp_path / "rom" / "flash.img", runtime="vm")
    board.storage.write({"/main.py": main})
    with board:
        taken, _, answer = board.console.wait(">>> ").splitlines()[0].partition(" ")
    assert answer.strip() == "2"
    in_heap = _said_taken(tmp_path, body, main)
    # Function objects and names are in the heap either way; the code is not.
    assert int(taken) < in_heap / 4


def _said_taken(tmp_path: Path, body: str, main: str) -> int:
    board = VirtualBoard(tmp_path / "heap.img", runtime="vm", heap_bytes="400k")
    board.storage.write({"/lib/large.py": body, "/main.py": main})
    with board:
        return int(board.console.wait(">>> ").split()[0])


def test_pyserial_reads_the_stream_of_the_port(tmp_path: Path) -> None:
    main = "import time\nn = 0\nwhile True:\n    print('WZR1', n)\n    n += 1\n    time.sleep_ms(2)\n"
    with (
        TestBench().board(tmp_path, main, port="pty", runtime="vm") as board,
        serial.Serial(board.port_name, 115200, timeout=5) as port,
    ):
        port.readline()
        numbers = [int(port.readline().split()[1]) for _ in range(50)]
    assert numbers == list(range(numbers[0], numbers[0] + 50))


def test_a_port_that_nobody_reads_does_not_stop_the_board(tmp_path: Path) -> None:
    main = "for n in range(4000): print('a line that nobody reads', n)\nprint('end of it')\n"
    with TestBench().board(tmp_path, main, port="pty", runtime="vm") as board:
        board.console.wait("end of it")


def test_a_fault_of_the_firmware_that_no_hardware_allows_fails_the_test(tmp_path: Path) -> None:
    bench = TestBench()
    main = "from machine import SPI\nSPI(2).write(b'x')\nprint('done')\n"
    with (
        pytest.raises(BoardError, match="SPI 2: nothing is wired to it"),
        bench.board(tmp_path, main, runtime="vm") as board,
    ):
        board.console.wait("done")


def test_boards_run_side_by_side_and_leave_no_process_behind(tmp_path: Path) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text().split()  # servers of other tests, whatever became of them
    boards = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        boards.append(TestBench().board(folder, f"print('board', {number})\n", runtime="vm"))
    starters = [threading.Thread(target=board.start) for board in boards]
    for thread in starters:
        thread.start()
    for thread in starters:
        thread.join()
    pids = [board.pid for board in boards]
    for number, board in enumerate(boards):
        board.console.wait(f"board {number}")
        board.stop()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    left = [pid for pid in children.read_text().split() if pid not in before]
    states = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] for pid in left]
    assert "Z" not in states


def test_a_board_boots_thirty_times_in_a_row_and_nothing_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    main = "import machine\nprint('boot', machine.reset_cause())\n"
    with TestBench().board(tmp_path, main, port="pty", runtime="vm") as board:
        for number in range(30):
            mark = board.console.mark()
            board.reset()
            board.console.wait("boot 2", since=mark)
            assert board.count("boot") == number + 2
        assert board.count("crash") == 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_board_that_crashes_again_and_again_stays_off_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "flash.img").write_bytes(b"\x00" * 4096 * 768)  # no file system, and not blank either
    board = VirtualBoard(tmp_path / "flash.img", runtime="vm")
    with board:
        board.wait_event("crash", times=5)
        board.console.wait("stays off")
        assert not board.running


def test_the_yardstick_is_a_time_of_this_machine(tmp_path: Path) -> None:
    yardstick = calibration_loop("vm")
    assert yardstick.runtime == "vm"
    assert 5 < yardstick.iteration_ns < 10_000
    assert yardstick.iterations_in(yardstick.loop_us) == pytest.approx(1_000_000)


def test_sleep_and_work_take_their_time_by_the_board_s_clock(tmp_path: Path) -> None:
    main = """
import time
from time import sleep
t = time.ticks_us(); time.sleep_ms(50); a = time.ticks_diff(time.ticks_us(), t)
t = time.ticks_us(); sleep(0.02); b = time.ticks_diff(time.ticks_us(), t)
t = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), t) < 30: pass
print(50_000 <= a < 60_000, 20_000 <= b < 30_000)
"""
    assert _said(tmp_path, main)[0] == "True True"
