"""The backend's settings, read once at start and then fixed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alarm_backend.auth.oidc_settings import OidcSettings


@dataclass(frozen=True)
class Settings:
    """Everything a backend process is told at start. There is no default for a secret."""

    database_url: str
    """SQLAlchemy URL: sqlite:///… or postgresql+psycopg://…"""
    data_folder: Path
    """Where files beside the database live (key files, backups)."""
    gateway_token: str
    """Bearer token of the gateway."""
    device_keys_file: Path | None = None
    """`waakzaam.keys/1` file against which field-test records are verified; None = every key is unknown."""
    identity_key: bytes | None = None
    """32 bytes that seal identities and second factors; None = neither can be kept. Never in the database."""
    oidc: OidcSettings | None = None
    """The OpenID provider through which people sign in; None = local accounts only."""
    police_url: str | None = None
    """Endpoint of the police for CAP messages; None = hand-over is by telephone only."""
    police_secret: str | None = None
    """Shared secret that signs messages and receipts."""
    police_sender: str = "waakzaam@vcet.invalid"
    police_contact: str = "VCET"
    police_status: str = "Test"
    """CAP status: Test until an installation says Actual."""
    secure_cookies: bool = False
    """True behind HTTPS."""
    session_ms: int = 12 * 3_600_000
    """A session ends after a shift. ASSUMED: 12 h is the longest shift."""
    session_idle_ms: int = 2 * 3_600_000
    """A session that nobody uses ends sooner. ASSUMED."""
    heartbeat_silence_ms: int = 30_000
    """A gateway that is silent longer raises an alarm. ASSUMED: three missed heartbeats of 10 s."""
    order_confirmation_ms: int = 60_000
    """A signed order that no gateway confirms within this raises an alarm. ASSUMED: gateways ask every second and

    try again within 15 s; a load of 100,000 orders takes 8 s."""
    accept_unsigned_orders: bool = False
    """Whether the gateway's token may load orders that nobody signed; an administrator always may."""
    rate_limits: bool = True
    """Turn away who asks too often (429). False only where a rig calls everything as fast as it can."""
    watch_interval_ms: int = 1_000
    """How often deadlines (silence, expiry, escalation) are looked at."""
    event_poll_ms: int = 1_000
    """How often an event stream looks for events of another backend process on the same database."""
    event_ping_ms: int = 5_000
    """A comment line is sent when nothing else was, so that the console can tell silence from a broken line."""
