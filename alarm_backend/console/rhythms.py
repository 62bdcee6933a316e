"""The light and vibration of a verdict, drawn as the bracelet tells it."""

from __future__ import annotations

RHYTHMS = {
    "positive": ("long", "long", "long"),
    "inconclusive": ("short", "short", "long"),
    "invalid": ("short",) * 6,
    "negative": ("slow",),
}
"""As in firmware/bracelet/telling.py; a test compares the two. The backend ships without the bracelet's firmware."""
