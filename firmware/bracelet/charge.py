"""Is there enough charge for a whole test?"""

from firmware.drivers.errors import SupplyFault

CHARGE_MIN_PERCENT = 5  # ASSUMED: a test takes well under 1 %; below this the gauge itself is not sure of the rest
CELL_MIN_MV = 3_400  # ASSUMED: regulator drop-out at 3.3 V


def require_charge(gauge) -> None:
    """SupplyFault when a test could end in the dark; a bracelet without a gauge tests all the same."""
    if gauge is None:
        return
    percent, millivolts = gauge.charge_percent(), gauge.voltage_mv()
    if percent < CHARGE_MIN_PERCENT or millivolts < CELL_MIN_MV:
        raise SupplyFault("MAX17048", "battery_low", "%.0f %%, %.0f mV" % (percent, millivolts))
