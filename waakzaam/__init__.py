"""The command line: wires the packages together, holds no decisions of its own."""

__version__ = "0.1.0"
