"""From bytes of a tracker to observations the core can judge; what does not hold is set aside with its fault."""
