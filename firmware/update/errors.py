"""Why an update is refused."""


class UpdateRefused(Exception):
    """The package or the slot cannot be used; `reason` is a short word, `detail` for people. Nothing was switched."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason + (": " + detail if detail else ""))
        self.reason = reason
        self.detail = detail
