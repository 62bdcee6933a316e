"""Dutch texts of the drink test (language of first resort)."""

TEXTS = {
    "positive": "Deze strip ziet een verdovend middel in dit drankje.",
    "inconclusive": "Deze strip kan het niet zeggen. Behandel dit drankje als verdacht.",
    "invalid": "De test is mislukt: er is geen uitslag. Behandel dit drankje als niet getest.",
    "negative": "Geen middel gevonden dat deze strip kan zien. Andere middelen ziet hij niet.",
    "do.suspect": (
        "Drink er niet (meer) van. Zeg het nu aan iemand van de zaak of een vriend en blijf niet alleen. "
        "Voelt iemand zich niet goed: bel 112. Bewaar het drankje. "
        "Praten kan op 1712; na seksueel geweld: een Zorgcentrum na Seksueel Geweld (ZSG)."
    ),
    "do.invalid": (
        "Neem een nieuwe strip en test opnieuw. Twijfel je, drink er dan niet van. Voelt iemand zich slecht: bel 112."
    ),
    "do.negative": "Blijf op je drankje letten. Voel je je vreemd: zeg het aan een vriend of de zaak, en bel 112.",
    "reason.dry": "Er is niet genoeg drank op de strip.",
    "reason.short": "De contacten zijn kortgesloten: droog de houder, neem een nieuwe strip.",
    "reason.bridged": "Er ligt vocht tussen de contacten: droog de houder, neem een nieuwe strip.",
    "reason.changed": "De strip is tijdens de test verschoven of opgedroogd.",
    "reason.interrupted": "Het contact met de strip viel weg tijdens de test.",
    "reason.used": "Deze strip is al nat: neem een nieuwe.",
    "reason.expired": "Deze strip is vervallen: neem een nieuwe.",
    "reason.strip_pulled": "De strip is te vroeg uitgenomen.",
    "reason.not_wetted": "Er kwam geen drank op de strip.",
    "reason.no_strip": "Er is geen strip ingestoken.",
    "reason.strip_left_in": "De vorige strip zat nog in de armband.",
    "reason.saturated": "Te veel stroom om te meten.",
    "reason.hardware": "De armband doet het niet goed: laat hem nakijken.",
    "reason.battery_low": "De batterij is bijna leeg: laad de armband op.",
    "reason.worn": "De armband is versleten en geeft geen uitslagen meer: vervang hem.",
    "care.clean": "Veeg de contacten en het venster schoon met water en maak ze droog.",
    "care.replace": "De armband raakt versleten: vervang hem binnenkort. Deze uitslag telt nog.",
    "care.worn": "De armband is versleten: vervang hem.",
    "unlogged": "De uitslag kon niet bewaard worden.",
}
