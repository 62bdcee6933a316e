"""French texts of the drink test."""

TEXTS = {
    "positive": "Cette bandelette voit une drogue dans cette boisson.",
    "inconclusive": "Cette bandelette ne peut pas le dire. Considérez cette boisson comme suspecte.",
    "invalid": "Le test a échoué : il n'y a pas de résultat. Considérez cette boisson comme non testée.",
    "negative": "Aucune drogue que cette bandelette puisse voir. Elle ne voit pas les autres.",
    "do.suspect": (
        "N'en buvez pas (plus). Prévenez maintenant le personnel ou un proche et ne restez pas seul. "
        "Si quelqu'un se sent mal : appelez le 112. Gardez la boisson. "
        "Parlez-en au 1712 ; après des violences sexuelles : un Centre de Prise en charge (ZSG/CPVS)."
    ),
    "do.invalid": "Prenez une nouvelle bandelette et recommencez. Dans le doute, ne buvez pas. Malaise : le 112.",
    "do.negative": (
        "Gardez l'œil sur votre verre. Si vous vous sentez mal : prévenez un proche ou le personnel, appelez le 112."
    ),
    "reason.dry": "Il n'y a pas assez de boisson sur la bandelette.",
    "reason.short": "Les contacts sont court-circuités : séchez le support, prenez une nouvelle bandelette.",
    "reason.bridged": "Il y a de l'humidité entre les contacts : séchez le support, prenez une nouvelle bandelette.",
    "reason.changed": "La bandelette a bougé ou séché pendant le test.",
    "reason.interrupted": "Le contact avec la bandelette a été perdu pendant le test.",
    "reason.used": "Cette bandelette est déjà mouillée : prenez-en une nouvelle.",
    "reason.expired": "Cette bandelette est périmée : prenez-en une nouvelle.",
    "reason.strip_pulled": "La bandelette a été retirée trop tôt.",
    "reason.not_wetted": "Aucune boisson n'est arrivée sur la bandelette.",
    "reason.no_strip": "Aucune bandelette n'a été insérée.",
    "reason.strip_left_in": "La bandelette précédente est restée dans le bracelet.",
    "reason.saturated": "Trop de courant pour mesurer.",
    "reason.hardware": "Le bracelet ne fonctionne pas bien : faites-le contrôler.",
    "reason.battery_low": "La batterie est presque vide : rechargez le bracelet.",
    "reason.worn": "Le bracelet est usé et ne donne plus de résultat : remplacez-le.",
    "care.clean": "Essuyez les contacts et la fenêtre à l'eau, puis séchez-les.",
    "care.replace": "Le bracelet s'use : remplacez-le bientôt. Ce résultat est encore valable.",
    "care.worn": "Le bracelet est usé : remplacez-le.",
    "unlogged": "Le résultat n'a pas pu être conservé.",
}
