"""The reference check: is this bracelet still what its calibrations were made with? Told before an answer suffers.

Each test reads what does not depend on the drink: the feedback resistor through the board's reference resistor, the
current between dry contacts, the least resistance of a wetted strip, the white pad dry and unlit. The last few values
are kept in flash beside the first ones, or beside those that the factory wrote into config.json ("references").
"""

import json

KEPT = 8  # values of each measure; one odd test says nothing
LEARNT = 4  # first values that make a reference when the factory gave none
GOOD, CLEAN, REPLACE, WORN = "", "clean", "replace", "worn"
STATES = (GOOD, CLEAN, REPLACE, WORN)
CHANGE, FALL, LEVEL = "change", "fall", "level"
# measure: (how it is judged, clean from, replace from, refuse from; None: never). A change and a fall are relative to
# the reference, a level is the value itself. ASSUMED, each well before the simulated error rate moves (docs/adr/0167).
LIMITS = {
    "rtia": (CHANGE, None, 0.04, 0.10),  # the resistor, its switch or the front end drifts; a change of 20 K is 0.8 %
    "leak_a": (LEVEL, 5e-9, 1.2e-8, 4e-8),  # at 50 mV: a film between the contacts
    "contact_ohm": (LEVEL, None, 700.0, 4000.0),  # the least of the last strips: spirits alone give 600 (docs/adr/0222)
    "white": (FALL, 0.10, 0.18, 0.35),  # lamp, window and sensor together
    "tilt": (FALL, 0.06, 0.12, 0.25),  # short waves against long ones: a yellow film on the window
    "dark": (LEVEL, None, 0.05, 0.15),  # counts without lamp, of those with it, in the darkest of the last tests
}
LEAST_OF = ("contact_ohm", "dark")  # drink and room can only add to these


def middle_of(values: list) -> float:
    """The median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def judge(kept: dict, first: dict) -> tuple:
    """(state, measure, its distance from the reference or level) of the worst measure; GOOD while there are few."""
    worst = (GOOD, "", 0.0)
    for name, (how, *limits) in LIMITS.items():
        values = kept.get(name)
        if not values or len(values) < (KEPT if name in LEAST_OF else LEARNT):
            continue
        now = min(values) if name in LEAST_OF else middle_of(values)
        if how != LEVEL:
            if not first.get(name):
                continue
            now = now / first[name] - 1.0
            now = abs(now) if how == CHANGE else -now
        for index in range(len(limits)):
            limit = limits[index]
            if limit is not None and now >= limit and STATES.index(worst[0]) < index + 1:
                worst = (STATES[index + 1], name, now)
    return worst


class References:
    """What was read, in one file. `factory` are the references of a new bracelet by measure, {} to learn them."""

    def __init__(self, filesystem, opener, factory: dict, path: str = "/references.json"):
        self._os = filesystem
        self._open = opener
        self._factory = factory
        self._path = path

    def _read(self) -> dict:
        try:
            with self._open(self._path, "r") as file:
                return json.load(file)
        except OSError:
            return {"first": {}, "kept": {}}

    def standing(self) -> tuple:
        """(state, measure, value) as the last tests left it. Raises ValueError when the file is damaged."""
        held = self._read()
        return judge(held["kept"], self._reference(held))

    def note(self, values: dict) -> tuple:
        """Take one test's values in; the new standing. Raises OSError, or ValueError when the file is damaged."""
        held = self._read()
        for name, value in values.items():
            kept = held["kept"].get(name, [])
            kept.append(value)
            held["kept"][name] = kept[-KEPT:]
            if name not in held["first"] and len(kept) >= LEARNT:
                held["first"][name] = middle_of(kept)
        with self._open(self._path + ".new", "w") as file:
            json.dump(held, file)
        self._os.rename(self._path + ".new", self._path)
        return judge(held["kept"], self._reference(held))

    def _reference(self, held: dict) -> dict:
        found = dict(held["first"])
        found.update(self._factory)
        return found
