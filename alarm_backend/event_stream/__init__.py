"""The numbered log of everything a console must hear about, and its delivery as server-sent events."""
