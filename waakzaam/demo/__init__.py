"""The demo: both halves of Waakzaam working with real parts, and what was measured on the way."""
