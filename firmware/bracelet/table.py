"""The drink test as data: every state, what moves it on, and what happens when nothing does.

The diagram in docs/bracelet-states.md is generated from these tables. `flow.step` is their only reader.
"""

ASLEEP = "asleep"
STANDBY = "standby"  # deep sleep: nothing runs; what wakes the bracelet starts its program anew, in ASLEEP
AWAKE = "awake"
SELF_TEST = "self_test"
AWAIT_STRIP = "await_strip"
CHECK_STRIP = "check_strip"
AWAIT_WETTING = "await_wetting"
INCUBATE = "incubate"
MEASURE = "measure"
DECIDE = "decide"
LOAD_NEXT = "load_next"
CHANGE_STRIP = "change_strip"
LOG = "log"
TELL = "tell"
AWAIT_STRIP_OUT = "await_strip_out"
SHARE = "share"  # the radio is on, because the wearer held the button
# The clean pour beside the drink, when the wearer wants one: the same steps on a strip of its own.
AWAIT_CLEAN = "await_clean"
CHECK_CLEAN = "check_clean"
CLEAN_WETTING = "clean_wetting"
CLEAN_INCUBATE = "clean_incubate"
CLEAN_MEASURE = "clean_measure"
CLEAN_KEEP = "clean_keep"
CLEAN_OUT = "clean_out"
STATES = (
    ASLEEP,
    STANDBY,
    AWAKE,
    SELF_TEST,
    AWAIT_STRIP,
    CHECK_STRIP,
    AWAIT_WETTING,
    INCUBATE,
    MEASURE,
    DECIDE,
    LOAD_NEXT,
    CHANGE_STRIP,
    LOG,
    TELL,
    AWAIT_STRIP_OUT,
    SHARE,
    AWAIT_CLEAN,
    CHECK_CLEAN,
    CLEAN_WETTING,
    CLEAN_INCUBATE,
    CLEAN_MEASURE,
    CLEAN_KEEP,
    CLEAN_OUT,
)

# Marks in a transition: what it does to the outcome carried along.
KEEP = ""  # as it is
TAKE = "take"  # verdict and reason come with the event
PULLED = "strip_pulled"  # invalid with this reason

# state, event, next state, effect to start ("" = none), outcome
TRANSITIONS = (
    (ASLEEP, "button", SELF_TEST, "self_test", KEEP),
    (ASLEEP, "strip_in", SELF_TEST, "self_test", KEEP),
    (ASLEEP, "wrist", AWAKE, "glance", KEEP),
    (ASLEEP, "woken", SELF_TEST, "self_test", KEEP),  # out of deep sleep, by what cannot be told
    (ASLEEP, "idle", STANDBY, "standby", KEEP),
    (STANDBY, "button", SELF_TEST, "self_test", KEEP),
    (STANDBY, "strip_in", SELF_TEST, "self_test", KEEP),
    (STANDBY, "awake", ASLEEP, "rest", KEEP),  # it did not come to it
    (AWAKE, "button", SELF_TEST, "self_test", KEEP),
    (AWAKE, "strip_in", SELF_TEST, "self_test", KEEP),
    (SELF_TEST, "passed", AWAIT_STRIP, "look_for_strip", KEEP),
    (SELF_TEST, "fault", LOG, "seal", TAKE),
    (SELF_TEST, "strip_out", LOG, "seal", PULLED),
    (AWAIT_STRIP, "strip_in", CHECK_STRIP, "check_strip", KEEP),
    (AWAIT_STRIP, "button", AWAIT_CLEAN, "look_for_strip", KEEP),
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
    (DECIDE, "go_on", LOAD_NEXT, "load_next", KEEP),
    (DECIDE, "fault", LOG, "seal", TAKE),
    (LOAD_NEXT, "loaded", CHANGE_STRIP, "look_for_strip", KEEP),
    (LOAD_NEXT, "fault", LOG, "seal", TAKE),
    (CHANGE_STRIP, "strip_out", AWAIT_STRIP, "look_for_strip", KEEP),
    (CHANGE_STRIP, "another_strip", CHECK_STRIP, "check_strip", KEEP),  # it was changed before anybody asked
    (CHANGE_STRIP, "fault", LOG, "seal", TAKE),
    (AWAIT_CLEAN, "strip_in", CHECK_CLEAN, "check_strip", KEEP),
    (AWAIT_CLEAN, "button", AWAIT_STRIP, "look_for_strip", KEEP),
    (AWAIT_CLEAN, "fault", LOG, "seal", TAKE),
    (CHECK_CLEAN, "ready", CLEAN_WETTING, "watch_wetting", KEEP),
    (CHECK_CLEAN, "fault", LOG, "seal", TAKE),
    (CHECK_CLEAN, "strip_out", LOG, "seal", PULLED),
    (CLEAN_WETTING, "wet", CLEAN_INCUBATE, "incubate", KEEP),
    (CLEAN_WETTING, "fault", LOG, "seal", TAKE),
    (CLEAN_WETTING, "strip_out", LOG, "seal", PULLED),
    (CLEAN_INCUBATE, "due", CLEAN_MEASURE, "measure", KEEP),
    (CLEAN_INCUBATE, "fault", LOG, "seal", TAKE),
    (CLEAN_INCUBATE, "strip_out", LOG, "seal", PULLED),
    (CLEAN_MEASURE, "measured", CLEAN_KEEP, "keep_clean", KEEP),
    (CLEAN_MEASURE, "fault", LOG, "seal", TAKE),
    (CLEAN_MEASURE, "strip_out", LOG, "seal", PULLED),
    (CLEAN_KEEP, "kept", CLEAN_OUT, "look_for_strip", KEEP),
    (CLEAN_KEEP, "fault", LOG, "seal", TAKE),
    (CLEAN_OUT, "strip_out", AWAIT_STRIP, "look_for_strip", KEEP),
    (CLEAN_OUT, "another_strip", CHECK_STRIP, "check_strip", KEEP),
    (CLEAN_OUT, "fault", LOG, "seal", TAKE),
    (LOG, "sealed", TELL, "tell", KEEP),
    (LOG, "fault", TELL, "tell_unlogged", KEEP),
    (TELL, "told", AWAIT_STRIP_OUT, "look_for_strip", KEEP),
    (TELL, "fault", TELL, "tell_plainly", KEEP),
    (AWAIT_STRIP_OUT, "strip_out", ASLEEP, "rest", KEEP),
    (AWAIT_STRIP_OUT, "button", AWAIT_STRIP_OUT, "tell", KEEP),
    (AWAIT_STRIP_OUT, "told", AWAIT_STRIP_OUT, "look_for_strip", KEEP),
    (AWAIT_STRIP_OUT, "another_strip", SELF_TEST, "self_test", KEEP),  # put in while the verdict was sealed or told
    # Held for 3 s, where no strip is at work: the press before has begun a test at most, and nothing was measured yet.
    (ASLEEP, "hold", SHARE, "share", KEEP),
    (AWAKE, "hold", SHARE, "share", KEEP),
    (AWAIT_STRIP, "hold", SHARE, "share", KEEP),
    (AWAIT_CLEAN, "hold", SHARE, "share", KEEP),
    (SHARE, "shared", ASLEEP, "rest", KEEP),
    (SHARE, "button", ASLEEP, "rest", KEEP),
    (SHARE, "strip_in", SELF_TEST, "self_test", KEEP),
    (SHARE, "fault", ASLEEP, "rest", KEEP),
)

# state: (limit in ms, next state, effect, reason of the invalid outcome or KEEP). ASLEEP alone may last for ever.
# Limits: ASSUMED, from what a person in a bar does; those of machine work are ten times what the simulator measures;
# incubation: the colour pads' 15 minutes and a minute more, so that a late reading is refused with its own reason.
INCUBATE_MS_MAX = 960_000
TIMEOUTS = {
    STANDBY: (5_000, ASLEEP, "rest", KEEP),
    AWAKE: (8_000, ASLEEP, "rest", KEEP),
    SELF_TEST: (5_000, LOG, "seal", "self_test_timeout"),
    AWAIT_STRIP: (60_000, LOG, "seal", "no_strip"),
    CHECK_STRIP: (20_000, LOG, "seal", "check_timeout"),
    AWAIT_WETTING: (120_000, LOG, "seal", "not_wetted"),
    INCUBATE: (INCUBATE_MS_MAX, LOG, "seal", "incubate_timeout"),
    MEASURE: (90_000, LOG, "seal", "measure_timeout"),
    DECIDE: (30_000, LOG, "seal", "decide_timeout"),
    LOAD_NEXT: (10_000, LOG, "seal", "self_test_timeout"),
    CHANGE_STRIP: (120_000, LOG, "seal", "strip_left_in"),
    AWAIT_CLEAN: (60_000, LOG, "seal", "no_strip"),
    CHECK_CLEAN: (20_000, LOG, "seal", "check_timeout"),
    CLEAN_WETTING: (120_000, LOG, "seal", "not_wetted"),
    CLEAN_INCUBATE: (INCUBATE_MS_MAX, LOG, "seal", "incubate_timeout"),
    CLEAN_MEASURE: (90_000, LOG, "seal", "measure_timeout"),
    CLEAN_KEEP: (30_000, LOG, "seal", "decide_timeout"),
    CLEAN_OUT: (120_000, LOG, "seal", "strip_left_in"),
    LOG: (15_000, TELL, "tell_unlogged", KEEP),
    TELL: (20_000, AWAIT_STRIP_OUT, "tell_plainly", KEEP),
    AWAIT_STRIP_OUT: (300_000, ASLEEP, "rest", KEEP),
    SHARE: (300_000, ASLEEP, "rest", KEEP),  # of them 60 s without anybody connected (radio.OPEN_MS)
}
