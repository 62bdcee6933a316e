"""Rigs: the firmware's own code on a virtual clock, with simulated parts around it; for benchmarks and tests."""
