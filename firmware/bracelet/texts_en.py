"""English texts of the drink test."""

TEXTS = {
    "positive": "This strip sees a drug in this drink.",
    "inconclusive": "This strip cannot tell. Treat this drink as suspect.",
    "invalid": "The test failed: there is no result. Treat this drink as untested.",
    "negative": "No drug found that this strip can see. It does not see other drugs.",
    "do.suspect": (
        "Do not drink it, or any more of it. Tell staff or a friend now and do not stay alone. "
        "If anyone feels unwell: call 112. Keep the drink. "
        "You can talk to 1712; after sexual violence: a Sexual Assault Care Centre (ZSG)."
    ),
    "do.invalid": "Take a new strip and test again. If in doubt, do not drink it. If anyone feels unwell: call 112.",
    "do.negative": "Keep watching your drink. If you feel strange: tell a friend or staff, and call 112.",
    "reason.dry": "There is not enough drink on the strip.",
    "reason.short": "The contacts are bridged: dry the holder, take a new strip.",
    "reason.bridged": "There is moisture between the contacts: dry the holder, take a new strip.",
    "reason.changed": "The strip moved or dried up during the test.",
    "reason.interrupted": "The contact with the strip was lost during the test.",
    "reason.used": "This strip is wet already: take a new one.",
    "reason.expired": "This strip is out of date: take a new one.",
    "reason.strip_pulled": "The strip was taken out too early.",
    "reason.not_wetted": "No drink came onto the strip.",
    "reason.no_strip": "No strip was put in.",
    "reason.strip_left_in": "The strip before was left in.",
    "reason.saturated": "Too much current to measure.",
    "reason.hardware": "The bracelet does not work properly: have it checked.",
    "reason.battery_low": "The battery is nearly empty: charge the bracelet.",
    "reason.worn": "The bracelet is worn out and gives no results any more: replace it.",
    "care.clean": "Wipe the contacts and the window with water, and dry them.",
    "care.replace": "The bracelet is wearing out: replace it soon. This result still counts.",
    "care.worn": "The bracelet is worn out: replace it.",
    "unlogged": "The result could not be kept.",
}
