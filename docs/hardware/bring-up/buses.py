"""Who answers on the buses, and what the contacts say with nothing pressed and no strip in."""

import machine

from firmware.boards import bracelet as board

pin = machine.Pin
i2c = machine.I2C(board.SENSORS_I2C, scl=pin(board.I2C_SCL), sda=pin(board.I2C_SDA), freq=board.SENSORS_BAUD_HZ)
there = i2c.scan()
for name in ("LIS3DH", "MAX17048", "AS7341", "DRV2605L"):
    address = getattr(board, name + "_ADDRESS")
    print(name, hex(address), "answers" if address in there else "IS SILENT")
for name in ("BUTTON", "STRIP_PRESENT"):
    print(name, "open" if pin(getattr(board, name), pin.IN, pin.PULL_UP)() else "CLOSED")
