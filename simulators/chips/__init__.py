"""Register-level simulators of the bracelet's I2C chips and its small parts, written from hardware/registers."""

from simulators.chips.as7341 import As7341
from simulators.chips.drv2605l import Drv2605l
from simulators.chips.i2c_chip import I2cFaults
from simulators.chips.lis3dh import Lis3dh
from simulators.chips.max17048 import Max17048
from simulators.chips.rgb_led import RgbLedStrip
from simulators.chips.strip_switch import StripSwitch

__all__ = ["As7341", "Drv2605l", "I2cFaults", "Lis3dh", "Max17048", "RgbLedStrip", "StripSwitch"]
