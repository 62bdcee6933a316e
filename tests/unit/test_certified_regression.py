"""Own nonlinear least squares against NIST's certified values (StRD), both starting points."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sensor_models import certified_sets
from sensor_models import nonlinear_least_squares as least_squares
from sensor_models.errors import MalformedFile
from tests.support.source_tree import ROOT

NIST = ROOT / "data/nist"
# Each kind of model and difficulty once: `waakzaam bench certified` runs all of them.
NAMES = (
    "BoxBOD", "DanWood", "Gauss1", "Kirby2", "Lanczos1", "MGH09", "MGH10", "MGH17", "Misra1a", "Misra1c", "Nelson",
    "Rat42", "Rat43", "Roszman1", "Thurber",
)  # fmt: skip
FILES = [NIST / f"{name}.dat" for name in NAMES]


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_certified_parameters_and_deviations_are_reproduced(path: Path, start: int) -> None:
    parameters, deviations = certified_sets.reproduce(certified_sets.read(path), start)
    assert parameters >= 6.8
    assert deviations >= 4.6


def test_of_exchanged_terms_the_one_with_the_signs_of_the_start_is_told() -> None:
    """All of MGH17 shrinks on the way: both orders of its exponentials are equally far in logarithms."""
    start = np.array([50.0, 150.0, -100.0, 1.0, 2.0])
    kept, exchanged = (
        least_squares.Solution(np.array(found), np.full(5, 1e-3), 5.5e-5, 28, True, 9)
        for found in ((0.4, 1.9, -1.5, 0.013, 0.022), (0.4, -1.5, 1.9, 0.022, 0.013))
    )
    assert least_squares._better(exchanged, kept, start) is kept
    assert least_squares._better(kept, exchanged, start) is kept


def test_whichever_mirror_image_a_search_finds_the_one_nearest_to_the_start_is_told() -> None:
    """Which one it finds is a matter of rounding: MGH17 came out exchanged on one machine only."""
    one = certified_sets.read(NIST / "MGH17.dat")
    certified, deviations = np.array(one.values), np.array(one.deviations)
    exchanged = [0, 2, 1, 4, 3]
    sum_of_squares = float(np.sum((one.y - np.real(one.model(certified.astype(complex), one.x))) ** 2))
    for order in ([0, 1, 2, 3, 4], exchanged):
        found = least_squares.Solution(certified[order], deviations[order], sum_of_squares, 28, True, 9)
        image = least_squares._nearest_image(one.model, one.x, one.y, found, np.array(one.starts[0]))
        assert image.parameters == pytest.approx(certified)
        assert image.deviations == pytest.approx(deviations)


def test_digits_count_agreement_of_the_worst_value() -> None:
    assert certified_sets.digits(np.array([1.001, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.0)


def test_a_model_that_calls_anything_but_mathematics_is_refused(tmp_path: Path) -> None:
    text = (NIST / "BoxBOD.dat").read_text(encoding="ascii").replace("b1*(1-exp[-b2*x])", "open(b1)")
    (tmp_path / "x.dat").write_text(text, encoding="ascii")
    with pytest.raises(MalformedFile, match="open"):
        certified_sets.read(tmp_path / "x.dat")


def test_every_file_at_hand_can_be_read_and_its_certified_values_meet_its_certified_residual_sum() -> None:
    """The expression is read right: at the certified parameters the residual sum is the certified one."""
    for path in sorted(NIST.glob("*.dat")):
        one = certified_sets.read(path)
        stated = re.search(r"Residual Sum of Squares:\s+(\S+)", path.read_text(encoding="ascii"))
        assert stated is not None
        if float(stated.group(1)) < 1e-15:
            continue  # Lanczos1: below what the ten certified digits allow
        residual = one.y - np.real(one.model(np.array(one.values, dtype=np.clongdouble), one.x))
        assert float(residual @ residual) == pytest.approx(float(stated.group(1)), rel=1e-5), path.name


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("Data:   y             x", "Data:   a             b"), "no data table"),
        (("b1*(1-exp[-b2*x])", "b1*(1-erf[-b2*x])"), "erf"),
        (("149             2", "149             2 7"), "is not 2 numbers"),
        (("y = ", "dy/dt = "), "no line `y = ...`"),
        (("b1*(1-exp[-b2*x])", "b1*9^9^9^9"), "9 ** 9 ** 9 ** 9"),  # worked out for ever
        (("b1*(1-exp[-b2*x])", "b1*exp(x,x,x)"), "exp(x, x, x)"),
        (("b1*(1-exp[-b2*x])", "b1*exp+b2"), "'exp' is not understood"),
        (("b1*(1-exp[-b2*x])", "(" * 5000 + "b1" + ")" * 5000), "cannot read the expression"),
        (("b1*(1-exp[-b2*x])", "b1*(1/(1-1))"), "cannot be worked out"),
        (("  b2 =", "  b3 ="), "stands where b2 belongs"),
        (("149             2", "nan             2"), "is not 2 numbers"),
    ],
)
def test_what_is_not_supported_is_refused_in_one_clear_line(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    text = (NIST / "BoxBOD.dat").read_text(encoding="ascii")
    assert change[0] in text
    (tmp_path / "x.dat").write_text(text.replace(*change), encoding="ascii")
    with pytest.raises(MalformedFile, match=re.escape(word)):
        certified_sets.read(tmp_path / "x.dat")
