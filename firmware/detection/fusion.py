"""One verdict per drug from several strips of both kinds dipped in one drink, by a table, with the reason in words."""

from firmware.detection.verdict import INCONCLUSIVE, INVALID, NEGATIVE, POSITIVE, AnalyteVerdict, Verdict, together

# What the strips that look for one drug said -> what is said. True: at least one strip said so; False: none did; None:
# either way. The first row that fits decides. "Silent" is a strip that says nothing of the drug: void, failed, or not
# able to see the dose. A strip in doubt has seen something that it cannot explain: it keeps a negative from standing.
RULES = (
    # positive, negative, doubt, silent -> verdict, whose reason, how it is told
    (True, True, None, None, INCONCLUSIVE, "all", "the strips contradict each other: "),
    (True, False, None, None, POSITIVE, POSITIVE, ""),
    (False, True, True, None, INCONCLUSIVE, "all", "one strip is in doubt: "),
    (False, True, False, None, NEGATIVE, NEGATIVE, ""),
    (False, False, True, None, INCONCLUSIVE, INCONCLUSIVE, ""),
    (False, False, False, True, INCONCLUSIVE, "all", "not tested for %s: "),
)
SILENT = "silent"


def _kind(one: AnalyteVerdict) -> str:
    if one.verdict == INVALID or (one.verdict == INCONCLUSIVE and one.reason.startswith("not testable")):
        return SILENT
    return one.verdict


def rule_for(kinds: list) -> tuple:
    """The first row of RULES that fits what the strips said (a list, not empty)."""
    has = [word in kinds for word in (POSITIVE, NEGATIVE, INCONCLUSIVE, SILENT)]
    for rule in RULES:
        if all([rule[k] is None or rule[k] == has[k] for k in range(4)]):
            return rule
    raise ValueError("no rule fits " + ", ".join(kinds))


def _width(one) -> float:
    if one.ci_low is None or one.ci_high is None:
        return 1e30
    return one.ci_high - one.ci_low


def _apart(a, b) -> bool:
    """Whether two intervals have no concentration in common."""
    if a.ci_high is not None and b.ci_low is not None and b.ci_low > a.ci_high:
        return True
    return b.ci_high is not None and a.ci_low is not None and a.ci_low > b.ci_high


def fuse_analyte(name: str, found: list) -> AnalyteVerdict:
    """One verdict on a drug from [(strip's name, its AnalyteVerdict)], at least one.

    Concentration and interval are those of the agreeing strip with the narrowest interval; where two agreeing strips'
    intervals do not meet, the reason says so.
    """
    kinds = [_kind(one) for _, one in found]
    rule = rule_for(kinds)
    verdict, whose, words = rule[4], rule[5], rule[6]
    telling = [found[k] for k in range(len(found)) if whose in ("all", kinds[k])]
    best = telling[0][1]
    for _, one in telling:
        if _width(one) < _width(best):
            best = one
    out = AnalyteVerdict(name, verdict, best.reason)
    if "%s" in words:
        words = words % name
    if whose == "all":
        out.reason = words + "; ".join(["%s: %s, %s" % (strip, one.verdict, one.reason) for strip, one in telling])
        return out
    others = len(found) - len(telling)
    if len(telling) > 1:
        out.reason += " (%d strips agree)" % len(telling)
        for _, one in telling:
            if verdict == POSITIVE and _apart(one, best):
                out.reason += "; they differ in how much"
                break
    if others:
        out.reason += " (%d of %d strips gave no answer)" % (others, len(found))
    out.concentration_mol_l = best.concentration_mol_l
    out.ci_low = best.ci_low
    out.ci_high = best.ci_high
    out.signal = best.signal
    out.potential_v = best.potential_v
    return out


def fuse(found: list, drugs=()) -> Verdict:
    """One Verdict from [(strip's name, its Verdict, the drugs that it looks for)] of strips dipped in the same drink.

    A drug named in `drugs` that no strip looks for is inconclusive ("not tested"), never negative. A strip that was
    refused says so for every drug that it looks for.
    """
    names: list = []
    for _, _, looked_for in found:
        names += [name for name in looked_for if name not in names]
    names += [name for name in drugs if name not in names]
    out = []
    for name in names:
        said = []
        for strip, verdict, looked_for in found:
            if name not in looked_for:
                continue
            own = [one for one in verdict.analytes if one.analyte == name]
            said.append((strip, own[0] if own else AnalyteVerdict(name, INVALID, verdict.reason)))
        if said:
            out.append(fuse_analyte(name, said))
        else:
            out.append(AnalyteVerdict(name, INCONCLUSIVE, "not tested for %s: no strip for it was dipped" % name))
    return together(out)
