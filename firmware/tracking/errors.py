"""What can go wrong between the tracker and its broker or its settings."""


class TrackingError(Exception):
    """Root of this package's errors."""


class ProtocolFault(TrackingError):
    """The broker broke MQTT 3.1.1 or our bounds: `reason` says how. The connection must be given up."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class LinkLost(TrackingError):
    """The connection no longer works (no answer in time, refused, closed): `reason` says why. Try again later."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason
