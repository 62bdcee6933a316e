"""Drivers: one chip each, register names from the data sheet, bus and clock passed in."""
