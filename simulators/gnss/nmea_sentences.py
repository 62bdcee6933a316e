"""What a GNSS receiver says over its UART: RMC, GGA, GSA and GST of one epoch (NMEA 0183 version 4.1).

Written for the simulator only; the firmware's parser shares nothing with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.gnss.tracks import Position

KNOTS_PER_M_S = 3600.0 / 1852.0


@dataclass(frozen=True)
class Reception:
    """How well the sky is seen. Standard deviations in metres (GST fields 6 and 7), as the receiver estimates them."""

    satellites: int = 11
    hdop: float = 0.8
    sigma_lat_m: float = 2.4
    sigma_lon_m: float = 2.1
    fixed: bool = True


def with_checksum(body: str) -> bytes:
    """`$body*hh CR LF`; hh is the exclusive or of the body's characters."""
    total = 0
    for character in body.encode("ascii"):
        total ^= character
    return f"${body}*{total:02X}\r\n".encode("ascii")


def _angle(degrees: float, width: int, letters: str) -> str:
    """`ddmm.mmmmm,N`: minutes with five decimals (about 2 cm)."""
    hundred_thousandths = round(abs(degrees) * 60 * 100_000)
    whole, rest = divmod(hundred_thousandths, 60 * 100_000)
    return f"{whole:0{width}d}{rest / 100_000:08.5f},{letters[0] if degrees >= 0 else letters[1]}"


def epoch(time_ms: int, position: Position, reception: Reception) -> bytes:
    """All sentences of one epoch at Unix milliseconds `time_ms`; without a fix the position fields are empty."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    clock = f"{moment:%H%M%S}.{time_ms % 1000 // 10:02d}"
    date = f"{moment:%d%m%y}"
    if not reception.fixed:
        return b"".join(
            (
                with_checksum(f"GNRMC,{clock},V,,,,,,,{date},,,N"),
                with_checksum(f"GNGGA,{clock},,,,,0,{reception.satellites:02d},99.99,,M,,M,,"),
                with_checksum("GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99"),
            )
        )
    lat = _angle(position.lat_deg, 2, "NS")
    lon = _angle(position.lon_deg, 3, "EW")
    speed = f"{position.speed_m_s * KNOTS_PER_M_S:.3f}"
    course = f"{position.course_deg:.2f}" if position.speed_m_s > 0.3 else ""
    major, minor = max(reception.sigma_lat_m, reception.sigma_lon_m), min(reception.sigma_lat_m, reception.sigma_lon_m)
    return b"".join(
        (
            with_checksum(f"GNRMC,{clock},A,{lat},{lon},{speed},{course},{date},,,A"),
            with_checksum(
                f"GNGGA,{clock},{lat},{lon},1,{reception.satellites:02d},{reception.hdop:.2f},24.0,M,47.1,M,,"
            ),
            with_checksum(f"GNGSA,A,3,05,07,13,15,21,24,30,,,,,,1.40,{reception.hdop:.2f},1.15"),
            with_checksum(
                f"GNGST,{clock},6.0,{major:.1f},{minor:.1f},0.0,"
                f"{reception.sigma_lat_m:.1f},{reception.sigma_lon_m:.1f},4.5"
            ),
        )
    )
