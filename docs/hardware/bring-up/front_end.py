"""The front end is the right chip, and measures the reference resistor on the board."""

from firmware.bracelet.hardware import Hardware
from firmware.drivers.ad5941_selftest import self_test

REFERENCE_OHM = 10000.0
RTIA_CODE = 8

bracelet = Hardware()
bracelet.afe.start()
print("CHIPID", hex(bracelet.afe.chip_id))
steps = self_test(bracelet.afe, bracelet.dummy, REFERENCE_OHM, (RTIA_CODE,))
result = {}
while not result:
    try:
        bracelet.clock.sleep_us(next(steps))
    except StopIteration as end:
        result = end.value
print("supply_v", "good" if 3.2 < result["supply_v"] < 3.4 else "BAD", result["supply_v"])
print("rtia_ohm", "good" if 0.7 < result["rtia_ohm"][RTIA_CODE] / 10100.0 < 1.3 else "BAD", result["rtia_ohm"])
print("potential", "good" if abs(result["potential_error_v"]) < 0.010 else "BAD", result["potential_error_v"])
