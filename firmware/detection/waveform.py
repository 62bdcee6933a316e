"""Was this scan run as the calibration's scans were? Another step, range, amplitude or frequency gives other peaks."""

from firmware.detection.scan import Scan

STEP_PART = 0.1  # a step this much longer or shorter changes a peak by less than strips of one lot differ: ASSUMED
ENDS_V = 0.02  # beside two steps: instruments begin and end a scan this much off what was asked. ASSUMED
# Height and background follow the amplitude and the root of the frequency nearly in proportion: 5 and 2.5 %, less than
# strips of one lot differ. ASSUMED
STATED_PART = 0.05


def differs(limits: dict, scan: Scan):
    """Why a scan was not run as the calibration's scans, in words, or None: it would give other peaks.

    `limits` is the calibration's `quality.waveform`: `step_v`, `first_v`, `last_v` (lowest and highest of its scans),
    `gap_v` (no two neighbouring potentials of a scan may lie further apart), and, where they are known, `amplitude_v`
    and `frequency_hz`. The scan's potentials run one way.
    """
    first = before = scan.potential_v[0]
    count = len(scan.potential_v)
    last = scan.potential_v[count - 1]
    step = abs(last - first) / (count - 1)
    usual, begin, end = [
        min(max(value, limits[name][0]), limits[name][1])
        for name, value in (("step_v", step), ("first_v", first), ("last_v", last))
    ]
    slack = ENDS_V + 2.0 * usual
    why = None
    if scan.technique not in ("", "swv"):
        why = "the scan is no square wave (%s), the calibration's scans are (scan as the calibration's scans)" % (
            scan.technique
        )
    elif abs(step - usual) > STEP_PART * usual:
        why = "the scan's step is %.3g mV, the calibration's %.3g mV (scan as the calibration's scans)" % (
            1e3 * step,
            1e3 * usual,
        )
    elif abs(first - begin) > slack or abs(last - end) > slack:
        why = (
            "the scan runs %.2f to %.2f V, the calibration's scans %.2f to %.2f V (scan as the calibration's scans)"
            % (first, last, begin, end)
        )
    else:
        for now in scan.potential_v:
            if abs(now - before) > limits["gap_v"]:
                why = "the scan leaves out what lies between %.3f and %.3f V (scan as the calibration's scans)" % (
                    before,
                    now,
                )
                break
            before = now
    for name, scale, words in (
        (
            "amplitude_v",
            1e3,
            "the scan's amplitude is %.3g mV, the calibration's %.3g mV (scan as the calibration's scans)",
        ),
        (
            "frequency_hz",
            1.0,
            "the scan's frequency is %.3g Hz, the calibration's %.3g Hz (scan as the calibration's scans)",
        ),
    ):
        seen, wanted = getattr(scan, name), limits.get(name)  # 0 and None are "not stated"
        if why is None and seen and wanted and abs(seen - wanted) > STATED_PART * wanted:
            why = words % (scale * seen, scale * wanted)
    return why
