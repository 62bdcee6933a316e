"""Which slot boots: a pure state machine of the running slot, a slot on trial and its tries left.

States: settled (trial = NONE) and on trial. Events: installed, boot, confirmed. A trial that is never confirmed ends by
itself.
"""

NONE = -1
TRIES = 2  # ASSUMED: one failed start may be bad luck (a cut supply), two are the firmware's


class State:
    """`active` boots when nothing is on trial; `trial` boots while it has `tries`; `note` says what happened last."""

    def __init__(self, active: int = 0, trial: int = NONE, tries: int = 0, note: str = ""):
        self.active = active
        self.trial = trial
        self.tries = tries
        self.note = note

    def to_dict(self) -> dict:
        return {"active": self.active, "trial": self.trial, "tries": self.tries, "note": self.note}


def from_dict(found) -> "State | None":
    """The state that was kept, or None when it makes no sense."""
    if not isinstance(found, dict):
        return None
    active, trial, tries = found.get("active"), found.get("trial"), found.get("tries")
    if active not in (0, 1) or trial not in (NONE, 0, 1) or not isinstance(tries, int) or trial == active:
        return None
    return State(active, trial, tries, str(found.get("note", "")))


def on_installed(state: State) -> State:
    """The slot that is not active holds a checked image: try it from the next boot on."""
    return State(state.active, 1 - state.active, TRIES, "installed")


def on_confirmed(state: State) -> State:
    """The slot on trial has shown that it works: it is the active one now."""
    if state.trial == NONE:
        return state
    return State(state.trial, NONE, 0, "confirmed")


def on_boot(state: "State | None", codes: tuple, counted: bool = True) -> tuple:
    """(state to keep, slot to boot or NONE). `codes` are both slots' version codes, NONE for one that is not whole.

    `counted` is False for a soft reset: a person at the prompt causes one with every command; it is no failed start.
    A slot that is not whole never boots; when the state is lost, the newest whole slot is the active one.
    """
    if state is None:
        newest = 1 if codes[1] > codes[0] else 0
        state = State(newest, NONE, 0, "state lost")
    if state.trial != NONE:
        if codes[state.trial] == NONE:
            state = State(state.active, NONE, 0, "rolled back: not whole")
        elif not counted:
            return state, state.trial
        elif state.tries <= 0:
            state = State(state.active, NONE, 0, "rolled back: not confirmed")
        else:
            return State(state.active, state.trial, state.tries - 1, "on trial"), state.trial
    if codes[state.active] != NONE:
        return state, state.active
    if codes[1 - state.active] != NONE:
        return State(1 - state.active, NONE, 0, "active slot not whole"), 1 - state.active
    return state, NONE
