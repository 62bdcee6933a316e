"""How a verdict is told: colour and rhythm and vibration, each alone enough to know it. Data only.

Colours keep apart for the colour-blind (red, amber, blue, white: no green); the rhythms differ by count and length, and
the vibration follows the light, for a dark and loud room. Telling starts at once and the first second already differs.
"""

RED = (255, 0, 0)
AMBER = (255, 120, 0)
BLUE = (0, 40, 255)
WHITE = (160, 160, 160)
DARK = (0, 0, 0)

# (milliseconds, colour, vibration 0..100)
_LONG_RED = (700, RED, 100)
_GAP = (200, DARK, 0)
_REST = (600, DARK, 0)
PATTERNS = {
    # three long, hard: do not drink this
    "positive": (_LONG_RED, _GAP, _LONG_RED, _GAP, _LONG_RED, _REST),
    # two short one long, amber: not clear, treat it as suspect
    "inconclusive": (
        (200, AMBER, 80),
        _GAP,
        (200, AMBER, 80),
        _GAP,
        (900, AMBER, 80),
        _REST,
    ),
    # six quick white: the test itself failed
    "invalid": ((100, WHITE, 60), (100, DARK, 0)) * 6 + (_REST,),
    # one slow soft blue: this strip saw nothing
    "negative": ((1500, BLUE, 30), _REST),
}
REPEATS = {"positive": 3, "inconclusive": 3, "invalid": 2, "negative": 1}
# what the wearer sees while the test runs
WORKING = ((150, WHITE, 0), (850, DARK, 0))
PUT_STRIP = ((100, WHITE, 40), (400, DARK, 0))
PUT_DRINK = ((100, BLUE, 40), (100, DARK, 0), (100, BLUE, 40), (700, DARK, 0))
PUT_CLEAN = ((100, BLUE, 40), (300, DARK, 0), (100, WHITE, 40), (700, DARK, 0))
GLANCE = ((80, WHITE, 0), (200, DARK, 0))
SHARING = ((60, BLUE, 20), (100, DARK, 0), (60, WHITE, 0), (780, DARK, 0))  # the radio is on
CARE = ((300, AMBER, 30), (100, DARK, 0), (300, WHITE, 30), (400, DARK, 0))  # clean or replace: the words say which
UNLOGGED = ((50, WHITE, 0), (50, DARK, 0), (50, WHITE, 0), (450, DARK, 0))


def pattern_of(verdict: str) -> tuple:
    """The whole telling of a verdict: its pattern, repeated. An unknown word is told as the failure that it is."""
    word = verdict if verdict in PATTERNS else "invalid"
    return PATTERNS[word] * REPEATS[word]


def duration_ms(pattern: tuple) -> int:
    """How long a pattern takes."""
    return sum([part[0] for part in pattern])


def colour_name(colour: tuple) -> str:
    """A word for a colour, for the serial line."""
    for name, value in (("red", RED), ("amber", AMBER), ("blue", BLUE), ("white", WHITE), ("dark", DARK)):
        if value == colour:
            return name
    return "%d,%d,%d" % colour
