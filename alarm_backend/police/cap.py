"""Common Alerting Protocol 1.2 messages (OASIS CAP-v1.2) about an alarm; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MSG_TYPES = ("Alert", "Update", "Cancel")
STATUSES = ("Actual", "Exercise", "Test")
URGENCY = {5: "Immediate", 4: "Immediate", 3: "Expected", 2: "Future", 1: "Future"}
SEVERITY = {5: "Extreme", 4: "Severe", 3: "Moderate", 2: "Minor", 1: "Minor"}
OBSERVED_KINDS = ("panic", "strap_cut", "case_opened")
"""Pressed, cut, opened: reported by the device itself, not inferred."""
LIKELY = 0.5
"""CAP 1.2 §3.2.2: likely is above, possible up to about 50 %."""
OBSERVED = 0.99
"""A breach this certain counts as observed. ASSUMED."""
NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
EVENTS_NL = {
    "panic": "Noodknop ingedrukt",
    "proximity_alert": "Contactverbod geschonden: te dicht bij het slachtoffer",
    "proximity_prealert": "Contactverbod: nadert het slachtoffer",
    "zone_entry": "Contactverbod geschonden: in een verboden zone",
    "zone_buffer": "Contactverbod: nadert een verboden zone",
    "strap_cut": "Enkelband doorgeknipt",
    "case_opened": "Tracker opengemaakt",
    "contact_loss": "Geen contact met de tracker",
    "gnss_loss": "Tracker zonder positie",
    "jamming": "Storing van de plaatsbepaling vermoed",
    "spoofing": "Vervalste plaatsbepaling vermoed",
    "device_left_behind": "Tracker achtergelaten",
}


@dataclass(frozen=True)
class Place:
    """A disc somebody was in: degrees, metres, Unix milliseconds."""

    lat: float
    lon: float
    radius_m: float
    fix_ms: int
    whom: str


@dataclass(frozen=True)
class Report:
    """What is handed over. Times in Unix milliseconds; `references` are the earlier messages of this hand-over."""

    identifier: str
    sender: str
    sent_ms: int
    status: str
    msg_type: str
    references: tuple[tuple[str, int], ...]
    incident_id: str
    kind: str
    severity: int
    condition: str
    probability: float | None
    headline: str
    description: str
    contact: str
    addresses: str
    parameters: tuple[tuple[str, str], ...]
    places: tuple[Place, ...]
    note: str = ""


def cap_time(unix_ms: int) -> str:
    """CAP's dateTime: whole seconds and a numeric zone; UTC is written -00:00 (§3.3.2)."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def certainty(kind: str, probability: float | None) -> str:
    """Observed, Likely, Possible or Unknown; an alarm is never called unlikely to the police."""
    if kind in OBSERVED_KINDS:
        return "Observed"
    if probability is None:
        return "Unknown"
    if probability >= OBSERVED:
        return "Observed"
    return "Likely" if probability > LIKELY else "Possible"


def build(report: Report) -> str:
    """The message as XML text. Raises ValueError for a word CAP does not know."""
    if report.msg_type not in MSG_TYPES or report.status not in STATUSES:
        raise ValueError(f"{report.msg_type}/{report.status} is not a CAP message type and status")
    alert = ET.Element("alert", {"xmlns": NAMESPACE})
    _add(alert, "identifier", token(report.identifier))
    _add(alert, "sender", token(report.sender))
    _add(alert, "sent", cap_time(report.sent_ms))
    _add(alert, "status", report.status)
    _add(alert, "msgType", report.msg_type)
    _add(alert, "scope", "Private")
    _add(alert, "addresses", report.addresses)
    if report.note:
        _add(alert, "note", report.note)
    if report.references:
        earlier = (f"{token(report.sender)},{token(name)},{cap_time(ms)}" for name, ms in report.references)
        _add(alert, "references", " ".join(earlier))
    _add(alert, "incidents", token(report.incident_id))
    info = ET.SubElement(alert, "info")
    _add(info, "language", "nl-BE")
    _add(info, "category", "Security")
    _add(info, "event", EVENTS_NL.get(report.kind, report.kind))
    past = report.condition == "cleared"
    _add(info, "urgency", "Past" if past else URGENCY[min(max(report.severity, 1), 5)])
    _add(info, "severity", SEVERITY[min(max(report.severity, 1), 5)])
    _add(info, "certainty", certainty(report.kind, report.probability))
    _pair(info, "eventCode", "waakzaam.kind", report.kind)
    _add(info, "senderName", report.sender)
    _add(info, "headline", report.headline[:160])
    _add(info, "description", report.description)
    _add(info, "contact", report.contact)
    for name, value in report.parameters:
        _pair(info, "parameter", name, value)
    for place in report.places:
        area = ET.SubElement(info, "area")
        _add(area, "areaDesc", f"{place.whom}, {cap_time(place.fix_ms)}")
        _add(area, "circle", f"{place.lat:.6f},{place.lon:.6f} {max(place.radius_m, 1.0) / 1000:.3f}")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(alert, encoding="unicode")


def token(text: str) -> str:
    """An identifier without the characters CAP forbids in one: space, comma, < and & (§3.2.1)."""
    return re.sub(r"[\s,<&]", "_", NOT_IN_XML.sub("", text))


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = NOT_IN_XML.sub("", text)


def _pair(parent: ET.Element, name: str, value_name: str, value: str) -> None:
    pair = ET.SubElement(parent, name)
    _add(pair, "valueName", value_name)
    _add(pair, "value", value)
