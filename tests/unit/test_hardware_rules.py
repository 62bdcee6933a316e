"""The electrical rules hold on the circuit as drawn, and each finds the fault that is put there on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from waakzaam.hardware import judge, schematic
from waakzaam.hardware.findings import RULES
from waakzaam.hardware.parts import Line

Document = dict[str, Any]
BRACELET = schematic.load("bracelet")


def row(document: Document, ref: str) -> Document:
    """The row of a part of many pins."""
    return next(part for sheet in document["sheet"] for part in sheet["part"] if part["ref"] == ref)


def passive(document: Document, ref: str) -> list[str]:
    """The row of a resistor, capacitor or inductor."""
    return next(one for sheet in document["sheet"] for one in sheet["passives"] if one[0] == ref)


def drop(document: Document, ref: str) -> None:
    """Take a part off the board."""
    for sheet in document["sheet"]:
        sheet["passives"] = [one for one in sheet["passives"] if one[0] != ref]
        sheet["part"] = [one for one in sheet["part"] if one["ref"] != ref]


def signal(pins: Document, name: str) -> Document:
    """A row of the pin map."""
    return next(one for one in pins["pin"] if one["signal"] == name)


def move(document: Document, pins: Document, name: str, gpio: int) -> None:
    """Put a signal on another pin of the controller, in circuit and pin map alike."""
    controller = row(document, "U1")
    controller["pins"].pop(f"GPIO{signal(pins, name)['gpio']}")
    signal(pins, name)["gpio"] = gpio
    controller["pins"][f"GPIO{gpio}"] = name
    controller["open"] = [one for one in controller["open"] if one != f"GPIO{gpio}"]


def _connect(ref: str, pin: str, net: str) -> Callable[[Document, Document], None]:
    return lambda document, _pins: row(document, ref)["pins"].update({pin: net})


def _disconnect(ref: str, pin: str) -> Callable[[Document, Document], None]:
    return lambda document, _pins: row(document, ref)["pins"].pop(pin)


def _drop(ref: str) -> Callable[[Document, Document], None]:
    return lambda document, _pins: drop(document, ref)


def _replace(ref: str, place: int, value: str) -> Callable[[Document, Document], None]:
    return lambda document, _pins: passive(document, ref).__setitem__(place, value)


def _rail(name: str, low: float, high: float) -> Callable[[Document, Document], None]:
    return lambda document, _pins: document["rails"].update({name: {"min_v": low, "max_v": high}})


def _analogue(gpio: int) -> Callable[[Document, Document], None]:
    def change(document: Document, pins: Document) -> None:
        signal(pins, "gauge_alert")["analog"] = True
        move(document, pins, "gauge_alert", gpio)

    return change


def _case(name: str, milliamperes: float) -> Callable[[Document, Document], None]:
    return lambda document, _pins: document["case"][0]["ma"].update({name: milliamperes})


def _wake(field: str, value: Any) -> Callable[[Document, Document], None]:
    return lambda _document, pins: signal(pins, "button").update({field: value})


def _sleepless(_document: Document, pins: Document) -> None:
    for one in pins["pin"]:
        one["wakes"] = False


def _same_address(_document: Document, pins: Document) -> None:
    pins["buses"]["sensors"]["addresses"]["LIS3DH"] = 0x19


def _accepted(document: Document, _pins: Document) -> None:
    document["accepted"].append({"rule": "usb", "at": "J1.CC1", "because": "of an old fault"})


FAULTS: list[tuple[str, str, Callable[[Document, Document], None]]] = [
    ("unconnected_pin", "U6.SDA", _disconnect("U6", "SDA")),
    ("unconnected_pin", "U10.CS", _disconnect("U10", "CS")),
    ("unconnected_pin", "U8.NC", _connect("U8", "NC", "GND")),
    ("lonely_net", "strip_w", _connect("J4", "1", "strip_w")),
    ("several_drivers", "motion_int", _connect("U2", "GPIO0", "motion_int")),
    ("several_drivers", "motion_int", _connect("U6", "ALRT", "motion_int")),
    ("several_drivers", "SYS", _connect("U8", "OUT", "SYS")),
    (
        "undriven_input",
        "U12.ON",
        lambda d, p: (drop(d, "R26"), row(d, "U1")["pins"].pop("GPIO16"), _nothing(d, "led_power")),
    ),
    ("missing_pull", "i2c_sda", _drop("R23")),
    ("missing_pull", "gauge_alert", _drop("R5")),
    ("missing_pull", "button", _drop("R10")),
    ("missing_pull", "U11.EN", _drop("R25")),
    ("missing_pull", "U1.EN", _drop("R8")),
    ("i2c_addresses", "U10", _connect("U10", "SA0", "3V3")),
    ("i2c_addresses", "U10", _same_address),
    ("i2c_lines", "i2c_scl", _replace("R24", 1, "10 kohm")),
    ("i2c_lines", "i2c_sda", _replace("R23", 1, "330 ohm")),
    ("i2c_lines", "sensors", lambda d, p: (row(d, "U6")["pins"].update(SDA="i2c_sda_1v8"),)),
    ("i2c_lines", "U11.SCL", lambda d, p: row(d, "U11")["pins"].update(SDA="i2c_scl", SCL="i2c_sda")),
    ("logic_levels", "U7.SDA", lambda d, p: passive(d, "R17").__setitem__(3, "3V3")),
    ("logic_levels", "U1.GPIO4", lambda d, p: passive(d, "R20").__setitem__(3, "1V8")),
    ("logic_levels", "U1.GPIO21", lambda d, p: passive(d, "R25").__setitem__(3, "SYS")),
    ("unsourced_supply", "U2.AVDD", _drop("FB1")),
    ("unsourced_supply", "U1.3V3", _drop("L1")),
    ("unsourced_supply", "U7.VDD", _disconnect("U8", "OUT")),
    ("ungrounded_pin", "U3.VSS", _connect("U3", "VSS", "3V3")),
    ("supply_range", "U7.VDD", _connect("U7", "VDD", "3V3")),
    ("supply_range", "U1.3V3", _rail("3V3", 2.6, 3.37)),
    ("decoupling", "U2.AVDD", _drop("C12")),
    ("decoupling", "U2.VREF_1V82", _replace("C18", 1, "100 nF")),
    ("decoupling", "C14", _replace("C14", 4, "U1.EN")),
    ("capacitor_voltage", "C3", _rail("BAT", 3.4, 9.0)),
    ("regulator_setting", "U5.VSET", _replace("R6", 1, "200 kohm")),
    ("regulator_setting", "1V8", _rail("1V8", 2.4, 2.6)),
    ("regulator_setting", "U5.SW", _rail("SYS", 3.0, 4.5)),
    ("current_budget", "U5.SW", _case("U1.3V3", 700.0)),
    ("current_budget", "BT1.B+", _case("U11.VDD", 250.0)),
    ("current_budget", "U99.VDD", _case("U99.VDD", 1.0)),
    ("charging", "U4.ISET", _replace("R3", 1, "1.5 kohm")),
    ("charging", "U4.ILIM_VSET", _replace("R4", 1, "10 kohm")),
    ("charging", "U4.TS", lambda d, p: _swap_line(d, "RT1", "10 kohm")),
    ("usb", "J1.CC1", _drop("R1")),
    ("usb", "J1.CC2", lambda d, p: (drop(d, "R2"), row(d, "J1")["pins"].update(CC2="usb_cc1"))),
    ("usb", "J1.D+", lambda d, p: row(d, "J1")["pins"].update({"D+": "usb_dm", "D-": "usb_dp"})),
    ("usb", "J1.VBUS", _drop("C1")),
    ("usb", "J1.D-", _drop("D1")),
    ("usb", "U5.VIN", lambda d, p: row(d, "U5")["pins"].update(VIN="VBUS")),
    ("led_current", "D2", _replace("R7", 1, "100 nF")),
    ("led_current", "D2", lambda d, p: _swap_line(d, "R7", "ferrite bead")),
    ("led_current", "D14", _connect("U13", "D", "GND")),
    ("pin_map_agrees", "U1.GPIO14", lambda d, p: signal(p, "button").update(gpio=17)),
    ("pin_map_agrees", "motion_int", lambda d, p: signal(p, "motion_int").update(part_pin="INT2")),
    ("pin_map_agrees", "U1.GPIO47", lambda d, p: row(d, "U1")["pins"].update(GPIO47="charging")),
    ("boot_pins", "U1.GPIO45", lambda d, p: move(d, p, "led_data", 45)),
    ("boot_pins", "U1.GPIO20", lambda d, p: move(d, p, "led_data", 20)),
    ("boot_pins", "U1.GPIO0", lambda d, p: passive(d, "R9").__setitem__(3, "GND")),
    ("boot_pins", "GPIO22", lambda d, p: signal(p, "led_data").update(gpio=22)),
    ("pin_abilities", "U1.GPIO17", _analogue(17)),
    ("pin_abilities", "U1.GPIO47", _analogue(47)),
    ("pin_abilities", "U1.GPIO44", lambda d, p: move(d, p, "led_data", 44)),
    ("wake_pins", "U1.GPIO47", lambda d, p: move(d, p, "button", 47)),
    ("wake_pins", "U1", _sleepless),
    ("wake_pins", "U1.GPIO14", _wake("direction", "out")),
    ("wake_pins", "button", _wake("active", "high")),
    ("reachable_for_programming", "U1.GPIO0", _drop("TP3")),
    ("reachable_for_programming", "U1.EN", _drop("C9")),
    ("bill_agrees", "1 uF", _drop("C24")),
    ("accepted_for_nothing", "J1.CC1", _accepted),
]


def _nothing(document: Document, net: str) -> None:
    """Leave a net with a probe only, so that it is there but nothing drives it."""
    row(document, "TP7")["pins"]["1"] = net


def _swap_line(document: Document, ref: str, line: str) -> None:
    passive(document, ref)[1] = line


def test_the_circuit_as_drawn_breaks_no_rule() -> None:
    outcome = judge.check(BRACELET)
    assert outcome.findings == ()
    assert [(one.rule, one.at) for one, _ in outcome.accepted] == [("supply_range", "D7.VDD")]


@pytest.mark.parametrize(
    ("name", "at", "fault"), FAULTS, ids=[f"{name}-{at}-{n}" for n, (name, at, _) in enumerate(FAULTS)]
)
def test_a_fault_put_there_on_purpose_is_found_by_its_rule(
    name: str, at: str, fault: Callable[[Document, Document], None]
) -> None:
    found = judge.check(schematic.changed(BRACELET, fault)).findings
    assert (name, at) in {(one.rule, one.at) for one in found}, "\n".join(map(str, found))


def test_every_rule_has_a_fault_that_it_finds() -> None:
    judge.check(BRACELET)
    assert set(RULES) <= {name for name, _, _ in FAULTS}


def test_a_light_beyond_its_pin_is_found() -> None:
    def bright(bill: dict[str, Line]) -> None:
        bill["1.5 kohm"] = dataclasses.replace(bill["1.5 kohm"], values={"ohm": 150.0})

    found = judge.check(schematic.changed(BRACELET, lambda d, p: None, bright)).findings
    assert [(one.rule, one.at) for one in found] == [("led_current", "D2")]


def test_a_count_that_the_bill_has_wrong_is_found() -> None:
    def short(bill: dict[str, Line]) -> None:
        bill["ESD diode"] = dataclasses.replace(bill["ESD diode"], count=2)

    found = judge.check(schematic.changed(BRACELET, lambda d, p: None, short)).findings
    assert [(one.rule, one.at) for one in found] == [("bill_agrees", "ESD diode")]
