"""The embedded broker's settings, and the plug-in without which it would drop what a gateway misses."""

from __future__ import annotations

from typing import Any

from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

SESSION_KEPT_S = 86_400  # a gateway that is away for a day still finds its messages


class LastingSessions(BaseAuthPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Takes every client and keeps the messages of those that ask for a lasting session.

    amqtt's own anonymous plug-in marks each session as anonymous, and its broker then throws away QoS 1 messages for
    clients that are away. An alarm must not get lost that way.
    """

    async def authenticate(self, *, session: Session) -> bool:
        session.is_anonymous = bool(session.clean_session)
        return True


def configuration(host: str, port: int) -> dict[str, Any]:
    """amqtt's configuration for one machine."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": 1000}},
        "timeout_disconnect_delay": 0,
        "session_expiry_interval": SESSION_KEPT_S,
        "plugins": {f"{__name__}.{LastingSessions.__name__}": {}},
    }
