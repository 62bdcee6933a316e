"""Bracelets and strips: lots, where they were handed out, what came back, what was recalled."""
