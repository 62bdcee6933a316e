"""What waits to be sent: events that are never given up, and a bounded ring of fixes of which the oldest go first.

Events lie in flash too (the caller keeps them there until `acknowledge`). When even the events' bound is reached, one
that only informs makes room; an alarm is dropped only when one of its own word is waiting already. All that was given
up is counted in `discards`.
"""

FIXES_MAX = 128
EVENTS_MAX = 48
ALARMS = ("panic", "strap_cut", "case_opened", "jamming", "spoofing", "power_off")


class Waiting:
    """One message: `token` names it, `word` is its event ("" for a fix or status), `body` its unsigned bytes."""

    def __init__(self, token: int, word: str, body: bytes):
        self.token = token
        self.word = word
        self.body = body
        self.in_flight = False


class Outbound:
    """Order of sending: status of the moment, events oldest first, the newest fix, then older fixes oldest first."""

    def __init__(self, fixes_max: int = FIXES_MAX, events_max: int = EVENTS_MAX) -> None:
        self._fixes_max = fixes_max
        self._events_max = events_max
        self._events: list = []
        self._fixes: list = []
        self._status: "Waiting | None" = None
        self.discards = 0

    @property
    def depth(self) -> int:
        """Messages not acknowledged yet."""
        return len(self._events) + len(self._fixes) + (self._status is not None)

    def add_event(self, token: int, word: str, body: bytes):
        """Queue an event. Returns the token of an event given up for it (perhaps its own), or None."""
        given_up = None
        if len(self._events) >= self._events_max:
            given_up = self._make_room(word)
            self.discards += 1
            if given_up is None:
                return token
        self._events.append(Waiting(token, word, body))
        return given_up

    def _make_room(self, word: str):
        """Give up the oldest event that only informs, else an older one of the same word that is not the first."""
        for i in range(len(self._events)):
            if self._events[i].word not in ALARMS:
                return self._events.pop(i).token
        alike = [i for i in range(len(self._events)) if self._events[i].word == word]
        if len(alike) > 1:
            return self._events.pop(alike[1]).token
        for i in range(1, len(self._events)):
            for j in range(i):
                if self._events[i].word == self._events[j].word and not alike:
                    return self._events.pop(i).token
        return None

    def add_fix(self, token: int, body: bytes) -> None:
        """Queue a fix; the oldest one makes room."""
        if len(self._fixes) >= self._fixes_max:
            self._fixes.pop(0)
            self.discards += 1
        self._fixes.append(Waiting(token, "", body))

    def set_status(self, token: int, body: bytes) -> None:
        """Queue the status; an older one not yet sent is out of date and replaced."""
        self._status = Waiting(token, "", body)

    def next(self):
        """The message to send now, marked as in flight; None when nothing waits."""
        found = None
        if self._status is not None and not self._status.in_flight:
            found = self._status
        for event in self._events:
            if found is None and not event.in_flight:
                found = event
        if found is None and self._fixes:
            if not self._fixes[-1].in_flight:
                found = self._fixes[-1]
            else:
                for fix in self._fixes:
                    if not fix.in_flight:
                        found = fix
                        break
        if found is not None:
            found.in_flight = True
        return found

    def acknowledge(self, token: int) -> str:
        """The broker has it: forget it. Returns the event's word ("" for fixes, statuses and unknown tokens)."""
        if self._status is not None and self._status.token == token:
            self._status = None
            return ""
        for lane in (self._events, self._fixes):
            for i in range(len(lane)):
                if lane[i].token == token:
                    return lane.pop(i).word
        return ""

    def link_lost(self) -> None:
        """Nothing is in flight any more: all of it will be sent again."""
        if self._status is not None:
            self._status.in_flight = False
        for lane in (self._events, self._fixes):
            for waiting in lane:
                waiting.in_flight = False
