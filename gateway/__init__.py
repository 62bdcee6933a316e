"""The contact-ban engine: ingest, decide, journal, hand over alarms."""
