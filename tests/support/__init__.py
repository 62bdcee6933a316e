"""Fixtures and fakes shared by tests: brokers, databases, browsers, boards."""
