"""Pins and buses of the tracker (hardware/pins/tracker.toml says the same; a test compares them)."""

NAME = "tracker"

GNSS_TX = 17
GNSS_RX = 18
PANIC_BUTTON = 14
STRAP_LOOP = 15
CASE_SWITCH = 16
BATTERY_SENSE = 1
HAPTIC = 21

GNSS_UART = 1
GNSS_BAUD = 9600
BATTERY_DIVIDER = 2
