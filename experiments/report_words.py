"""How are figures and tables of a report called in English and French? Owns those words, and nothing else."""

from __future__ import annotations

INDICATORS: dict[str, tuple[str, str, str, str]] = {
    # id: English, French, unit in English, unit in French
    "time_to_care_days.gp": ("Time to care, general practice", "Délai d'accès aux soins, généraliste", "days", "jours"),
    "lead_time_mean_days.gp": ("Mean wait for an appointment, GP", "Attente moyenne, généraliste", "days", "jours"),
    "lead_time_median_days.gp": ("Median wait, GP", "Attente médiane, généraliste", "days", "jours"),
    "lead_time_mean_days.specialist": ("Mean wait, specialists", "Attente moyenne, spécialistes", "days", "jours"),
    "lead_time_median_days.cardiologist": ("Median wait, cardiologist", "Attente médiane, cardiologue",
                                           "days", "jours"),
    "third_next_available_days.gp": ("Third next available, GP", "Troisième rendez-vous libre, généraliste",
                                     "days", "jours"),
    "forgone_care_share": ("People 16+ who forgo care", "Renoncement aux soins, 16 ans et plus", "share", "part"),
    "adults_without_gp_share": ("Adults without a registered GP", "Adultes sans médecin traitant", "share", "part"),
    "travel_mean_minutes.gp": ("Trip to the GP", "Trajet vers le généraliste", "minutes", "minutes"),
    "acts_per_head.gp": ("GP acts", "Actes de généraliste", "per person and year", "par personne et an"),
    "acts_per_head.specialist": ("Specialist acts", "Actes de spécialiste", "per person and year",
                                 "par personne et an"),
    "teleconsultation_share": ("Acts by video", "Téléconsultations", "share", "part"),
    "emergency_visits_per_head": ("Emergency visits", "Passages aux urgences", "per person and year",
                                  "par personne et an"),
    "emergency_no_other_access_share": ("Emergency visits for lack of another access",
                                        "Passages faute d'autre accès", "share", "part"),
    "admissions_per_1000": ("Admissions", "Hospitalisations", "per 1,000 and year", "pour 1 000 et par an"),
    "avoidable_admissions_per_1000": ("Avoidable admissions", "Hospitalisations évitables", "per 1,000 and year",
                                      "pour 1 000 et par an"),
    "expected_deaths_per_1000": ("Expected deaths", "Décès attendus", "per 1,000 and year", "pour 1 000 et par an"),
    "qaly_per_head": ("Quality of life", "Qualité de vie", "QALY/person/year", "QALY/personne/an"),
    "programme_cost_eur": ("Cost of the action", "Coût de l'action", "EUR over the period", "EUR sur la période"),
    "spend_per_head_eur": ("Spend on care", "Dépense de soins", "EUR/person/year", "EUR/personne/an"),
    "gp_satisfaction": ("Satisfaction of GPs", "Satisfaction des généralistes", "0–1", "0–1"),
    "gp_satisfaction.hours": ("… with hours", "… temps de travail", "0–1", "0–1"),
    "gp_satisfaction.pressure": ("… with pressure", "… pression", "0–1", "0–1"),
    "gp_satisfaction.administration": ("… with administration", "… administratif", "0–1", "0–1"),
    "gp_satisfaction.referral": ("… with referral", "… adressage", "0–1", "0–1"),
    "gp_satisfaction.income": ("… with income", "… revenu", "0–1", "0–1"),
    "gp_hours_mean": ("Weekly hours of GPs", "Heures hebdomadaires des généralistes", "hours", "heures"),
    "gp_hours_over_60_share": ("GPs over 60 hours", "Généralistes au-delà de 60 heures", "share", "part"),
    "gp_acts_per_day": ("Acts a day and GP", "Actes par jour et généraliste", "acts", "actes"),
    "patient_experience": ("Experience of patients", "Expérience des patients", "0–1", "0–1"),
    "professionals_in_network": ("Professionals in the network", "Professionnels du réseau", "people", "personnes"),
    "gp_in_network_share": ("GPs in the network", "Généralistes du réseau", "share", "part"),
    "patients_reached": ("Patients reached", "Patients touchés", "people", "personnes"),
    "patients_enrolled": ("Patients enrolled", "Patients adhérents", "people", "personnes"),
    "enrolled_share": ("Share of people enrolled", "Part d'adhérents", "share", "part"),
    "education_starts_per_1000": ("Education programmes begun", "Programmes d'éducation commencés", "per 1,000",
                                  "pour 1 000"),
    "education_completed_share": ("Education programmes completed", "Programmes menés à terme", "share", "part"),
    "teleconsultation_return_7_days_share": ("Video acts followed by a visit within 7 days",
                                             "Téléconsultations suivies d'une visite sous 7 jours", "share", "part"),
}  # fmt: skip
GROUPS: dict[str, tuple[str, ...]] = {
    "programme": ("professionals_in_network", "gp_in_network_share", "patients_reached", "patients_enrolled",
                  "enrolled_share", "programme_cost_eur", "education_starts_per_1000", "education_completed_share",
                  "teleconsultation_share", "teleconsultation_return_7_days_share"),
    "access": ("time_to_care_days.gp", "lead_time_mean_days.gp", "lead_time_median_days.gp",
               "third_next_available_days.gp", "lead_time_mean_days.specialist",
               "lead_time_median_days.cardiologist", "forgone_care_share", "adults_without_gp_share",
               "travel_mean_minutes.gp", "acts_per_head.gp", "acts_per_head.specialist",
               "emergency_visits_per_head", "emergency_no_other_access_share", "patient_experience"),
    "health": ("admissions_per_1000", "avoidable_admissions_per_1000", "expected_deaths_per_1000", "qaly_per_head"),
    "professionals": ("gp_hours_mean", "gp_hours_over_60_share", "gp_acts_per_day", "gp_satisfaction",
                      "gp_satisfaction.hours", "gp_satisfaction.pressure", "gp_satisfaction.administration",
                      "gp_satisfaction.referral", "gp_satisfaction.income"),
}  # fmt: skip
WORDS: dict[str, tuple[str, str]] = {
    "title": ("Policies compared", "Comparaison de politiques"),
    "reference": ("reference", "référence"),
    "answer": ("The answer", "La réponse"),
    "programme": ("The programme's own indicators", "Les indicateurs du programme"),
    "access": ("Access to care", "Accès aux soins"),
    "health": ("Health", "Santé"),
    "professionals": ("Professionals", "Professionnels"),
    "maps": ("Where: before, after, difference", "Où : avant, après, différence"),
    "costs": ("Costs", "Coûts"),
    "payers": ("By payer", "Par payeur"),
    "accounts": ("By provider: who loses, who gains", "Par offreur : qui perd, qui gagne"),
    "budget": ("Budget impact by payer and year", "Impact budgétaire par payeur et année"),
    "contracts": ("Shared savings: paid, truly saved, paid with no effect",
                  "Partage des économies : versé, réellement économisé, versé sans effet"),
    "thresholds": ("What it takes to break even", "À quelles conditions l'action s'équilibre"),
    "value": ("Value for money", "Rapport coût-efficacité"),
    "equity": ("Equity: who gains, who loses", "Équité : qui gagne, qui perd"),
    "attribution": ("Which policy does what, and what they do together",
                    "Part de chaque politique, et leur interaction"),
    "delay": ("How much hangs on harm by delay", "Ce qui dépend de l'effet du délai sur la santé"),
    "gp_equivalents": ("In general practitioners recruited", "En équivalents généralistes recrutés"),
    "grades": ("What the result rests on: evidence grades", "Sur quoi repose le résultat : niveaux de preuve"),
    "method": ("Method", "Méthode"),
    "fitted": ("The fitted numbers", "Les nombres calés"),
    "reproduced": ("What the model does and does not reproduce", "Ce que le modèle reproduit, et ce qu'il ne "
                   "reproduit pas"),
    "assumption": ("assumption", "hypothèse"),
    "limits": ("Limits", "Limites"),
    "indicator": ("indicator", "indicateur"),
    "unit": ("unit", "unité"),
    "policy": ("policy", "politique"),
    "difference": ("difference", "différence"),
    "interval": ("95 % interval", "intervalle à 95 %"),
    "not_seen": ("not seen", "non visible"),
    "seen": ("seen", "visible"),
    "before": ("before", "avant"),
    "after": ("after", "après"),
    "days": ("days", "jours"),
    "eur": ("EUR over the period", "EUR sur la période"),
    "payer": ("payer", "payeur"),
    "account": ("who receives", "bénéficiaire"),
    "year": ("year", "année"),
    "measure": ("measure", "mesure"),
    "value_column": ("value", "valeur"),
    "parameter": ("parameter", "paramètre"),
    "grade": ("grade", "niveau"),
    "range": ("range", "étendue"),
    "source": ("source", "source"),
    "break_even": ("needed", "nécessaire"),
    "found": ("found", "constaté"),
    "part": ("policy alone or all", "politique"),
    "outcome": ("outcome", "résultat"),
    "harm": ("harm by delay", "effet du délai"),
    "contract": ("contract", "contrat"),
    "paid": ("paid by the contract", "versé par le contrat"),
    "truly_saved": ("truly saved", "réellement économisé"),
    "by_chance": ("paid with no effect", "versé sans effet"),
    "extra_cost": ("extra cost, EUR", "surcoût, EUR"),
    "extra_qaly": ("extra quality-adjusted years", "années de vie gagnées (QALY)"),
    "threshold": ("EUR a quality-adjusted year is worth", "EUR par année de vie ajustée sur la qualité"),
    "probability": ("probability of being worth most", "probabilité d'être la meilleure option"),
    "relative": ("difference from the reference, %", "écart à la référence, %"),
    "income_quintile": ("fifth of income (1: poorest)", "quintile de revenu (1 : le plus pauvre)"),
    "age_band": ("age", "âge"),
    "summary": ("In short", "En bref"),
    "each": ("Policy by policy", "Politique par politique"),
    "remaining": ("What remains after the money stops", "Ce qui reste quand l'argent s'arrête"),
    "remaining_note": (
        "The same network, its money stopped on the date named: difference from the reference in each year.",
        "Le même réseau, financement arrêté à la date indiquée : écart à la référence pour chaque année."),
    "ended": ("money stops on", "fin du financement"),
    "arm": ("the network is", "le réseau est"),
    "plan": ("The plan of the action: who pays what, when", "Le plan de l'action : qui paie quoi, quand"),
    "plan_note": (
        "Totals by funder are those of the action (grade A); their split by year and kind is an assumption "
        "(grade C). "
        "What members, education and tele acts cost is booked to its legal payer, not to the plan.",
        "Les totaux par financeur sont ceux de l'action (niveau A) ; leur répartition par année et par nature "
        "est une "
        "hypothèse (niveau C). Adhérents, éducation et actes à distance sont imputés à leur payeur légal, non "
        "au plan."),
    "funder": ("funder", "financeur"),
    "kind": ("kind", "nature"),
    "total": ("total", "total"),
    "booked": ("Booked in the simulations, by payer and year", "Inscrit dans les simulations, par payeur et année"),
    "members": ("Members and the others", "Les adhérents et les autres"),
    "members_note": (
        "What a study that compares members with others would find, beside the truth: the same people are simulated "
        "without the network too. Contrast = difference there was anyhow + effect on members - effect on the others.",
        "Ce que trouverait une étude comparant adhérents et autres, à côté de la vérité : les mêmes personnes "
        "sont aussi "
        "simulées sans réseau. Contraste = écart préexistant + effet sur les adhérents - effet sur les autres."),
    "inequality": ("Between communes: before, after, by chance", "Entre communes : avant, après, par hasard"),
    "inequality_note": (
        "Communes are averaged over replications first. By chance: the value with the communes' values dealt at "
        "random "
        "in each replication; a difference smaller than that tells nothing.",
        "Les communes sont d'abord moyennées sur les réplications. Par hasard : la valeur obtenue en "
        "redistribuant au "
        "hasard les valeurs entre communes dans chaque réplication ; un écart plus petit ne dit rien."),
    "chance": ("by chance", "par hasard"),
    "strata": ("Who gains, who loses: time to care", "Qui gagne, qui perd : délai d'accès aux soins"),
    "places": ("Communes whose time to care…", "Communes dont le délai d'accès…"),
    "shorter": ("is seen to be shorter", "est visiblement plus court"),
    "longer": ("is seen to be longer", "est visiblement plus long"),
    "same": ("shows no difference", "ne montre pas de différence"),
    "plausible": ("plausible range", "étendue plausible"),
    "quality": ("quality score", "score de qualité"),
    "base_years": ("base years", "années de base"),
    "contracts_note": (
        "Each contract is told as if it were the only one: both are never paid for one patient and year. “No "
        "effect”: "
        "the arm named, run and paid for without any effect; what is paid there is paid for chance.",
        "Chaque contrat est présenté comme s'il était le seul : jamais les deux pour un même patient et une "
        "même année. "
        "« Sans effet » : le bras nommé, mené et payé sans aucun effet ; ce qui y est versé l'est au hasard."),
    "scale": ("scale", "échelle"),
    "scale_note": (
        "Only a part of the inhabitants was simulated (scale {scale}): amounts in EUR and numbers of people are "
        "those of "
        "that part, and chance looks larger than it is.",
        "Une partie seulement des habitants a été simulée (échelle {scale}) : montants et effectifs sont ceux "
        "de cette "
        "partie, et le hasard paraît plus grand qu'il n'est."),
    "reading": (
        "Bold: the 95 % interval (below) excludes 0. Grey, marked “≈”: no difference can be seen.",
        "En gras : l'intervalle à 95 % (dessous) exclut 0. En gris, marqué « ≈ » : aucune différence visible."),
    "indistinct": ("not distinguishable", "non distinguable"),
    "map_note": ("dot: a difference that can be seen", "point : différence visible"),
    "levers": ("levers", "leviers"),
    "contents": ("Contents", "Sommaire"),
    "correlation": ("rank correlation with the net saving", "corrélation de rang avec l'économie nette"),
    "in_gps": ("GPs", "généralistes"),
    "few": ("hatched: no value", "hachuré : sans valeur"),
    "replications": ("replications", "réplications"),
    "invented": ("This territory is invented: no result on it means anything.",
                 "Ce territoire est inventé : aucun résultat n'y a de sens."),
    "equity_note": ("Indices of inequality, policy less reference.", "Indices d'inégalité, politique moins "
    "référence."),
    "no_icer": (
        "A ratio of cost to quality-adjusted life is shown only where the gain can be told from none; the net "
        "monetary "
        "benefit is shown always.",
        "Le ratio coût-efficacité n'est donné que si le gain se distingue de zéro ; le bénéfice monétaire net l'est "
        "toujours."),
}  # fmt: skip
#: Of what the result stands on: fitted numbers, targets met and not met.
GROUNDS: dict[str, tuple[str, str]] = {
    "fitted_one": (
        "The result stands at one combination of the fitted numbers, though others agree with what was observed as "
        "well: the option --posterior (built-in sample: saverne) gives each seed another one and shows how far "
        "the result hangs on it.",
        "Le résultat vaut pour une seule combinaison des nombres calés, alors que d'autres s'accordent aussi bien "
        "avec les observations : l'option --posterior (échantillon fourni : saverne) en donne une autre à chaque "
        "graine et montre ce que le résultat en dépend."),
    "fitted_in_folders": (
        "The runs were read from folders: each stands at the fitted numbers that its own manifest holds, whether one "
        "combination or that of its seed (option --posterior).",
        "Les simulations ont été lues dans des dossiers : chacune vaut pour les nombres calés inscrits dans son "
        "propre manifeste, qu'il s'agisse d'une seule combinaison ou de celle de sa graine (option --posterior)."),
    "fitted_sample": (
        "Posterior sample “{sample}”: each of the {seeds} seeds has a combination of the fitted numbers that "
        "agrees with what was observed, the same for all policies. The intervals hold what these leave open.",
        "Échantillon a posteriori « {sample} » : chacune des {seeds} graines a une combinaison des nombres calés "
        "qui s'accorde avec les observations, la même pour toutes les politiques. Les intervalles contiennent ce "
        "qu'elles laissent ouvert."),
    "fitted_told": (
        "Every fitted number is told by what was observed.",
        "Chaque nombre calé est déterminé par les observations."),
    "fitted_untold": (
        "What was observed says next to nothing of these numbers: a result that rests on one of them rests on an "
        "assumption.",
        "Les observations ne disent presque rien des nombres suivants : un résultat qui repose sur l'un d'eux repose "
        "sur une hypothèse."),
    "reproduced_current": (
        "The status quo held against {n} observed figures ({runs} runs, {course}). Those marked validate were never "
        "looked at while fitting; those marked input are given to the model, so that agreement is no finding.",
        "La situation actuelle confrontée à {n} chiffres observés ({runs} simulations, {course}). Ceux de la "
        "validation n'ont jamais servi au calage ; ceux d'entrée sont fournis au modèle : leur accord ne prouve rien."),
    "reproduced_none": (
        "The model has not been held against observations on this territory ({territory}): what it reproduces there "
        "is not known. To find out: territoire validate --territory {name}.",
        "Le modèle n'a pas été confronté aux observations sur ce territoire ({territory}) : on ignore ce qu'il y "
        "reproduit. Pour le savoir : territoire validate --territory {name}."),
    "reproduced_other_territory": (
        "The validation that is kept was made on other files of this territory ({territory}); its figures do not "
        "hold here and are not shown. To make it anew: territoire validate --territory {name}.",
        "La validation conservée a été faite sur d'autres fichiers de ce territoire ({territory}) ; ses chiffres ne "
        "valent pas ici et ne sont pas montrés. Pour la refaire : territoire validate --territory {name}."),
    "reproduced_other_model": (
        "The validation that is kept was made with a model whose figures differ from those of this one (version "
        "{version}); it is stale and not shown. To make it anew: territoire validate --territory {name}.",
        "La validation conservée a été faite avec un modèle dont les chiffres diffèrent de ceux de celui-ci (version "
        "{version}) ; elle est périmée et n'est pas montrée. Pour la refaire : territoire validate "
        "--territory {name}."),
    "use": ("observed figures", "chiffres observés"),
    "inside": ("in range", "dans la plage"),
    "outside": ("out of range", "hors plage"),
    "not_judged": ("not judged", "non jugés"),
    "fit": ("fit: used for fitting", "calage : ont servi à caler"),
    "validate": ("validate: kept apart", "validation : tenus à part"),
    "input": ("input: given to the model", "entrée : fournis au modèle"),
    "failing": ("{simulated} simulated, {low} to {high} tolerated", "{simulated} simulé, {low} à {high} toléré"),
    "not_sure": (" (not sure: more runs would tell)", " (incertain : davantage de simulations le diraient)"),
    "also_outside": (
        "Also out of range, among the figures used for fitting or given to the model: {labels}.",
        "Également hors plage, parmi les chiffres qui ont servi au calage ou sont fournis au modèle : {labels}."),
}  # fmt: skip
NAMES: dict[str, tuple[str, str]] = {
    "compulsory": ("compulsory insurance", "assurance maladie obligatoire"),
    "local": ("régime local", "régime local"),
    "complementary": ("complementary insurance", "complémentaires"),
    "patient": ("patients", "patients"),
    "territory": ("territory", "territoire"),
    "state": ("State", "État"),
    "general_practitioner": ("general practitioners", "généralistes"),
    "specialist": ("specialists", "spécialistes"),
    "platform": ("video platforms", "plateformes de téléconsultation"),
    "duty_service": ("duty care", "permanence des soins"),
    "hospitals_elsewhere": ("hospitals elsewhere", "hôpitaux hors territoire"),
    "transport": ("patient transport", "transports sanitaires"),
    "pharmacies": ("pharmacies", "pharmacies"),
    "nurses": ("nurses, physiotherapists", "infirmiers, kinésithérapeutes"),
    "laboratories": ("laboratories, imaging", "laboratoires, imagerie"),
    "other_providers": ("other care", "autres soins"),
    "people_on_sick_leave": ("people on sick leave", "assurés en arrêt de travail"),
    "education_team": ("education team", "équipe d'éducation thérapeutique"),
    "territory_action": ("the territory's action", "l'action du territoire"),
    "true_saving_eur": ("saving on care, all payers, EUR", "économie sur les soins, tous payeurs, EUR"),
    "action_cost_eur": ("cost booked to the action, EUR", "coût imputé à l'action, EUR"),
    "net_saving_eur": ("net saving, every cost included, EUR", "économie nette de tous les coûts, EUR"),
    "resource_saving_eur": ("resources really spared in the short run, EUR",
                            "ressources réellement épargnées à court terme, EUR"),
    "qaly": ("quality-adjusted years gained", "QALY gagnés"),
    "quality_adjusted_days_per_resident": ("quality-adjusted days gained a resident",
                                           "jours de vie ajustés gagnés par habitant"),
    "probability_of_saving": ("share of replications with a net saving", "part des réplications avec économie nette"),
    "net_monetary_benefit_eur.50000": ("net monetary benefit at 50,000 EUR a QALY",
                                       "bénéfice monétaire net à 50 000 EUR par QALY"),
    "icer_eur": ("EUR per quality-adjusted year", "EUR par QALY"),
    "shared_savings_paid_eur.kinzigtal": ("paid by a contract like Kinzigtal's, EUR",
                                          "versé par un contrat à la Kinzigtal, EUR"),
    "shared_savings_paid_eur.ipep": ("paid by the French contract (IPEP), EUR", "versé par le contrat IPEP, EUR"),
    "saving_per_resident_year": ("saving on care a resident and year, EUR", "économie par habitant et an, EUR"),
    "factor_on_the_effect": ("factor on the saving found (1: as it is)", "facteur sur l'économie constatée"),
    "eur_per_day_of_delay": ("worth of a day of delay gained, EUR (found: days gained)",
                             "valeur d'un jour de délai gagné, EUR (constaté : jours gagnés)"),
    "eur_per_qaly": ("worth of a quality-adjusted year, EUR (found: years gained)",
                     "valeur d'une année de vie ajustée, EUR (constaté : années gagnées)"),
    "none": ("none", "nul"),
    "likely": ("likely", "probable"),
    "high": ("highest registered", "le plus fort du registre"),
    "shapley": ("average over all orders", "moyenne sur tous les ordres"),
    "alone": ("alone", "seule"),
    "interaction": ("together beyond the sum", "ensemble, au-delà de la somme"),
    "total": ("all together", "toutes ensemble"),
    "all": ("all", "toutes"),
    "other": ("other funders", "autres financeurs"),
    "others": ("other funders", "autres financeurs"),
    "pia": ("State (PIA)", "État (PIA)"),
    "petr": ("PETR", "PETR"),
    "staff": ("staff", "personnel"),
    "studies": ("studies", "études"),
    "services": ("services", "prestations"),
    "animation": ("animation", "animation"),
    "kinzigtal_minimum": ("Gesundes Kinzigtal, minimum savings rate", "Gesundes Kinzigtal, avec seuil minimal"),
    "ipep_minimum": ("IPEP, minimum savings rate", "IPEP, avec seuil minimal"),
    "paid for": ("paid for to the end", "financé jusqu'au bout"),
    "stopped": ("stopped half-way", "arrêté à mi-parcours"),
    "naive": ("members less others (naive contrast)", "adhérents moins autres (contraste naïf)"),
    "selection": ("difference there was anyhow (selection)", "écart préexistant (sélection)"),
    "effect_on_members": ("true effect on members", "effet vrai sur les adhérents"),
    "effect_on_others": ("true effect on the others", "effet vrai sur les autres"),
    "reach": ("share of people enrolled", "part d'adhérents"),
    "network": ("network", "réseau"),
    "education": ("education", "éducation (ETP)"),
    "teleconsultation": ("teleconsultation", "téléconsultation"),
    "tele_expertise": ("tele-expertise", "télé-expertise"),
    "telemonitoring": ("telemonitoring", "télésurveillance"),
    "gp_recruited": ("GPs recruited", "généralistes recrutés"),
    "gp_departures": ("GPs leaving", "départs de généralistes"),
    "health_centres": ("health centres", "centres de santé"),
    "nurse_delegation": ("nurse delegation", "délégation infirmière"),
    "time_to_care": ("time to care, GP", "délai d'accès, généraliste"),
    "forgone_care": ("forgone care", "renoncement aux soins"),
    "spend": ("spend on care", "dépense de soins"),
    "gini": ("Gini index", "indice de Gini"),
    "extreme_tenths_ratio": ("worst tenth over best tenth", "pire dixième sur meilleur dixième"),
    "concentration_index": ("concentration by income", "concentration selon le revenu"),
    "slope_index": ("slope by income, poorest to richest", "pente selon le revenu, du plus pauvre au plus riche"),
    "relative_index_of_inequality": ("relative index by income", "indice relatif selon le revenu"),
    "income_quintile": ("income fifth", "quintile de revenu"),
    "age_band": ("age", "âge"),
    "sex": ("sex", "sexe"),
    "has_ald": ("long-term illness (ALD)", "ALD"),
    "invisible": ("no doctor, or neither cover nor car", "sans médecin, ou sans complémentaire ni voiture"),
    "yes": ("yes", "oui"),
    "no": ("no", "non"),
    "emergency_departments": ("emergency departments", "urgences"),
    "gp_lump_sums": ("GP lump sums", "forfaits des généralistes"),
    "kinzigtal": ("Gesundes Kinzigtal", "Gesundes Kinzigtal"),
    "ipep": ("IPEP", "IPEP"),
}  # fmt: skip


#: Built-in scenarios: label in tables (English, French), title and paragraph in French; the English are in their files.
SCENARIOS: dict[str, tuple[str, str, str, str]] = {
    "baseline": ("status quo", "situation actuelle", "Situation actuelle",
        "L'offre de soins observée dans le territoire, avec la téléconsultation et l'éducation thérapeutique "
        "d'aujourd'hui. Tous les leviers sont neutres."),
    "network": ("network", "réseau", "Réseau de soins",
        "À partir du 1er janvier 2020, une équipe de coordination gagne des professionnels à un réseau de soins "
        "intégrés "
        ": jusqu'à 55 % d'entre eux, la part observée à Gesundes Kinzigtal. Leurs patients sont invités lors "
        "des visites "
        "; les adhérents sont suivis de plus près. Les 721 500 EUR de l'action sont dépensés en quatre ans ; "
        "ensuite, "
        "plus personne n'anime le réseau."),
    "education": ("education", "éducation (ETP)", "Éducation thérapeutique doublée",
        "À partir de janvier 2020, quatre personnes de plus sur 1 000 par an peuvent suivre une éducation "
        "thérapeutique, "
        "à peu près autant que l'offre actuelle. La moitié des places en plus est à l'hôpital, l'autre dans une "
        "unité "
        "itinérante. Effets prudents : HbA1c pour le diabète, séjours pour l'insuffisance cardiaque, qui "
        "s'estompent en "
        "quelques années."),
    "teleconsultation": ("teleconsultation", "téléconsultation", "Téléconsultation par les médecins d'une plateforme",
        "À partir du 2 janvier 2020, on pense aux médecins d'une plateforme, installés ailleurs, pour un "
        "cinquième de "
        "plus des besoins auxquels la vidéo peut répondre. Leur temps s'ajoute à celui du territoire ; qui n'a pas "
        "d'accès numérique n'en a rien."),
    "all_three": ("all three", "les trois", "Réseau, éducation et téléconsultation ensemble",
        "Le réseau, l'éducation thérapeutique et les téléconsultations d'une plateforme à la fois, chacun comme "
        "dans son "
        "propre scénario. Ce qu'ils font ensemble n'est pas la somme de ce que fait chacun seul."),
    "null_network": ("network, no effect", "réseau sans effet", "Réseau de soins sans effet",
        "Le réseau du scénario « réseau », mené et payé de la même façon, avec les mêmes adhérents, mais "
        "l'adhésion ne "
        "change rien aux soins de personne. Ce qu'un contrat verse ici, il le verse au hasard."),
    "kinzigtal": ("as in Kinzigtal", "comme à Kinzigtal", "Adhésion comme à Kinzigtal",
        "Professionnels et habitants adhèrent aussi vite qu'à Gesundes Kinzigtal (ajustement : p 0,13, q 0,43 "
        "par an, "
        "plafond 31 %), presque tous les professionnels y étant ouverts et personne ne partant de son gré."),
    "network_diabetes_cardiology": ("network, diabetes and heart", "réseau, diabète et cœur",
        "Réseau de soins pour le diabète et le cœur",
        "Le démarrage que propose le programme : le réseau du scénario « réseau », mais seules peuvent adhérer les "
        "personnes atteintes de diabète, d'insuffisance cardiaque, d'hypertension ou d'une autre maladie "
        "cardiovasculaire."),
    "more_gps": ("5 GPs recruited", "5 généralistes recrutés", "Cinq généralistes recrutés",
        "Cinq généralistes de plus ouvrent un cabinet là où l'accès est le plus mauvais, le 2 janvier 2020, avec les "
        "patientèles de jeunes médecins, remplies par des personnes sans médecin ; les départs à la retraite "
        "continuent."),
    "gp_retirements": ("8 GPs leave", "8 départs de généralistes", "Huit généralistes partent d'un coup",
        "Les huit généralistes les plus âgés, un dixième d'entre eux, cessent le 2 janvier 2020 sans "
        "successeur. Leurs "
        "patients cherchent un autre médecin ; les départs selon l'âge continuent."),
    "tele_expertise": ("tele-expertise", "télé-expertise", "Télé-expertise pour la moitié des adressages",
        "À partir du 2 janvier 2020, la moitié des adressages est d'abord posée au spécialiste comme question, "
        "au plus "
        "quatre par personne et par an. Il répond dans la semaine, et une part des réponses rend la visite inutile."),
    "teleconsultation_booths": ("booths", "cabines", "Cabines de téléconsultation en pharmacie",
        "À partir du 2 janvier 2020, chaque commune dotée d'une pharmacie a une cabine où l'on voit, avec de "
        "l'aide, le "
        "médecin d'une plateforme. On y pense pour un cinquième des besoins auxquels la vidéo peut répondre, si l'on "
        "habite près de l'une d'elles."),
    "teleconsultation_own_time": ("video, own time", "vidéo, temps propre",
        "Téléconsultation sur le temps des médecins",
        "À partir du 2 janvier 2020, on pense au médecin traitant par vidéo pour un cinquième de plus des besoins "
        "auxquels elle peut répondre, et les spécialistes locaux consultent aussi par vidéo. Une visite par "
        "vidéo est "
        "plus courte, mais amène plus de retours."),
    "health_centre": ("health centre", "centre de santé", "Un centre de santé aux médecins salariés",
        "En janvier 2020, un centre de santé ouvre dans la commune où l'accès est le plus mauvais parmi celles qui ont "
        "une pharmacie ou un hôpital."),
    "itinerant_consultation": ("doctor in a bus", "médecin en bus", "Un bus avec un généraliste",
        "À partir de janvier 2020, un médecin tient consultation dans un bus, tour à tour dans les quatre communes où "
        "l'accès est le plus mauvais."),
    "nurse_delegation": ("5 nurses in practices", "5 infirmières en cabinet", "Cinq infirmières en cabinet médical",
        "À partir de janvier 2020, cinq infirmières à plein temps (Asalée, pratique avancée) reprennent des tâches "
        "dans les cabinets aux plus longues patientèles. Seul le temps libéré est simulé."),
    "nurse_protocols": ("nurse protocols", "protocoles infirmiers",
        "Protocoles de coopération dans la moitié des cabinets",
        "À partir de janvier 2020, la moitié des cabinets de médecine générale, ceux aux plus longues patientèles, "
        "laissent des infirmières faire une part de leurs actes par protocole. Le temps libéré et le suivi gagné sont "
        "des hypothèses."),
    "prescribed_activity": ("prescribed activity", "activité prescrite",
        "Maison sport-santé pour un cinquième des malades chroniques",
        "À partir de janvier 2020, un cinquième des malades chroniques qui habitent près d'un hôpital du territoire "
        "commence un entraînement encadré ; la moitié s'y tient. Ce que l'entraînement change est une hypothèse."),
    "professional_training": ("GPs trained", "généralistes formés", "La moitié des généralistes formés",
        "À partir de janvier 2020, la moitié des généralistes suit une formation au suivi des malades chroniques. Ce "
        "que la formation change est une hypothèse."),
    "telemonitoring": ("telemonitoring", "télésurveillance", "Télésurveillance après insuffisance cardiaque",
        "À partir de janvier 2020, la moitié des personnes qui sortent de l'hôpital après une décompensation "
        "cardiaque est surveillée à distance."),
    "youth_prevention": ("youth prevention", "prévention des jeunes",
        "Des campagnes de prévention touchent la moitié des jeunes",
        "À partir de janvier 2020, des campagnes de prévention touchent la moitié des moins de 25 ans. L'essentiel de "
        "leur but est au-delà de l'horizon et n'est pas dans les résultats ; les effets en deçà sont des hypothèses."),
}  # fmt: skip


ARMS = {"null": ("no effect", "sans effet"), "ended": ("stopped half-way", "arrêté à mi-parcours")}


def label_of(scenario: str, language: str) -> str:
    """Return what a scenario is called in tables and figures: its own name unless it is built in."""
    if scenario in SCENARIOS:
        return SCENARIOS[scenario][language == "fr"]
    of, dot, arm = scenario.rpartition(".")
    if dot and arm in ARMS:
        return f"{label_of(of, language)}, {ARMS[arm][language == 'fr']}"
    return scenario.replace("_", " ")


def word(key: str, language: str) -> str:
    """Return a heading."""
    return WORDS[key][language == "fr"]


def name_of(key: str, language: str) -> str:
    """Return what a payer, an account, a measure or an indicator is called; what has no name is told by its id."""
    if key in INDICATORS:
        return INDICATORS[key][language == "fr"]
    return NAMES[key][language == "fr"] if key in NAMES else key.replace("_", " ")


def unit_of(indicator: str, language: str) -> str:
    """Return the unit of an indicator."""
    return INDICATORS[indicator][2 + (language == "fr")]
