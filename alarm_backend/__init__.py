"""Alarm backend: stores alarms, keeps account of what operators do, and feeds the console."""
