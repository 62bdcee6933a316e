"""Joint fit of a strip's peaks and baseline: penalised Gauss-Newton on tabulated shapes, in bounded memory."""

from array import array

from firmware.detection.orthogonal import deviations, dot, polynomials, remove, solve, subtract, triangular
from firmware.detection.template import fill

ITERATIONS_MAX = 32
STEP_MAX = 1.5  # largest change of a shift or width in one iteration, in its own standard deviations
CONVERGED = 0.05  # largest last change of an analyte's shift or width, in its own standard deviations
HEIGHT_CONVERGED = 0.05  # largest last change of an analyte's height, in noise standard deviations
HEIGHT_CONVERGED_PART = 2e-3  # ... or relative to the height, whichever is larger
# A fit has converged at these, but goes on until its changes are this part of them: where it stops is a hard threshold,
# and in float32 it may stop one step earlier or later than in float64. That step must not show in a concentration.
STOPPED = 0.04
PART_LEAST = 0.1  # of a step taken, at least: ASSUMED
REGAIN = 2.0  # largest growth of the part taken from one step to the next. ASSUMED
WORSE = 1.0001  # a step that makes the cost larger by more than this factor is halved
START_SHIFTS_V = (0.0, -0.02, 0.02, -0.04, 0.04)  # common shifts tried first: a drifted reference moves every peak
WIDTH_LEAST = 0.5
WIDTH_MOST = 2.0


class Fit:
    """What the fit found. Heights in noise standard deviations per point; shifts in V; widths relative to the table."""

    def __init__(self, peaks: int, points: int) -> None:
        self.points = points
        self.height = [0.0] * peaks
        self.height_sd = [0.0] * peaks  # for unit noise, with place and width uncertain
        self.shift = [0.0] * peaks  # in standard deviations of the peak's prior while fitting
        self.width = [0.0] * peaks
        self.last_step = [0.0] * peaks  # last change of each height
        self.converged = False
        self.iterations = 0
        self.mean_square = 0.0
        self.roughness = 2.0  # Durbin-Watson: 2 for white residuals, towards 0 for a shape that does not fit
        self.degrees = 0
        self.residual = array("f")  # of each point, in noise standard deviations


def _centre(peak: dict, fit: Fit, k: int) -> float:
    return peak["potential_v"] + fit.shift[k] * peak["shift_sd_v"]


def _scale(peak: dict, fit: Fit, k: int) -> float:
    s = peak["width"] * (1.0 + fit.width[k] * peak["width_sd"])
    return min(max(s, peak["width"] * WIDTH_LEAST), peak["width"] * WIDTH_MOST)


class _Work:
    """The arrays of one fit, made once: baseline basis, derivatives (heights, shifts, widths), right-hand side."""

    def __init__(self, model: dict, potential, net) -> None:
        self.shapes = model["shapes"]
        self.peaks = model["peaks"]
        self.potential = potential
        self.net = net
        self.count = len(potential)
        size = len(self.peaks)
        self.basis = polynomials(potential, model["degree"])
        self.columns = [array("f", [0.0] * (self.count + 2 * size)) for _ in range(3 * size)]
        self.right = array("f", [0.0] * (self.count + 2 * size))


def _start(work: _Work, fit: Fit):
    """Generator: linear heights at the best of a few common shifts."""
    count = work.count
    peaks = work.peaks
    right = work.right
    total = dot(work.net, work.net, count)
    best_cost = best_start = 0.0
    best_heights: list = []
    for start in START_SHIFTS_V:
        penalty = 0.0
        for k in range(len(peaks)):
            peak = peaks[k]
            common = start / peak["shift_sd_v"]
            penalty += common * common
            fit.shift[k] = common
            shape = work.shapes[peak["shape"]]
            fill(shape, _centre(peak, fit, k), peak["width"], work.potential, (work.columns[k], right, right))
            remove(work.columns[k], work.basis, count)
            yield
        for k in range(count):
            right[k] = work.net[k]
        heights = yield from solve(work.columns[: len(peaks)], right, count)
        cost = dot(right, right, count) + penalty
        if not best_heights or cost < best_cost - 1e-4 * total:
            best_cost, best_start, best_heights = cost, start, heights
    for k in range(len(peaks)):
        fit.shift[k] = best_start / peaks[k]["shift_sd_v"]
        fit.height[k] = best_heights[k]


def _jacobian(work: _Work, fit: Fit):
    """Generator: residual into `right`, derivatives into `columns`, priors as extra rows."""
    count = work.count
    size = len(work.peaks)
    right = work.right
    for k in range(count):
        right[k] = work.net[k]
    for k in range(size):
        peak = work.peaks[k]
        rows = (work.columns[k], work.columns[size + k], work.columns[2 * size + k])
        fill(work.shapes[peak["shape"]], _centre(peak, fit, k), _scale(peak, fit, k), work.potential, rows)
        yield
        value, slope, stretch = rows
        by_shift = fit.height[k] * peak["shift_sd_v"]
        by_width = fit.height[k] * peak["width"] * peak["width_sd"]
        for n in range(count):
            slope[n] *= by_shift
            stretch[n] *= by_width
        for column in rows:
            remove(column, work.basis, count)
            for n in range(2 * size):
                column[count + n] = 0.0
            yield
        subtract(right, value, fit.height[k], count)
        slope[count + k] = 1.0
        right[count + k] = -fit.shift[k]
        stretch[count + size + k] = 1.0
        right[count + size + k] = -fit.width[k]


def _step(work: _Work):
    """Generator: the Gauss-Newton step as one list (heights, shifts, widths), shortened where it is too far."""
    size = len(work.peaks)
    step = yield from solve(work.columns, work.right, work.count + 2 * size)
    largest = 0.0
    for k in range(size, 3 * size):
        largest = max(largest, abs(step[k]))
    if largest > STEP_MAX:
        for k in range(3 * size):
            step[k] *= STEP_MAX / largest
    return step


def _move(fit: Fit, step: list, part: float) -> None:
    size = len(fit.height)
    for k in range(size):
        fit.height[k] += part * step[k]
        fit.shift[k] += part * step[size + k]
        fit.width[k] += part * step[2 * size + k]


def _relaxed(part: float, before: list, step: list) -> float:
    """Part of the next step to take, from how it lies to the one before, of which `part` was taken.

    Gauss-Newton leaves out how the peaks bend, so its steps swing about the minimum by a steady ratio r, or away from
    it: part / (1 - r) ends the swing (Aitken's delta-squared for vectors, Irons and Tuck 1969).
    """
    square = dot(before, before, len(before))
    if square <= 0.0:
        return 1.0
    rest = 1.0 - dot(before, step, len(step)) / square
    most = min(1.0, part * REGAIN)
    if rest * most <= part:  # also where steps grow one way
        return most
    return max(part / rest, min(PART_LEAST, most))


def _settled(peaks: list, fit: Fit, step: list, part: float) -> bool:
    """Whether a step changes no analyte by more than a part of what counts as converged.

    Other substances' peaks may still wander along their valley.
    """
    size = len(peaks)
    for k in range(size):
        if peaks[k]["role"] == "analyte":
            if abs(step[k]) > part * max(HEIGHT_CONVERGED, HEIGHT_CONVERGED_PART * abs(fit.height[k])):
                return False
            if abs(step[size + k]) > part * CONVERGED or abs(step[2 * size + k]) > part * CONVERGED:
                return False
    return True


def _residual(right, fit: Fit, count: int) -> None:
    total = dot(right, right, count)
    change = 0.0
    for k in range(1, count):
        d = right[k] - right[k - 1]
        change += d * d
    fit.mean_square = total / fit.degrees
    fit.roughness = change / total if total > 0.0 else 2.0


def fit_peaks(model: dict, potential, net):
    """Generator: fit `net` (noise units) at `potential` (V, array('f')) with the calibration's peaks; returns a Fit.

    Minimises sum of squares + sum of (shift/shift_sd)^2 + (width change/width_sd)^2 over heights, shifts, widths and
    the baseline (polynomial of model["degree"]). The priors keep a blank's fit linear and let a large peak find its own
    place. `net` is overwritten, at last by the residuals.
    """
    count = len(potential)
    size = len(model["peaks"])
    fit = Fit(size, count)
    fit.degrees = max(count - model["degree"] - 1 - size, 1)
    work = _Work(model, potential, net)
    remove(net, work.basis, count)
    yield
    yield from _start(work, fit)
    step: list = []
    best = 0.0
    part = 1.0
    for iteration in range(ITERATIONS_MAX):
        yield from _jacobian(work, fit)
        cost = dot(work.right, work.right, count + 2 * size)
        fit.iterations = iteration + 1
        if step and cost > best * WORSE:
            part *= 0.5
            _move(fit, step, -part)
            continue
        best = cost
        before = step
        step = yield from _step(work)
        part = _relaxed(part, before, step)
        _move(fit, step, part)
        for k in range(size):
            fit.last_step[k] = part * step[k]
        fit.converged = _settled(work.peaks, fit, step, 1.0)
        if _settled(work.peaks, fit, step, STOPPED):
            break
    yield from _jacobian(work, fit)
    _residual(work.right, fit, count)
    for k in range(count):  # into the scan's own array: on a board there is no room for a copy beside the work
        net[k] = work.right[k]
    fit.residual = net
    r, _, live = yield from triangular(work.columns, work.right, count + 2 * size)
    fit.height_sd = deviations(r, live, size)
    return fit
