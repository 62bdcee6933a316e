"""Boards: one module of pin numbers each, tested against hardware/pins."""
