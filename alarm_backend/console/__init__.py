"""The operator's console: pages, live queue and map."""

from alarm_backend.console.pages import router

__all__ = ["router"]
