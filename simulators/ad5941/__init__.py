"""Register-level simulator of the AD5940/AD5941 analogue front end, written from hardware/registers/ad5941.md."""

from simulators.ad5941.cells import Cell, OpenCell, RandlesCell, ResistorCell, ShortCell
from simulators.ad5941.device import Ad5941
from simulators.ad5941.register_map import RegisterMapViolation
from simulators.ad5941.variation import Board, Faults, Hazard, Part, Variants

__all__ = [
    "Ad5941",
    "Board",
    "Cell",
    "Faults",
    "Hazard",
    "OpenCell",
    "Part",
    "RandlesCell",
    "RegisterMapViolation",
    "ResistorCell",
    "ShortCell",
    "Variants",
]
