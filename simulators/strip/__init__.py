"""Strip physics: square-wave voltammetry of a strip in a drink, as scans and as a cell for the AD5941 simulator."""

from simulators.strip.cell import StripCell
from simulators.strip.chemistry import Strip, UnknownSubstance, load_strip, strip_of
from simulators.strip.electrode import Condition, Lot
from simulators.strip.scans import Scan, dose_scan, simulate_scan, write_scans_csv

__all__ = [
    "Condition",
    "Lot",
    "Scan",
    "Strip",
    "StripCell",
    "UnknownSubstance",
    "dose_scan",
    "load_strip",
    "simulate_scan",
    "strip_of",
    "write_scans_csv",
]
