"""Trackers: which there are, who wears which under which order, and from when that is effective."""
