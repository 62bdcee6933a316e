"""Own nonlinear least squares against NIST's certified values (StRD), both starting points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensor_models import certified_sets
from sensor_models.errors import MalformedFile
from tests.support.source_tree import ROOT

FILES = sorted((ROOT / "data/nist").glob("*.dat"))


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_certified_parameters_and_deviations_are_reproduced(path: Path, start: int) -> None:
    parameters, deviations = certified_sets.reproduce(certified_sets.read(path), start)
    assert parameters >= 6.8
    assert deviations >= 4.6


def test_digits_count_agreement_of_the_worst_value() -> None:
    assert certified_sets.digits(np.array([1.001, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.0)


def test_a_model_that_calls_anything_but_mathematics_is_refused(tmp_path: Path) -> None:
    text = FILES[0].read_text(encoding="ascii").replace("b1*(1-exp[-b2*x])", "open(b1)")
    (tmp_path / "x.dat").write_text(text, encoding="ascii")
    with pytest.raises(MalformedFile, match="open"):
        certified_sets.read(tmp_path / "x.dat")
