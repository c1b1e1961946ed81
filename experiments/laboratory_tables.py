"""What do the replications of the laboratory say together? Bias, coverage, payments for nothing, power, Kinzigtal.

Owns these tables, as functions of tables of single estimates and payments; runs nothing. Effects are savings, EUR a
person and year.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.parameters import load_parameters

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "reference"
MARGIN = 0.07  # of Gesundes Kinzigtal, as a share of norm cost
ALIKE, CONTROLLED = 88, 101  # quality indicators without a difference, of all that were controlled
ESTIMATE_KEYS = ["size", "effect", "selection", "planted", "years", "estimator"]
POWER_Z = 0.8416212335729143  # of a power of 80 %
SAVINGS_EUR = (50, 100, 200)


def contract_payments(norms: pd.DataFrame) -> pd.DataFrame:
    """Return what both contracts would pay in every run, and what was truly saved, EUR a resident and year.

    `margin_share`: improvement of the margin of norm over actual cost, as a share of norm cost; losses are below 0.
    """
    import pandas as pd

    from experiments.laboratory_contracts import payments

    parameters = load_parameters()
    rows: list[dict[str, Any]] = []
    for size, runs in norms.groupby("size"):
        totals = _totals(runs)
        for scenario in dict.fromkeys(runs["scenario"]):
            paid = payments(runs, scenario, REFERENCE, parameters)
            if paid is None:
                continue
            effect, selection, planted = _case_of(scenario)
            for number, seed in enumerate(paid.seeds):
                spend, lived = totals[scenario, seed]
                without, _ = totals[REFERENCE, seed]
                for contract, amounts in paid.paid_eur.items():
                    margin = float(paid.margin_share[number]) if contract == "kinzigtal" else math.nan
                    rows.append({
                        "size": size, "seed": seed, "effect": effect, "selection": selection, "planted": planted,
                        "contract": contract, "paid_eur": float(amounts[number]) / lived, "margin_share": margin,
                        "truth_eur": (without - spend) / lived, "spend_eur": spend / lived,
                    })  # fmt: skip
    columns = ["size", "seed", "effect", "selection", "planted", "contract", "paid_eur", "margin_share", "truth_eur",
               "spend_eur"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _totals(runs: pd.DataFrame) -> dict[tuple[str, int], tuple[float, float]]:
    """Return euros spent and years lived after the warm-up, by scenario and seed."""
    after = runs[runs["period"] != "before"]
    wide = after.groupby(["scenario", "seed", "name"])["value"].sum().unstack()
    return {key: (float(row["spend_eur"]), float(row["person_years"])) for key, row in wide.iterrows()}  # type: ignore[misc]


def _case_of(scenario: str) -> tuple[str, str, float]:
    """Return effect, self-selection and planted effect of a name; the reference has no network at all."""
    if scenario == REFERENCE:
        return "no network", "none", 0.0
    parts = scenario.split("/")
    return parts[0], parts[1], float(parts[2]) if len(parts) > 2 else 0.0


def summary(estimates: pd.DataFrame) -> pd.DataFrame:
    """Return how right each estimator is, by case.

    Returns
    -------
    `truth_eur`, `estimate_eur` : means over replications. `bias_eur` with the ends of its 95 % interval. `spread_eur` :
    standard deviation of the error over replications. `stated_error_eur` : mean standard error as the estimator says.
    `coverage` : share of the 95 % intervals that hold the truth. `says_saving`, `says_loss` : share that exclude 0 to
    that side; where nothing is saved, `says_saving` is the chance of paying for nothing.
    """
    import pandas as pd

    from experiments.estimators import LEVEL_Z
    from experiments.pairing import interval

    rows = []
    for key, group in estimates.dropna(subset=["estimate_eur"]).groupby(ESTIMATE_KEYS, sort=False):
        error = (group["estimate_eur"] - group["truth_eur"]).to_numpy(float)
        bias = interval(error)
        holds = (group["low_eur"] <= group["truth_eur"]) & (group["truth_eur"] <= group["high_eur"])
        rows.append((*key, len(group), group["people"].mean(), group["truth_eur"].mean(), group["estimate_eur"].mean(),
                     bias.mean, bias.low, bias.high, float(np.std(error, ddof=1)) if error.size > 1 else math.nan,
                     ((group["high_eur"] - group["low_eur"]) / 2 / LEVEL_Z).mean(), float(holds.mean()),
                     float((group["low_eur"] > 0).mean()), float((group["high_eur"] < 0).mean())))  # fmt: skip
    names = ["n", "people", "truth_eur", "estimate_eur", "bias_eur", "bias_low_eur", "bias_high_eur", "spread_eur",
             "stated_error_eur", "coverage", "says_saving", "says_loss"]  # fmt: skip
    return pd.DataFrame(rows, columns=[*ESTIMATE_KEYS, *names])


def contract_summary(contracts: pd.DataFrame) -> pd.DataFrame:
    """Return what the contracts pay, by case: means over replications, and how often they pay anything at all."""
    import pandas as pd

    keys = ["size", "effect", "selection", "planted", "contract"]
    rows = []
    for key, group in contracts.groupby(keys, sort=False):
        margin = group["margin_share"].mean()
        rows.append((*key, len(group), group["truth_eur"].mean(), group["paid_eur"].mean(), group["paid_eur"].max(),
                     float((group["paid_eur"] > 0).mean()), margin))  # fmt: skip
    names = ["n", "truth_eur", "paid_eur", "paid_most_eur", "pays", "margin_share"]
    return pd.DataFrame(rows, columns=[*keys, *names])


def power(estimates: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return how many people an evaluation needs to see a saving of so many euros a member and year.

    What a method says of all residents of open communes is turned into euros a member by the share enrolled there.

    Returns
    -------
    one row an estimator and years of follow-up: `spread_eur` : standard deviation of the error in a territory of
    `people` (from all sizes, by the law of the square root); `bias_eur`, which no number of people mends; `sees_eur` :
    the saving seen four times in five in `people`; `people_for_…` : needed for savings of 50, 100, 200 EUR.

    Notes
    -----
    From the arms without any effect and self-selection as assumed: what is not chance in their errors is bias. A saving
    is seen where the interval excludes 0, at the spread that errors truly have: (1.96 + 0.84) spread, on top of bias.
    """
    import pandas as pd

    from experiments.estimators import ESTIMATORS, LEVEL_Z, MEMBERS

    enrolled = float(people.loc[people["effect"] == "none", "enrolled_share_open"].mean())
    quiet = estimates[(estimates["effect"] == "none") & (estimates["planted"] == 0.0)]
    quiet = quiet[quiet["selection"] == "as assumed"].dropna(subset=["estimate_eur"])
    rows = []
    for (estimator, years), group in quiet.groupby(["estimator", "years"], sort=False):
        a_member = 1.0 if ESTIMATORS[str(estimator)][1] == MEMBERS else 1.0 / enrolled if enrolled > 0 else math.nan
        error = (group["estimate_eur"] - group["truth_eur"]).to_numpy(float) * a_member
        mean_of_size = group.assign(error=error).groupby("size")["error"].transform("mean").to_numpy(float)
        degrees = error.size - group["size"].nunique()
        if degrees < 1:
            continue
        heads = group["people"].to_numpy(float)
        a_person = math.sqrt(float(((error - mean_of_size) ** 2 * heads).sum()) / degrees)
        territory = float(heads.max() / group["size"].max())
        spread = a_person / math.sqrt(territory)
        needed = {saving: ((LEVEL_Z + POWER_Z) * a_person / saving) ** 2 for saving in SAVINGS_EUR}
        rows.append((estimator, years, territory, spread, float(error.mean()), (LEVEL_Z + POWER_Z) * spread,
                     *needed.values()))  # fmt: skip
    names = ["estimator", "years", "people", "spread_eur", "bias_eur", "sees_eur"]
    return pd.DataFrame(rows, columns=[*names, *(f"people_for_{saving}_eur" for saving in SAVINGS_EUR)])


def kinzigtal(contracts: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return how often what was reported of Gesundes Kinzigtal comes out, by case: each finding, and all together.

    A margin of 7 % of the norm cost; fewer deaths among members than in others of their age and sex, significantly, in
    the naive count and from the landmark; at least 88 of 101 quality indicators without a difference. `margin_missing`:
    by how much norm costs would have to rise without any change in health (coding, prices) for a margin of 7 %.
    """
    import pandas as pd

    keys = ["size", "seed", "effect", "selection"]
    margins = contracts[(contracts["contract"] == "kinzigtal")]
    rows = []
    for (size, effect, selection, planted), group in margins[margins["effect"] != "no network"].groupby(
        ["size", "effect", "selection", "planted"], sort=False
    ):
        joined = group.merge(people, on=keys, suffixes=("", "_of_people"))
        has_margin = joined["margin_share"] >= MARGIN
        fewer_naive, fewer = joined["mortality_naive_high"] < 1.0, joined["mortality_landmark_high"] < 1.0
        alike = 1.0 - joined["quality_differing"] / joined["quality_tested"].where(joined["quality_tested"] > 0)
        is_alike = alike >= ALIKE / CONTROLLED
        rows.append((size, effect, selection, planted, len(joined), joined["margin_share"].mean(),
                     joined["margin_share"].max(), float(has_margin.mean()), joined["mortality_naive"].mean(),
                     float(fewer_naive.mean()), joined["mortality_landmark"].mean(), float(fewer.mean()), alike.mean(),
                     float(is_alike.mean()), float((has_margin & fewer_naive & is_alike).mean()),
                     max(0.0, MARGIN - float(joined["margin_share"].mean()))))  # fmt: skip
    names = ["size", "effect", "selection", "planted", "n", "margin_share", "margin_most", "has_margin",
             "mortality_naive", "fewer_deaths_naive", "mortality_landmark", "fewer_deaths", "quality_alike",
             "has_quality_alike", "all_together", "margin_missing"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def conclusion(found: pd.DataFrame) -> list[str]:
    """Return in words whether what was reported of Gesundes Kinzigtal can arise here, from the table of that name."""
    if found.empty:
        return ["Contracts could not be computed: nothing can be said on Gesundes Kinzigtal."]
    most = found["margin_most"].max()
    together = found[found["all_together"] > 0]
    deaths = found[found["fewer_deaths_naive"] > 0]
    alike = found[found["has_quality_alike"] > 0]
    words = [
        f"The largest margin that the contract saw in any run was {most:.1%} of spend; {MARGIN:.0%} were reported.",
        (f"Significantly fewer deaths among members came out in up to {deaths['fewer_deaths_naive'].max():.0%} of the "
         "runs of a case, by selection and by counting from a day on which nobody was a member yet.")
        if len(deaths) else "Significantly fewer deaths among members came out in no run.",
        (f"{ALIKE} of {CONTROLLED} quality indicators without a difference came out in up to "
         f"{alike['has_quality_alike'].max():.0%} of the runs of a case.")
        if len(alike) else f"{ALIKE} of {CONTROLLED} quality indicators without a difference came out in no run.",
    ]  # fmt: skip
    if len(together):
        cases = "; ".join(
            f"effect {row['effect']}, selection {row['selection']}, planted {row['planted']:.0%}, size {row['size']:g}"
            for row in together.to_dict("records")
        )
        words.append(f"All three together arose under: {cases}.")
    else:
        missing = found["margin_missing"].min()
        words.append(
            "All three together arose in no run: under none of the assumptions tried can they be had. What the model "
            f"lacks is the margin: norm costs would have to rise by {missing:.1%} without any change in health "
            "(morbidity coded more fully, prices) on top of what was simulated. Selection of members moves no euro of "
            "it, as the contract counts all residents."
        )
    return words
