"""What the electrode answers to at high concentration."""

from __future__ import annotations

# Concentration at which the response has fallen to half of the linear one (adsorption, passivation). SCIENCE.md:
# ketamine linear to 200-250 uM; scopolamine to 200 uM. The values themselves are ASSUMED.
HALF_RESPONSE_MOL_L = {"ketamine": 1.5e-3, "MDMA": 1.8e-3, "scopolamine": 2.0e-3}


def effective_mol_l(name: str, concentration_mol_l: float, half_response: float) -> float:
    """Concentration of a linear electrode with the same current; `half_response` scales the saturation of this lot."""
    half = HALF_RESPONSE_MOL_L.get(name)
    if half is None:
        return concentration_mol_l
    return concentration_mol_l / (1.0 + concentration_mol_l / (half * half_response))
