"""Deep sleep as arithmetic: what woke the bracelet, what may wake it next, and for how long a line that wakes it for
nothing is left out. Pure: levels and times in, a plan out; standby.py carries it out.

Lines wake by level. A strip that is in cannot wake by being in: its line waits for it to come out (ext0), and the wrist
is left alone meanwhile. Otherwise ext0 is the wrist; ext1 is button and strip, each unless it is closed already.
"""

import binascii
import struct

# What started the program.
COLD = ""  # no deep sleep before it
WRIST = "wrist"
STRIP = "strip"
BUTTON = "button"
STRIP_OUT = "strip_out"
TIMER = "timer"
UNKNOWN = "unknown"  # woken, and nobody knows by what

# machine.wake_reason()
BY_EXT0 = 2
BY_EXT1 = 3
BY_TIMER = 4

# What ext0 waits for; the bits of ext1.
EXT0_NONE = 0
EXT0_WRIST = 1
EXT0_STRIP_OUT = 2
EXT1_STRIP = 1
EXT1_BUTTON = 2

# All ASSUMED. A wake that comes to nothing costs some 18 s awake, 0.14 mAh; a charge is 140 mAh.
WRIST_IDLE_MAX = 3  # wakes by the wrist in a row for nothing, before it is left alone
CONTACT_IDLE_MAX = 8  # the same of button and strip: each was a press or a strip, so be slow to doubt them
REST_S = 60  # how long, doubled with each wake more
REST_WRIST_S_MAX = 3_600
REST_CONTACT_S_MAX = 900
CALM_S = 600  # who slept this long is not being shaken: counting begins anew
RECHECK_S_MAX = 3_600  # a line that is stuck is looked at again after a minute, then two, ...

_LAYOUT = "<4sBBBBBHI"
_MAGIC = b"WZS1"


class Memory:
    """What is kept through a deep sleep, in the RTC's memory."""

    def __init__(self):
        self.ext0 = EXT0_NONE
        self.ext1 = 0
        self.wrist_idle = 0  # wakes by the wrist in a row after which nobody did anything
        self.contact_idle = 0  # wakes by button or strip in a row after which no drink was seen
        self.stuck = 0  # sleeps in a row with a line that was at its level and should not be
        self.sleeps = 0
        self.asleep_s = 0  # the clock when it fell asleep

    def pack(self) -> bytes:
        """The bytes to keep."""
        body = struct.pack(
            _LAYOUT,
            _MAGIC,
            self.ext0,
            self.ext1,
            min(self.wrist_idle, 255),
            min(self.contact_idle, 255),
            min(self.stuck, 255),
            self.sleeps & 0xFFFF,
            self.asleep_s & 0xFFFFFFFF,
        )
        return body + struct.pack("<I", binascii.crc32(body))


def unpack(kept: bytes) -> "Memory | None":
    """The memory, or None when it was lost or is not whole."""
    size = struct.calcsize(_LAYOUT)
    if len(kept) != size + 4 or struct.unpack("<I", kept[size:])[0] != binascii.crc32(kept[:size]):
        return None
    found = struct.unpack(_LAYOUT, kept[:size])
    if found[0] != _MAGIC:
        return None
    memory = Memory()
    memory.ext0, memory.ext1, memory.wrist_idle, memory.contact_idle, memory.stuck = found[1:6]
    memory.sleeps, memory.asleep_s = found[6:]
    return memory


def source_of(reason: int, memory: "Memory | None", strip_closed: bool, button_closed: bool) -> str:
    """What woke the bracelet; UNKNOWN when that cannot be told, which is answered like a press: with a self-test."""
    if reason == BY_TIMER:
        return TIMER if memory is not None else UNKNOWN
    if memory is None:
        return UNKNOWN
    if reason == BY_EXT0 and memory.ext0 == EXT0_WRIST:
        return WRIST
    if reason == BY_EXT0 and memory.ext0 == EXT0_STRIP_OUT:
        return STRIP_OUT
    if reason == BY_EXT1:
        if strip_closed and memory.ext1 & EXT1_STRIP:
            return STRIP
        if button_closed and memory.ext1 & EXT1_BUTTON:
            return BUTTON
    return UNKNOWN  # a contact that is open again, a line that was not armed


def count(memory: Memory, source: str, now_s: int) -> None:
    """Count a wake before anybody knows what comes of it; `used` takes that back."""
    if not 0 <= now_s - memory.asleep_s < CALM_S:  # a clock that was set meanwhile starts anew as well
        memory.wrist_idle = memory.contact_idle = 0
    if source == WRIST:
        memory.wrist_idle += 1
    elif source in (STRIP, BUTTON, UNKNOWN):
        memory.contact_idle += 1


def used(memory: Memory, drink_seen: bool) -> None:
    """Somebody did something with the bracelet: pressed, put a strip in, asked on the serial line."""
    memory.wrist_idle = 0
    if drink_seen:
        memory.contact_idle = 0


def _rest_s(idle: int, idle_max: int, longest_s: int) -> int:
    if idle < idle_max:
        return 0
    return min(REST_S << min(idle - idle_max, 10), longest_s)


def plan(memory: Memory, strip_in: bool, button_stuck: bool, wrist_free: bool, rested: bool, now_s: int) -> int:
    """Choose what may wake (into `memory`); milliseconds after which to look again, 0 for never.

    `strip_in`: the strip's contact is closed, debounced. `button_stuck`: closed for so long that it is no finger.
    `wrist_free`: the accelerometer works and its line is released. `rested`: the time that was left out is over.
    """
    ext0, ext1 = EXT0_NONE, 0
    wrist_s = 0 if rested else _rest_s(memory.wrist_idle, WRIST_IDLE_MAX, REST_WRIST_S_MAX)
    contact_s = 0 if rested else _rest_s(memory.contact_idle, CONTACT_IDLE_MAX, REST_CONTACT_S_MAX)
    stuck = button_stuck or (not wrist_free and not strip_in)
    if strip_in:
        ext0, wrist_s = EXT0_STRIP_OUT, 0
    elif wrist_free and not wrist_s:
        ext0 = EXT0_WRIST
    if not contact_s:
        ext1 = (0 if strip_in else EXT1_STRIP) | (0 if button_stuck else EXT1_BUTTON)
    memory.stuck = memory.stuck + 1 if stuck else 0
    stuck_s = min(REST_S << min(memory.stuck - 1, 10), RECHECK_S_MAX) if stuck else 0
    memory.ext0, memory.ext1, memory.asleep_s = ext0, ext1, now_s
    memory.sleeps += 1
    after = [seconds for seconds in (wrist_s, contact_s, stuck_s) if seconds]
    return min(after) * 1000 if after else 0
