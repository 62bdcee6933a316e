"""The world around the devices: virtual boards, register simulators, strips, GNSS, fleets."""
