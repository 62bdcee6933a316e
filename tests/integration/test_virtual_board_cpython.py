"""Where no VM can be had, the same firmware and shim run on CPython, and say so."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.board import EEPROM_ADDRESS, SPI_CHIP_SELECT, TestBench


def _said(folder: Path, main: str, word: str, bench: TestBench | None = None) -> str:
    with (bench or TestBench()).board(folder, main, runtime="cpython") as board:
        assert board.runtime == "cpython"
        return board.console.wait(word)


def test_the_interpreter_says_that_it_is_not_the_vm(tmp_path: Path) -> None:
    assert "cpython" in _said(tmp_path, "import sys; print(sys.implementation.name)", "stand-in")


def test_the_same_shim_reaches_the_same_chips(tmp_path: Path) -> None:
    main = f"""
from machine import SPI, I2C, Pin
cs = Pin({SPI_CHIP_SELECT}, Pin.OUT, value=0)
buf = bytearray(2); SPI(1).write_readinto(b"\\x0f\\xf0", buf); print(bytes(buf))
print(I2C(0).scan(), I2C(0).readfrom_mem({EEPROM_ADDRESS}, 7, 2))
"""
    said = _said(tmp_path, main, "stand-in")
    assert repr(b"\xf0\x0f") in said
    assert f"[{EEPROM_ADDRESS}] {bytes([7, 8])!r}" in said


def test_asyncio_reads_a_uart_and_files_are_on_the_flash(tmp_path: Path) -> None:
    bench = TestBench()
    main = """
import asyncio, json
from machine import UART
uart = UART(1, 9600)
async def main():
    reader = asyncio.StreamReader(uart)
    print("listening")
    line = await reader.readline()
    await asyncio.sleep_ms(1)
    with open("/kept.json", "w") as f: json.dump({"line": line.decode()}, f)
    print("kept")
asyncio.run(main())
"""
    with bench.board(tmp_path, main, runtime="cpython") as board:
        board.console.wait("listening")
        bench.line.feed(b"$GNRMC,x\n")
        board.console.wait("kept")
    assert json.loads(board.storage.read("/kept.json")) == {"line": "$GNRMC,x\n"}


def test_resets_interrupts_and_timers_work_as_in_the_vm(tmp_path: Path) -> None:
    bench = TestBench()
    bench.peripherals.set_input(14, 1)
    main = """
import machine, time
from machine import Pin, Timer
if machine.reset_cause() == 1: machine.reset()
Pin(14, Pin.IN).irq(lambda pin: print("edge", pin.value()), Pin.IRQ_FALLING)
Timer(0, period=5, mode=Timer.ONE_SHOT, callback=lambda t: print("timer"))
print("armed")
while True: time.sleep_ms(1000)
"""
    with bench.board(tmp_path, main, runtime="cpython") as board:
        board.console.wait("armed", 20)
        board.console.wait("timer")
        bench.peripherals.set_input(14, 0)
        board.console.wait("edge 0")
        assert board.count("reset") == 1
        board.send(b"\x03")
        board.console.wait("KeyboardInterrupt")
        board.send(b"\x04")
        board.wait_event("soft_reset")
