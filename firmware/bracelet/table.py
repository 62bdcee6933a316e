"""The drink test as data: every state, what moves it on, and what happens when nothing does.

The diagram in docs/bracelet-states.md is generated from these tables. `flow.step` is their only reader.
"""

ASLEEP = "asleep"
SELF_TEST = "self_test"
AWAIT_STRIP = "await_strip"
CHECK_STRIP = "check_strip"
AWAIT_WETTING = "await_wetting"
INCUBATE = "incubate"
MEASURE = "measure"
DECIDE = "decide"
LOG = "log"
TELL = "tell"
AWAIT_STRIP_OUT = "await_strip_out"
STATES = (
    ASLEEP,
    SELF_TEST,
    AWAIT_STRIP,
    CHECK_STRIP,
    AWAIT_WETTING,
    INCUBATE,
    MEASURE,
    DECIDE,
    LOG,
    TELL,
    AWAIT_STRIP_OUT,
)

# Marks in a transition: what it does to the outcome carried along.
KEEP = ""  # as it is
TAKE = "take"  # verdict and reason come with the event
PULLED = "strip_pulled"  # invalid with this reason

# state, event, next state, effect to start ("" = none), outcome
TRANSITIONS = (
    (ASLEEP, "button", SELF_TEST, "self_test", KEEP),
    (ASLEEP, "strip_in", SELF_TEST, "self_test", KEEP),
    (SELF_TEST, "passed", AWAIT_STRIP, "look_for_strip", KEEP),
    (SELF_TEST, "fault", LOG, "seal", TAKE),
    (AWAIT_STRIP, "strip_in", CHECK_STRIP, "check_strip", KEEP),
    (AWAIT_STRIP, "fault", LOG, "seal", TAKE),
    (CHECK_STRIP, "ready", AWAIT_WETTING, "watch_wetting", KEEP),
    (CHECK_STRIP, "fault", LOG, "seal", TAKE),
    (CHECK_STRIP, "strip_out", LOG, "seal", PULLED),
    (AWAIT_WETTING, "wet", INCUBATE, "incubate", KEEP),
    (AWAIT_WETTING, "fault", LOG, "seal", TAKE),
    (AWAIT_WETTING, "strip_out", LOG, "seal", PULLED),
    (INCUBATE, "due", MEASURE, "measure", KEEP),
    (INCUBATE, "fault", LOG, "seal", TAKE),
    (INCUBATE, "strip_out", LOG, "seal", PULLED),
    (MEASURE, "measured", DECIDE, "decide", KEEP),
    (MEASURE, "fault", LOG, "seal", TAKE),
    (MEASURE, "strip_out", LOG, "seal", PULLED),
    (DECIDE, "decided", LOG, "seal", TAKE),
    (DECIDE, "fault", LOG, "seal", TAKE),
    (LOG, "sealed", TELL, "tell", KEEP),
    (LOG, "fault", TELL, "tell_unlogged", KEEP),
    (TELL, "told", AWAIT_STRIP_OUT, "look_for_strip", KEEP),
    (TELL, "fault", TELL, "tell_plainly", KEEP),
    (AWAIT_STRIP_OUT, "strip_out", ASLEEP, "rest", KEEP),
    (AWAIT_STRIP_OUT, "button", AWAIT_STRIP_OUT, "tell", KEEP),
)

# state: (limit in ms, next state, effect, reason of the invalid outcome or KEEP). ASLEEP alone may last for ever.
# Limits: ASSUMED, from what a person in a bar does; those of machine work are ten times what the simulator measures.
TIMEOUTS = {
    SELF_TEST: (5_000, LOG, "seal", "self_test_timeout"),
    AWAIT_STRIP: (60_000, LOG, "seal", "no_strip"),
    CHECK_STRIP: (5_000, LOG, "seal", "check_timeout"),
    AWAIT_WETTING: (120_000, LOG, "seal", "not_wetted"),
    INCUBATE: (900_000, LOG, "seal", "incubate_timeout"),
    MEASURE: (90_000, LOG, "seal", "measure_timeout"),
    DECIDE: (30_000, LOG, "seal", "decide_timeout"),
    LOG: (15_000, TELL, "tell_unlogged", KEEP),
    TELL: (20_000, AWAIT_STRIP_OUT, "tell_plainly", KEEP),
    AWAIT_STRIP_OUT: (300_000, ASLEEP, "rest", KEEP),
}
