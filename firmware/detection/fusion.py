"""One verdict per drug from several strips and both kinds of measurement, with the reason in words."""

from firmware.detection.verdict import INCONCLUSIVE, INVALID, NEGATIVE, POSITIVE, AnalyteVerdict, together


def fuse_analyte(name: str, found: list) -> AnalyteVerdict:
    """One verdict on a drug from what each strip that can see it said (a list of AnalyteVerdict, at least one).

    Strips that agree give that answer. A positive against a negative is inconclusive: one of them is wrong, and neither
    may be believed. A strip that gave no answer is outvoted by one that did, and named.
    """
    answered = [one for one in found if one.verdict in (POSITIVE, NEGATIVE)]
    silent = len(found) - len(answered)
    words = {}
    for one in answered:
        words[one.verdict] = one
    if len(words) == 2:
        out = AnalyteVerdict(name, INCONCLUSIVE, "two strips contradict each other: " + words[POSITIVE].reason)
        return out
    if not words:
        kinds = [one for one in found if one.verdict == INCONCLUSIVE] or found
        verdict = kinds[0].verdict if kinds else INVALID
        return AnalyteVerdict(name, verdict, kinds[0].reason if kinds else "no strip was read")
    best = answered[0]
    for one in answered:
        if _width(one) < _width(best):
            best = one
    out = AnalyteVerdict(name, best.verdict, best.reason)
    if silent:
        out.reason = best.reason + " (%d of %d strips gave no answer)" % (silent, len(found))
    out.concentration_mol_l = best.concentration_mol_l
    out.ci_low = best.ci_low
    out.ci_high = best.ci_high
    out.signal = best.signal
    return out


def _width(one) -> float:
    if one.ci_low is None or one.ci_high is None:
        return 1e30
    return one.ci_high - one.ci_low


def fuse(verdicts: list, drugs: list):
    """One Verdict over every drug named, from the Verdicts of all strips dipped in the same drink.

    A drug that no strip could see is inconclusive ("not tested"), never negative.
    """
    out = []
    for name in drugs:
        found = [one for verdict in verdicts for one in verdict.analytes if one.analyte == name]
        if found:
            out.append(fuse_analyte(name, found))
        else:
            refused = [verdict.reason for verdict in verdicts if verdict.verdict == INVALID]
            why = refused[0] if refused else "no strip for it was dipped"
            out.append(AnalyteVerdict(name, INCONCLUSIVE, "not tested for %s: %s" % (name, why)))
    return together(out)
