"""Alarms: what they go through, how bad they are, who does what about them."""
