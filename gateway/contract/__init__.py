"""The gateway's published contract: court orders in, alarm transitions out. Pure; no clock, no I/O."""
