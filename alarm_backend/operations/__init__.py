"""Running the backend: figures for monitoring, backup and restore, retention."""
