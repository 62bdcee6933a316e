"""The tracker: GNSS, strap and button to signed messages that lose no event."""
