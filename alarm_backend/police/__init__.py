"""Hand-over to the police: a CAP 1.2 message, delivered until a signed receipt is there."""
