"""How is a sweep told in English and French? Owns those words, of its figures and of its report, and nothing else."""

from __future__ import annotations

import textwrap

from experiments.report_words import INDICATORS, name_of, unit_of

LANGUAGES = ("en", "fr")
WORDS: dict[str, tuple[str, str]] = {
    # figures
    "seed": ("seed", "graine"),
    "seeds": ("seeds", "graines"),
    "runs": ("runs", "simulations"),
    "response": ("response", "réponse"),
    "together": ("two factors together", "deux facteurs ensemble"),
    "bars_seeds": (
        "bars: 95 % intervals over seeds, what a seed does at every level alike taken out",
        "barres : intervalles à 95 % entre graines, effet commun de chaque graine retiré",
    ),
    "bars_points": (
        "bars: 95 % intervals over the points drawn, the other factors' spread included",
        "barres : intervalles à 95 % entre points tirés, dispersion des autres facteurs comprise",
    ),
    "no_bars": ("one seed: no intervals", "une seule graine : pas d'intervalle"),
    "parallel": ("parallel lines: the effects simply add up", "lignes parallèles : les effets s'ajoutent simplement"),
    "small": ("factor small", "facteur petit"),
    "large": ("factor large", "facteur grand"),
    "tornado": ("between small and large factors", "entre petites et grandes valeurs des facteurs"),
    "tornado_note": (
        "Where the factor is in its lowest and in its highest fifth, all else being equal (a straight line).",
        "Facteur dans son cinquième le plus bas, et le plus haut, toutes choses égales par ailleurs (une droite).",
    ),
    "sobol_title": ("what its variance comes from", "d'où vient sa variance"),
    "sobol_axis": (
        "share of the indicator's variance, with 95 % intervals",
        "part de la variance de l'indicateur, intervalles à 95 %",
    ),
    "sobol_note": (
        "A total index beyond the index alone is interaction with other factors.",
        "Un indice total au-delà de l'indice seul est de l'interaction avec d'autres facteurs.",
    ),
    "total": ("total", "total"),
    "alone": ("alone (first order)", "seul (premier ordre)"),
    "morris_title": ("screening by Morris' method", "criblage par la méthode de Morris"),
    "mu_star": ("mean size of the effect (μ*)", "taille moyenne de l'effet (μ*)"),
    "sigma": ("spread (σ): interaction or curvature", "dispersion (σ) : interaction ou courbure"),
    "morris_axis": ("change over the whole range of the factor", "variation sur toute l'étendue du facteur"),
    "morris_note": (
        "Lines: 95 % intervals over trajectories and seeds.",
        "Traits : intervalles à 95 % entre trajectoires et graines.",
    ),
    # report
    "title": ("Sweep", "Balayage"),
    "incomplete": (
        "Not all runs are over: what follows is of those that are done.",
        "Toutes les simulations ne sont pas terminées : ce qui suit porte sur celles qui le sont.",
    ),
    "invented": (
        "The territory is invented: nothing here is about a real place.",
        "Le territoire est inventé : rien ici ne porte sur un lieu réel.",
    ),
    "answer": ("In short", "En bref"),
    "varied": ("What was varied", "Ce qui varie"),
    "factor": ("factor", "facteur"),
    "values": ("values", "valeurs"),
    "unit": ("unit", "unité"),
    "distribution": ("distribution", "loi"),
    "grade": ("grade", "niveau"),
    "group": ("group", "groupe"),
    "constant": ("The same in every run", "Constant dans toutes les simulations"),
    "indicator": ("indicator", "indicateur"),
    "from_to": ("from … to", "de … à"),
    "at_low": ("factor at its low end", "facteur au plus bas"),
    "at_high": ("factor at its high end", "facteur au plus haut"),
    "difference": ("difference", "différence"),
    "interval": ("95 % interval", "intervalle à 95 %"),
    "not_seen": ("not seen", "non visible"),
    "ends": ("What each factor is worth", "Ce que vaut chaque facteur"),
    "pairs": ("Which factors act together", "Quels facteurs agissent ensemble"),
    "pairs_note": (
        "By how much the effect of one factor (from its lowest to its highest value) changes when the other goes from "
        "its lowest to its highest. An interval that holds 0: the effects may simply add up. One pair in twenty would "
        "seem to act together by chance alone.",
        "De combien change l'effet d'un facteur (de sa plus petite à sa plus grande valeur) quand l'autre passe de sa "
        "plus petite à sa plus grande. Un intervalle contenant 0 : les effets peuvent simplement s'ajouter. Une paire "
        "sur vingt paraîtrait agir ensemble par le seul hasard.",
    ),
    "with": ("with", "avec"),
    "change": ("change of the effect", "variation de l'effet"),
    "figures": ("Response curves, heat maps, interaction", "Courbes de réponse, cartes de chaleur, interaction"),
    "sensitivity": ("Sensitivity", "Sensibilité"),
    "index": ("index", "indice"),
    "value": ("value", "valeur"),
    "failed": ("Runs that failed", "Simulations en échec"),
    "method": ("How to read this", "Comment lire ces résultats"),
    "provenance": ("Where this comes from", "D'où viennent ces résultats"),
    "nothing": (
        "No run is done yet, or nothing that varies is a number: there is nothing to draw.",
        "Aucune simulation n'est terminée, ou rien de ce qui varie n'est un nombre : il n'y a rien à dessiner.",
    ),
}
SHAPES = {"uniform": "uniforme", "log_uniform": "log-uniforme", "triangular": "triangulaire", "pert": "PERT"}
MORE_INDICATORS = {
    "lead_time_share_1_days.gp": ("Appointments for today or tomorrow, GP, share",
                                  "Rendez-vous pour le jour même ou le lendemain, généraliste, part"),
    "lead_time_p90_days.gp": ("Ninth tenth of waits, GP, days", "Neuvième décile d'attente, généraliste, jours"),
}  # fmt: skip
METHOD = {
    "en": (
        "Each run is one simulated future; runs of one seed share their luck wherever the design leaves them the same, "
        "so that points of the design are compared, not luck.",
        "Factors with levels: a seed's runs are averaged first, intervals are over seeds. Factors that take any value: "
        "the fifth of the points at either end, or classes of equal size, and intervals are over points, each averaged "
        "over its seeds (of a Sobol' or Morris design only points that do not repeat others). A difference whose "
        "interval holds 0 is called not seen.",
        "An effect of one factor is a mean over what the others are in this design. Nothing holds outside the ranges.",
        "Inhabitants are synthetic; numbers of grade C are assumptions. A response to a factor of grade C tells what "
        "the assumption does, not that it is true.",
    ),
    "fr": (
        "Chaque simulation est un futur possible ; les simulations de même graine partagent leur hasard partout où le "
        "plan ne les distingue pas : on compare les points du plan, non la chance.",
        "Facteurs à niveaux : moyenne par graine d'abord, intervalles entre graines. Facteurs continus : le cinquième "
        "des points à chaque bout, ou des classes de même taille, intervalles entre points (moyennes sur leurs "
        "graines ; d'un plan de Sobol' ou de Morris, les seuls points qui n'en répètent pas d'autres). Une différence "
        "dont l'intervalle contient 0 est dite non visible.",
        "L'effet d'un facteur est une moyenne sur les valeurs des autres dans ce plan. Rien n'est dit hors des "
        "étendues.",
        "Les habitants sont synthétiques ; les nombres de niveau C sont des hypothèses. La réponse à un facteur de "
        "niveau C dit ce que fait l'hypothèse, non qu'elle est vraie.",
    ),
}


def word(key: str, language: str) -> str:
    """Return a heading or a phrase."""
    return WORDS[key][language == "fr"]


def shape(distribution: str, language: str) -> str:
    """Return what a distribution is called."""
    return SHAPES.get(distribution, distribution) if language == "fr" else distribution.replace("_", "-")


def figure_text(value: float, language: str, *, sign: bool = False) -> str:
    """Return a number with the three digits that mean something, whole from a thousand on."""
    if value != value:
        return "–"
    plain = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if language == "fr":
        plain = plain.replace(",", "\u202f").replace(".", ",")
    return ("+" if sign and value > 0 else "") + plain.replace("-", "−")


def indicator_label(indicator: str, language: str, width: int | None = None) -> str:
    """Return an indicator's name with its unit; or its id; broken into lines of `width`."""
    text = indicator
    if indicator in INDICATORS:
        text = f"{name_of(indicator, language)}, {unit_of(indicator, language)}"
    elif indicator in MORE_INDICATORS:
        text = MORE_INDICATORS[indicator][language == "fr"]
    return text if width is None else textwrap.fill(text, width)
