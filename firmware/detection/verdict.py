"""What a drink test may say: negative, positive, inconclusive or invalid, always with a reason in words."""

NEGATIVE = "negative"
POSITIVE = "positive"
INCONCLUSIVE = "inconclusive"
INVALID = "invalid"

# Worst news first: what one verdict over several analytes says. A failure never reads as negative.
_RANK = (POSITIVE, INVALID, INCONCLUSIVE, NEGATIVE)


class AnalyteVerdict:
    """The verdict on one substance: signal in A (or absorbance), concentration and its interval in mol/L or None."""

    def __init__(self, analyte: object, verdict: str, reason: str) -> None:
        self.analyte = analyte
        self.verdict = verdict
        self.reason = reason
        self.concentration_mol_l: object = None
        self.ci_low: object = None
        self.ci_high: object = None
        self.signal = 0.0
        self.potential_v = 0.0

    def to_dict(self) -> dict:
        """The fields of one entry of a field-test record's `analytes`."""
        return {
            "analyte": self.analyte,
            "verdict": self.verdict,
            "concentration_mol_l": self.concentration_mol_l,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "reason": self.reason,
        }


class Verdict:
    """The verdict on one scan; `analytes` holds one AnalyteVerdict per substance of the strip (none when invalid)."""

    def __init__(self, verdict: str, reason: str, analytes: list, fit: object = None) -> None:
        self.verdict = verdict
        self.reason = reason
        self.analytes = analytes
        self.fit = fit

    def leading(self):
        """The substance that decided the verdict, or None when the scan was refused before any substance was judged."""
        for one in self.analytes:
            if one.verdict == self.verdict:
                return one
        return None

    def to_dict(self) -> dict:
        """The deciding substance's fields plus `analytes`; `verdict` and `reason` are those of the whole scan."""
        lead = self.leading()
        out = lead.to_dict() if lead is not None else AnalyteVerdict(None, self.verdict, self.reason).to_dict()
        out["verdict"] = self.verdict
        out["reason"] = self.reason
        out["analytes"] = [one.to_dict() for one in self.analytes]
        return out


def invalid(reason: str) -> Verdict:
    """A scan that says nothing about the drink."""
    return Verdict(INVALID, reason, [])


def together(analytes: list, fit: object = None) -> Verdict:
    """One verdict over several substances: any positive wins; otherwise any doubt wins over negative."""
    for word in _RANK:
        for one in analytes:
            if one.verdict == word:
                return Verdict(word, one.reason, analytes, fit)
    return invalid("the calibration holds no analyte")
