"""A board without hardware: the real MicroPython VM, its flash, its console, and the peripherals wired to it."""
