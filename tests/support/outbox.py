"""An outbox with nothing in it."""

from __future__ import annotations

from gateway.journal.port import Pending, Signs


class NothingToSend:
    """What a sender sees of a gateway that is idle."""

    def unsent(self, _limit: int) -> list[Pending]:
        return []

    def confirmed(self, _ids: list[int]) -> None:
        """Nothing was sent."""

    def signs(self) -> Signs:
        return Signs(*([0] * len(Signs._fields)))
