"""Was this scan run as the calibration's scans were? Another step, range, amplitude or frequency gives other peaks."""

STEP_PART = 0.1  # a step this much longer or shorter changes a peak by less than strips of one lot differ: ASSUMED
ENDS_V = 0.02  # beside two steps: instruments begin and end a scan this much off what was asked. ASSUMED
# Height and background follow the amplitude and the root of the frequency nearly in proportion: 5 and 2.5 %, less than
# strips of one lot differ. ASSUMED
STATED_PART = 0.05


def _beyond(value: float, pair, slack: float) -> bool:
    return not pair[0] - slack <= value <= pair[1] + slack


def _nearest(value: float, pair) -> float:
    return min(max(value, pair[0]), pair[1])


def _another(seen, wanted) -> bool:
    """Whether a setting is another than the calibration's; 0 and None are "not stated"."""
    return bool(seen and wanted) and abs(seen - wanted) > STATED_PART * wanted


def differs(limits: dict, scan):
    """Why a scan was not run as the calibration's scans, in words, or None.

    `limits` is the calibration's `quality.waveform`: `step_v`, `first_v`, `last_v` (lowest and highest of its scans),
    `gap_v` (no two neighbouring potentials of a scan may lie further apart), and, where they are known, `amplitude_v`
    and `frequency_hz`. The scan's potentials run one way.
    """
    if scan.technique not in ("", "swv"):
        return "the scan is no square wave (%s), the calibration's scans are (scan as the calibration's scans)" % (
            scan.technique
        )
    count = len(scan.potential_v)
    first = scan.potential_v[0]
    last = scan.potential_v[count - 1]
    step = abs(last - first) / (count - 1)
    usual = _nearest(step, limits["step_v"])
    if abs(step - usual) > STEP_PART * usual:
        return "the scan's step is %.3g mV, the calibration's %.3g mV (scan as the calibration's scans)" % (
            1e3 * step,
            1e3 * usual,
        )
    slack = ENDS_V + 2.0 * usual
    if _beyond(first, limits["first_v"], slack) or _beyond(last, limits["last_v"], slack):
        return (
            "the scan runs %.2f to %.2f V, the calibration's scans %.2f to %.2f V (scan as the calibration's scans)"
            % (first, last, _nearest(first, limits["first_v"]), _nearest(last, limits["last_v"]))
        )
    before = first
    for now in scan.potential_v:
        if abs(now - before) > limits["gap_v"]:
            return "the scan leaves out what lies between %.3f and %.3f V (scan as the calibration's scans)" % (
                before,
                now,
            )
        before = now
    if _another(scan.amplitude_v, limits.get("amplitude_v")):
        return "the scan's amplitude is %.3g mV, the calibration's %.3g mV (scan as the calibration's scans)" % (
            1e3 * scan.amplitude_v,
            1e3 * limits["amplitude_v"],
        )
    if _another(scan.frequency_hz, limits.get("frequency_hz")):
        return "the scan's frequency is %.3g Hz, the calibration's %.3g Hz (scan as the calibration's scans)" % (
            scan.frequency_hz,
            limits["frequency_hz"],
        )
    return None
