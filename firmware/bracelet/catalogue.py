"""What to say about an outcome and what to do now, from the texts of one language."""

LANGUAGES = ("nl", "en", "fr")
_TOLD_REASONS = (
    "dry",
    "short",
    "bridged",
    "changed",
    "interrupted",
    "used",
    "expired",
    "strip_pulled",
    "not_wetted",
    "no_strip",
    "strip_left_in",
    "saturated",
    "worn",
)
_HARDWARE_FAULTS = ("bus", "chip", "supply", "firmware")


def texts_of(language: str) -> dict:
    """The catalogue of a language; Dutch for one that is not there. Only this one is loaded: memory is small."""
    if language == "en":
        from firmware.bracelet.texts_en import TEXTS
    elif language == "fr":
        from firmware.bracelet.texts_fr import TEXTS
    else:
        from firmware.bracelet.texts_nl import TEXTS
    return TEXTS


def sentences(texts: dict, verdict: str, reason: str) -> list:
    """Headline, reason in plain words when there is one for it, and what to do now."""
    told = verdict if verdict in ("positive", "inconclusive", "negative") else "invalid"
    lines = [texts[told]]
    if told == "invalid":
        head = reason.partition(":")[0].strip() if reason else ""
        first = head.partition(" ")[0]
        if head in _TOLD_REASONS:
            lines.append(texts["reason." + head])
        elif first in _TOLD_REASONS:
            lines.append(texts["reason." + first])
        elif "battery_low" in reason:
            lines.append(texts["reason.battery_low"])
        elif head in _HARDWARE_FAULTS:
            lines.append(texts["reason.hardware"])
        lines.append(texts["do.invalid"])
    elif told == "negative":
        lines.append(texts["do.negative"])
    else:
        lines.append(texts["do.suspect"])
    return lines
