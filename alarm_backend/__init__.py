"""Stores alarms, serves the operators console, keeps the audit chain."""
