"""What is everything on the live page called? Owns its words, English and French."""

from __future__ import annotations

LANGUAGES = ("en", "fr")
#: Each: English, French.
WORDS: dict[str, tuple[str, str]] = {
    "title": ("A territory, day by day", "Un territoire, jour après jour"),
    "language": ("Français", "English"),
    "play": ("Play", "Lecture"),
    "pause": ("Pause", "Pause"),
    "step": ("One step", "Un pas"),
    "restart": ("From the start", "Depuis le début"),
    "clock": ("Clock", "Horloge"),
    "pace": ("Each step lives", "Chaque pas vit"),
    "day": ("a day", "un jour"),
    "week": ("a week", "une semaine"),
    "month": ("a month", "un mois"),
    "levers": ("The policy, from the first day on", "La politique, dès le premier jour"),
    "supply": ("Supply", "Offre"),
    "neutral": ("Back to the status quo", "Retour au statu quo"),
    "network_adherence": ("Network: share of GPs that can be won (%)", "Réseau : part des MG à convaincre (%)"),
    "patient_education": ("Patient education: places per 1,000 people", "Éducation : places pour 1 000 habitants"),
    "teleconsultation": ("Teleconsultation: share of eligible acts (%)", "Téléconsultation : part des actes (%)"),
    "gp_recruited": ("GPs recruited", "MG recrutés"),
    "gp_departures": ("GPs who leave", "MG qui partent"),
    "compiling": (
        "Compiling the rules of the day: once, less than a minute…",
        "Compilation des règles du jour : une fois, moins d'une minute…",
    ),
    "preparing": ("Making the territory and its first year…", "Création du territoire et de sa première année…"),
    "trying": ("The policy lives again from the first day…", "La politique revit depuis le premier jour…"),
    "ready": ("", ""),
    "over": ("The horizon is over.", "L'horizon est terminé."),
    "failed": ("Something went wrong: ", "Une erreur est survenue : "),
    "baseline": ("Status quo", "Statu quo"),
    "policy": ("Policy", "Politique"),
    "same": ("no lever is moved: the same as the status quo", "aucun levier déplacé : identique au statu quo"),
    "colour": ("Communes coloured by", "Communes colorées par"),
    "delay": ("Delay", "Délai"),
    "access": ("Access", "Accès"),
    "enrolment": ("Enrolment", "Adhésion"),
    "emergency": ("Emergencies", "Urgences"),
    "delay_unit": ("days to a GP, last quarter", "jours avant un MG, dernier trimestre"),
    "access_unit": ("acts within reach per person a year (APL)", "actes accessibles par habitant et an (APL)"),
    "enrolment_unit": ("% of people in the network", "% des habitants adhérents au réseau"),
    "emergency_unit": ("visits per 1,000 people a month", "passages pour 1 000 habitants par mois"),
    "little": ("too few to tell", "trop peu pour conclure"),
    "people": ("inhabitants", "habitants"),
    "enrolled_people": ("in the network", "adhérents"),
    "seed": ("seed", "graine"),
    "gp_wait": ("Wait for a GP (days)", "Attente d'un MG (jours)"),
    "specialist_wait": ("Wait for a specialist (days)", "Attente d'un spécialiste (jours)"),
    "emergency_series": ("Emergency visits (per 1,000 people)", "Passages aux urgences (pour 1 000 hab.)"),
    "spend": ("Cost, all payers (EUR a head)", "Coût, tous payeurs (EUR par hab.)"),
    "enrolled": ("In the care network (% of people)", "Adhérents au réseau (% des hab.)"),
    "video": ("GP visits by video (%)", "Actes de MG à distance (%)"),
    "by_month": ("By month of the appointment or event", "Par mois du rendez-vous ou de l'événement"),
    "no_months": ("The first month is not over yet.", "Le premier mois n'est pas encore terminé."),
    "life": ("One life", "Une vie"),
    "choose_commune": ("Click a commune to meet its people.", "Cliquez sur une commune pour rencontrer ses habitants."),
    "choose_person": ("Click a person to read the life.", "Cliquez sur une personne pour lire sa vie."),
    "inhabitants_of": ("Some inhabitants of", "Quelques habitants de"),
    "person": ("Person", "Personne"),
    "nothing_yet": ("Nothing has happened to this person yet.", "Il n'est encore rien arrivé à cette personne."),
    "same_life": ("Both lives are the same so far.", "Les deux vies sont identiques jusqu'ici."),
    "parts": ("Here the two lives part: ", "Ici les deux vies se séparent : "),
    "close": ("Close", "Fermer"),
    "woman": ("woman", "femme"),
    "man": ("man", "homme"),
    "years": ("years", "ans"),
    "years_at_start": ("years at the start", "ans au départ"),
    "with_gp": ("has a registered doctor", "a un médecin traitant"),
    "without_gp": ("has no registered doctor", "n'a pas de médecin traitant"),
    "cause_provider": ("another doctor had a date", "un autre médecin avait une place"),
    "cause_appointment_on": (
        "the appointment is on another day: the agenda was filled or emptied by others, or has more time",
        "le rendez-vous tombe un autre jour : d'autres ont rempli ou libéré l'agenda, ou il a plus de temps",
    ),
    "cause_channel": ("the visit is offered another way", "la consultation est proposée autrement"),
    "cause_outcome": ("the request ends otherwise", "la demande finit autrement"),
    "cause_asked_on": ("the need is asked on another day", "le besoin est exprimé un autre jour"),
    "cause_left_on": ("the stay has another length", "le séjour a une autre durée"),
    "cause_never_there": (
        "one life has a line here that the other lacks: a need arose, or was answered, under one policy only",
        "une vie a ici une ligne que l'autre n'a pas : un besoin est né, ou a été servi, dans un seul des deux mondes",
    ),
    "cause_other": ("something differs in this line", "quelque chose diffère dans cette ligne"),
    "honest": (
        "Synthetic inhabitants; one pair of runs: chance is in every line. To decide, use `territoire compare`.",
        "Habitants synthétiques ; une seule paire de simulations : le hasard est dans chaque courbe. Pour décider, "
        "utilisez `territoire compare`.",
    ),
}  # fmt: skip

#: Names of facts of a life: English, French.
FACTS: dict[str, tuple[str, str]] = {
    "appointment_on": ("on", "le"),
    "left_on": ("left on", "sortie le"),
    "by_emergency": ("by the emergency department", "par les urgences"),
    "is_readmission": ("back within thirty days", "réhospitalisation sous trente jours"),
    "ends_in_death": ("died there", "décès à l'hôpital"),
}

#: Values in French; English is the value itself, its underscores as spaces.
FRENCH_VALUES: dict[str, str] = {
    "request": "demande",
    "visit booked ahead": "visite déjà programmée",
    "emergency visit": "passage aux urgences",
    "stay": "séjour",
    "gp_acute": "médecin, symptômes nouveaux",
    "gp_follow_up": "médecin, suivi d'une maladie",
    "gp_preventive": "médecin, prévention ou certificat",
    "cardiologist": "cardiologue",
    "ophthalmologist": "ophtalmologue",
    "dermatologist": "dermatologue",
    "gynaecologist": "gynécologue",
    "paediatrician": "pédiatre",
    "psychiatrist": "psychiatre",
    "rheumatologist": "rhumatologue",
    "endocrinologist": "endocrinologue",
    "pneumologist": "pneumologue",
    "radiologist": "radiologue",
    "gastroenterologist": "gastro-entérologue",
    "ent_specialist": "ORL",
    "neurologist": "neurologue",
    "nephrologist": "néphrologue",
    "surgeon": "chirurgien",
    "urologist": "urologue",
    "oncologist": "oncologue",
    "served": "honorée",
    "missed": "rendez-vous non honoré",
    "withdrawn": "annulée",
    "forgone": "renoncement",
    "diverted": "reportée sur les urgences",
    "open": "en cours",
    "own_gp": "médecin traitant",
    "other_gp": "autre médecin",
    "walk_in": "sans rendez-vous",
    "video_own_gp": "en vidéo, médecin traitant",
    "platform": "plateforme",
    "duty": "permanence de soins",
    "emergency": "urgences",
    "local_agenda": "sur place",
    "pole": "dans une ville voisine",
    "home": "à domicile",
    "booth": "cabine en pharmacie",
    "video_specialist": "en vidéo, spécialiste",
    "own_clock": "de soi-même",
    "never_asked": "sans avoir demandé ailleurs",
    "nothing_in_time": "rien à temps",
    "escalation": "aggravation",
    "disease": "maladie",
    "own_choice": "choix personnel",
    "died": "décès",
    "moved": "déménagement",
    "in_hospital": "à l'hôpital",
    "readmission": "réhospitalisation",
    "dead": "mort le",
    "departed": "parti le",
    "diabetes": "diabète",
    "heart_failure": "insuffisance cardiaque",
    "other_cardiovascular": "autre maladie cardiovasculaire",
    "copd": "BPCO",
    "cancer": "cancer",
    "hypertension": "hypertension",
    "complication": "complication",
    "exacerbation": "exacerbation",
    "amputation": "amputation",
    "decompensation": "décompensation",
    "esrd_start": "insuffisance rénale terminale",
    "foot_ulcer": "plaie du pied",
    "mi": "infarctus",
    "stroke": "AVC",
    "crisis": "poussée",
    "coronary": "accident coronarien",
    "rhythm_or_artery": "trouble du rythme ou artériel",
    "planned_medicine": "médecine, programmé",
    "planned_surgery": "chirurgie, programmée",
    "day_case": "ambulatoire",
}
ENGLISH_VALUES = {
    "dead": "died on",
    "departed": "moved away on",
    "copd": "COPD",
    "mi": "myocardial infarction",
    "esrd_start": "end-stage renal disease",
}


def say(key: str, language: str) -> str:
    """Return a word of the page."""
    return WORDS[key][LANGUAGES.index(language)]


def fact_word(name: str, language: str) -> str:
    """Return the name of a fact of a life."""
    return FACTS[name][LANGUAGES.index(language)] if name in FACTS else name.replace("_", " ")


def value_word(value: str, language: str) -> str:
    """Return a value of a fact; names of places stay as they are."""
    condition, dot, event = value.partition(".")
    if dot and " " not in value:  # an event of a disease
        return f"{value_word(condition, language)}, {value_word(event, language)}"
    told = (FRENCH_VALUES if language == "fr" else ENGLISH_VALUES).get(value)
    return told if told is not None else value.replace("_", " ")
