"""What can be wrong with something that came over the wire; every fault is the sender's unless it says otherwise."""


class WireError(Exception):
    """Root: the bytes, the topic or the fields do not keep to the contract."""


class MalformedMessage(WireError):
    """A field (or `cbor`, `frame`, `topic`, `record` as a whole) breaks the contract: which and why."""

    def __init__(self, field: str, reason: str):
        super().__init__(field + ": " + reason)
        self.field = field
        self.reason = reason


class BadSignature(WireError):
    """The tag does not belong to these bytes under the key of this device."""

    def __init__(self, device_id: str):
        super().__init__("bad signature for " + device_id)
        self.device_id = device_id


class UnsupportedVersion(WireError):
    """The sender speaks a major version that this receiver does not know."""

    def __init__(self, major: int):
        super().__init__("unsupported major version " + str(major))
        self.major = major
