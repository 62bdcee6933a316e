"""Light and motor work, the gauge knows its cell."""

from firmware.bracelet.hardware import Hardware

bracelet = Hardware()
light = bracelet.led()
haptics, gauge = bracelet.sensors(print)
light.show((255, 0, 0))
haptics.vibrate(60)
bracelet.clock.sleep_us(300000)
haptics.vibrate(0)
light.show((0, 0, 0))
print("cell", gauge.voltage_mv(), "mV", gauge.charge_percent(), "%")
