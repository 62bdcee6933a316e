"""What could not be used, kept where operators see it."""
