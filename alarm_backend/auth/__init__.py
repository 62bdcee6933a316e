"""Who may do what: local accounts, sessions, one-time links."""
