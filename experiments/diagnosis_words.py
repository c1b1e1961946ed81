"""What is everything in a diagnosis called? Owns its words, English and French; most indicators have the report's."""

from __future__ import annotations

from experiments.report_words import INDICATORS, name_of, unit_of

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Local health diagnosis", "Diagnostic local de santé"),
    "population": ("Who lives here", "La population"),
    "morbidity": ("Illness and death", "Morbidité et mortalité"),
    "access": ("Access to care", "Accès aux soins"),
    "use": ("Use of care", "Recours aux soins"),
    "professionals": ("Professionals", "Professionnels"),
    "costs": ("What care costs", "Structure des coûts"),
    "gaps": ("Between communes", "Écarts entre communes"),
    "groups": ("Between people", "Écarts entre habitants"),
    "potential": ("What there is to gain", "Potentiel d'amélioration"),
    "ranking": ("Where to begin: gain per euro", "Par où commencer : gain par euro"),
    "method": ("Method", "Méthode"),
    "limits": ("Limits", "Limites"),
    "missing": ("What the pack does not tell, and what stands in", "Ce que les données ne disent pas"),
    "place": ("place", "lieu"),
    "all": ("whole territory", "ensemble du territoire"),
    "people": ("people", "habitants"),
    "communes": ("communes", "communes"),
    "density": ("per km²", "par km²"),
    "share_75_plus": ("75 and over", "75 ans et plus"),
    "median_income_eur": ("median income, EUR", "revenu médian, EUR"),
    "general_practitioners": ("GPs", "MG"),
    "gp_per_100000": ("GPs per 100,000", "MG pour 100 000"),
    "without": ("no GP in their commune", "sans MG dans la commune"),
    "indicator": ("indicator", "indicateur"),
    "unit": ("unit", "unité"),
    "here": ("here, simulated", "ici, simulé"),
    "observed": ("observed elsewhere or nationally", "observé ailleurs ou au niveau national"),
    "range": ("range", "étendue"),
    "within": ("within the range", "dans l'étendue"),
    "above": ("above", "au-dessus"),
    "below": ("below", "au-dessous"),
    "category": ("heading", "poste"),
    "payer": ("payer", "payeur"),
    "eur_head": ("EUR a head and year", "EUR par habitant et an"),
    "share": ("share", "part"),
    "worst": ("communes that wait longest", "communes où l'on attend le plus"),
    "commune": ("commune", "commune"),
    "mean": ("mean", "moyenne"),
    "best_quarter": ("best quarter", "meilleur quart"),
    "worst_quarter": ("worst quarter", "plus mauvais quart"),
    "gain_per_head": ("to gain, a head", "gain possible par habitant"),
    "potential_note": (
        "If every commune did at least as well as the best quarter of the people's. An upper bound: chance alone makes "
        "small communes differ.",
        "Si chaque commune faisait au moins aussi bien que le meilleur quart. Une borne supérieure : le hasard suffit "
        "à faire différer de petites communes.",
    ),
    "intervention": ("intervention", "intervention"),
    "levers": ("at", "à"),
    "rank": ("rank", "rang"),
    "per_euro": ("per 1,000 EUR (95 % interval)", "pour 1 000 EUR (intervalle à 95 %)"),
    "gain": ("gain over the period", "gain sur la période"),
    "price": ("price, EUR over the period", "prix, EUR sur la période"),
    "not_seen": ("cannot be told from none", "ne se distingue pas de zéro"),
    "loss": ("a loss", "une perte"),
    "emergencies": ("emergencies", "urgences"),
    "no_price": ("no price in the books: no quotient", "sans prix dans les comptes : pas de quotient"),
    "experience": ("Experience: days of waiting for a GP spared", "Expérience : jours d'attente d'un MG évités"),
    "health": ("Health: quality-adjusted days of life gained", "Santé : jours de vie ajustés sur la qualité gagnés"),
    "costs_aim": ("Costs: EUR not spent on care", "Coûts : EUR de soins non dépensés"),
    "professionals_aim": (
        "Professionals: points (of 100) of GPs' satisfaction",
        "Professionnels : points (sur 100) de satisfaction des MG",
    ),
    "equity": (
        "Equity: days of waiting spared where people wait longest (a fifth of requests)",
        "Équité : jours d'attente évités là où l'on attend le plus (un cinquième des demandes)",
    ),
    "ranking_note": (
        "Price: what is put into an intervention (action, education, telehealth; a registered price of grade C where "
        "the books have no entry), not what comes of it. Rows without a rank lose, or cannot be told from no gain with "
        "these replications. Effects of grade C are guesses.",
        "Prix : ce qu'on met dans l'intervention (action, éducation, télésanté ; un prix de niveau C où les comptes "
        "n'ont pas d'écriture), non ce qui en résulte. Une ligne sans rang perd, ou ne se distingue pas de "
        "l'absence de gain avec ces réplications. Les effets de niveau C sont des hypothèses.",
    ),
    "none_ranked": (
        "With these replications no intervention can be told from no gain.",
        "Avec ces réplications, aucune intervention ne se distingue de l'absence de gain.",
    ),
    "first": ("First, for 1,000 EUR: {names}.", "En tête, pour 1 000 EUR : {names}."),
    "replications": ("replications", "réplications"),
    "age_band": ("age", "âge"),
    "sex": ("sex", "sexe"),
    "income_quintile": ("fifth of income (1: poorest)", "quintile de revenu (1 : le plus pauvre)"),
    "has_ald": ("long-term status (ALD)", "ALD"),
    "invisible": ("no GP, or neither cover nor car", "sans MG, ou sans complémentaire ni voiture"),
    "epci": ("community of communes", "communauté de communes"),
    "answer": ("In short", "En bref"),
    "invented": (
        "This territory is invented: no result on it means anything.",
        "Ce territoire est inventé : aucun résultat n'y a de sens.",
    ),
    "known": ("known", "connu"),
    "stands_in": ("stands in", "remplacé par"),
    "grade": ("grade", "niveau"),
}  # fmt: skip
#: Indicators that the report of a comparison does not have: English, French, unit in both.
MORE: dict[str, tuple[str, str, str, str]] = {
    "diabetes_treated_prevalence": ("Treated diabetes", "Diabète traité", "share", "part"),
    "heart_failure_prevalence": ("Heart failure", "Insuffisance cardiaque", "share", "part"),
    "ald_share": ("Long-term status (ALD)", "Affections de longue durée", "share", "part"),
    "mean_control.diabetes": ("HbA1c of people with diabetes", "HbA1c des diabétiques", "%", "%"),
    "heart_failure_admitted_per_100k_adults": ("Admitted for heart failure", "Hospitalisés pour insuffisance cardiaque",
                                               "per 100,000 adults", "pour 100 000 adultes"),
    "deaths_per_1000": ("Deaths", "Décès", "per 1,000 and year", "pour 1 000 et par an"),
    "apl": ("APL, general practice", "APL, médecine générale", "acts/person/year", "actes/habitant/an"),
    "apl_d9_over_d1": ("APL: ninth over first tenth of people", "APL : dernier sur premier décile", "ratio", "rapport"),
    "two_step_catchment": ("GPs within reach (2SFCA)", "MG accessibles (2SFCA)", "FTE per 1,000", "ETP pour 1 000"),
    "lead_time_median_days.gp": ("Median wait, GP", "Attente médiane, généraliste", "days", "jours"),
    "lead_time_median_days.ophthalmologist": ("Median wait, ophthalmologist", "Attente médiane, ophtalmologue",
                                              "days", "jours"),
    "travel_mean_minutes.specialist": ("Trip to the specialist", "Trajet vers le spécialiste", "minutes", "minutes"),
}  # fmt: skip
STRATA: dict[str, tuple[str, str]] = {
    "male": ("men", "hommes"),
    "female": ("women", "femmes"),
    "yes": ("yes", "oui"),
    "no": ("no", "non"),
}
CATEGORIES: dict[str, tuple[str, str]] = {
    "gp": ("general practice", "médecine générale"),
    "gp_lump_sums": ("lump sums of GPs", "forfaits des MG"),
    "duty_care": ("duty care", "permanence des soins"),
    "specialist": ("specialists", "spécialistes"),
    "telehealth": ("telehealth", "télésanté"),
    "emergency": ("emergency departments", "urgences"),
    "stays": ("hospital stays", "séjours hospitaliers"),
    "transport": ("transport", "transports"),
    "education": ("patient education", "éducation thérapeutique"),
    "drugs": ("drugs", "médicaments"),
    "nursing": ("nursing", "soins infirmiers"),
    "laboratory_imaging": ("laboratory, imaging", "biologie, imagerie"),
    "other_care": ("other care", "autres soins"),
    "sick_pay": ("sick pay", "indemnités journalières"),
}
#: What a pack leaves open, and what stands in (`abm.environment.completing`), in French.
MISSING_FR: dict[str, str] = {
    "ages by commune": "âges par commune",
    "ages of France in 2018; rural territories are older": "âges de la France en 2018 ; les campagnes sont plus âgées",
    "ages of the pack's age_sex.csv, the same in all communes of a group":
        "âges du fichier age_sex.csv, les mêmes dans toutes les communes d'un groupe",
    "sexes by age": "sexes selon l'âge",
    "ages and sexes of France in 2018, within the ages of each commune":
        "âges et sexes de la France en 2018, dans les âges de chaque commune",
    "incomes": "revenus",
    "the same median income everywhere": "le même revenu médian partout",
    "the median of the other communes": "la médiane des autres communes",
    "areas": "superficies",
    "one area for all": "une superficie pour toutes",
    "roads": "routes",
    "roads generated between neighbouring communes, at one speed":
        "routes générées entre communes voisines, à une seule vitesse",
    "outlines": "contours",
    "discs on the maps; no number depends on it": "disques sur les cartes ; aucun chiffre n'en dépend",
    "number of general practitioners": "nombre de médecins généralistes",
    "number of nurses": "nombre d'infirmiers",
    "number of pharmacies": "nombre de pharmacies",
    "none": "aucun",
    "specialty of specialists": "spécialité des spécialistes",
    "divided between specialties as in France": "répartis entre spécialités comme en France",
    "none here: everybody goes to a pole outside": "aucun ici : tout le monde va à un pôle extérieur",
    "emergency visits": "passages aux urgences",
    "visits of the residents only": "passages des seuls habitants",
    "beds": "lits",
    "beds never full": "lits jamais complets",
    "what poles offer": "offre des pôles",
    "specialties assumed, column specialties_grade of sites.csv":
        "spécialités supposées, colonne specialties_grade de sites.csv",
    "SOURCES.md": "SOURCES.md",
    "nobody can check the numbers": "personne ne peut vérifier les chiffres",
    "years of columns": "années des colonnes",
    "age of the data unknown": "âge des données inconnu",
}  # fmt: skip


def say(key: str, language: str) -> str:
    """Return a heading or sentence."""
    return WORDS[key][language == "fr"]


def called(key: str, language: str) -> str:
    """Return what an indicator, a heading of spending, a payer or a stratum is called."""
    for words in (MORE, CATEGORIES, STRATA):
        if key in words:
            return words[key][language == "fr"]
    return name_of(key, language)


def of_pack(text: str, language: str) -> str:
    """Return what a pack leaves open or what stands in, in a language."""
    return MISSING_FR.get(text, text) if language == "fr" else text


def unit(indicator: str, language: str) -> str:
    """Return the unit of an indicator, "share" or its French word for shares."""
    if indicator in MORE:
        return MORE[indicator][2 + (language == "fr")]
    return unit_of(indicator, language)


def is_share(indicator: str) -> bool:
    """Tell whether an indicator is a share, printed as per cent."""
    return (MORE.get(indicator) or INDICATORS[indicator])[2] == "share"
