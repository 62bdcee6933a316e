"""Planned maintenance: for a time, technical alarms of one tracker or source stand aside; never those of a person."""
