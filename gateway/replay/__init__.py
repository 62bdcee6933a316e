"""Recorded positions through the same decision core: replay, import of tracks, what-if, evidence bundles."""
