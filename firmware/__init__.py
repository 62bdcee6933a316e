"""Code that runs on the ESP32 under MicroPython; the pure parts also run on CPython."""
