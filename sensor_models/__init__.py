"""Chemistry data, calibration, limits and evaluation on the host."""
