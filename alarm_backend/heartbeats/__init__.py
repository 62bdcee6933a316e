"""Heartbeats of gateways and brokers: one that falls silent is itself an alarm."""
