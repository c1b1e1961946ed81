"""How is the laboratory shown? The screen, JSON, the report with its figures.

Owns wording and drawing; computes nothing but what a table shows of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.laboratory_tables import CONTROLLED, conclusion
from experiments.pages import Page, cell

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from experiments.laboratory import Laboratory

REPORT = "report.html"
ESTIMATES = {
    "estimator": "method", "case": "effect, self-selection", "n": "runs", "truth_eur": "truly saved",
    "bias_eur": "bias", "bias_low_eur": "from", "bias_high_eur": "to", "spread_eur": "spread",
    "coverage": "coverage", "says_saving": "says saving", "says_loss": "says loss",
}  # fmt: skip
BY_SIZE = {
    "estimator": "method", "size": "size", "people": "people", "n": "runs", "bias_eur": "bias",
    "bias_low_eur": "from", "bias_high_eur": "to", "spread_eur": "spread", "stated_error_eur": "error stated",
    "coverage": "coverage", "says_saving": "says saving", "says_loss": "says loss",
}  # fmt: skip
CONTRACTS = {
    "contract": "contract", "case": "effect, self-selection", "n": "runs", "truth_eur": "truly saved",
    "paid_eur": "paid", "paid_most_eur": "at most", "pays": "share of runs paid",
}  # fmt: skip
ON_SCREEN = ("estimator", "case", "truth_eur", "bias_eur", "spread_eur", "coverage", "says_saving")
POWER = {
    "estimator": "method", "years": "years followed", "people": "people", "spread_eur": "spread", "bias_eur": "bias",
    "sees_eur": "sees a saving of", "people_for_50_eur": "people for 50 EUR", "people_for_100_eur": "for 100 EUR",
    "people_for_200_eur": "for 200 EUR",
}  # fmt: skip
KINZIGTAL = {
    "size": "size", "case": "effect, self-selection", "n": "runs",
    "margin_share": "margin", "margin_most": "at most", "has_margin": "7 % or more", "mortality_naive": "deaths, naive",
    "fewer_deaths_naive": "fewer, seen", "mortality_landmark": "deaths, landmark", "fewer_deaths": "fewer, seen",
    "quality_alike": "quality alike", "has_quality_alike": "88 of 101", "all_together": "all together",
}  # fmt: skip
MARKS = ("o", "s", "^", "D", "v")
CURVE_EUR = np.linspace(0, 400, 101)


def show(found: Laboratory) -> None:
    """Print the main case, the contracts, what an evaluation needs, and the answer on Kinzigtal."""
    from experiments.screens import table as empty_table
    from experiments.terminal import console

    out = console()
    estimates = f"Estimates against the truth, {_size(found, largest(found))}, EUR a person and year"
    contracts = _at(main_contracts(found), largest(found))
    for title, frame, names in (
        (estimates, main_rows(found), {name: ESTIMATES[name] for name in ON_SCREEN}),
        ("Contracts, EUR a resident and year", contracts, CONTRACTS),
        ("What an evaluation needs (EUR a person and year, seen four times in five)", found.power, POWER),
    ):
        shown = [name for name in names if name in frame]
        numbers = tuple(names[name] for name in shown if frame[name].dtype.kind in "fiu")
        lines = empty_table(*(names[name] for name in shown), numbers=numbers)
        for row in frame.to_dict("records"):
            lines.add_row(*(cell(row[name]) for name in shown))
        out.print(title, style="bold")
        out.print(lines)
        out.print()
    out.print("Gesundes Kinzigtal", style="bold")
    for words in conclusion(found.kinzigtal):
        out.print(words)
    for error in found.errors:
        out.print(f"a replication failed: {error}")
    out.print(f"\nReport: {found.folder / REPORT}", soft_wrap=True)


def _with_case(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with effect, self-selection and planted effect in one column."""
    planted = [f" {share:.0%} planted" if share else "" for share in table["planted"]]
    cases = [
        f"{effect}{plant}, {selection}"
        for effect, plant, selection in zip(table["effect"], planted, table["selection"], strict=True)
    ]
    return table.assign(case=cases)


def as_json(found: Laboratory) -> str:
    """Return the study for machines."""
    from experiments.laboratory import facts_of
    from experiments.store import to_json

    return to_json(facts_of(found) | {"folder": str(found.folder)})


def largest(found: Laboratory) -> float:
    """Return the largest size with results."""
    return float(found.estimates["size"].max())


def main_rows(found: Laboratory) -> pd.DataFrame:
    """Return the cases of the largest size with the longest follow-up, without planted effects but the middle one."""
    table = _at(found.summary, largest(found))
    table = table[table["years"] == table["years"].max()]
    middle = sorted(found.facts["planted"])[len(found.facts["planted"]) // 2] if found.facts["planted"] else 0.0
    kept = (table["planted"] == 0.0) | ((table["planted"] == middle) & (table["selection"] == "as assumed"))
    return _with_case(table[kept])


def main_contracts(found: Laboratory) -> pd.DataFrame:
    """Return what the contracts pay, planted effects under self-selection as assumed only."""
    table = found.contract_summary
    kept = (table["planted"] == 0.0) | (table["selection"] == "as assumed")
    return _with_case(table[kept & (table["effect"] != "no network")])


def _at(table: pd.DataFrame, size: float) -> pd.DataFrame:
    return table[table["size"] == size]


def _size(found: Laboratory, size: float) -> str:
    rows = _at(found.estimates, size)
    return f"{rows['people'].mean():,.0f} people, {found.facts['replications_done'][f'{size:g}']} replications"


def write_report(found: Laboratory) -> None:
    """Write the report into the folder of the study."""
    from experiments.figures import house_style
    from experiments.store import write_text

    with house_style():
        text = page_of(found).html()
    write_text(found.folder / REPORT, text)


def page_of(found: Laboratory) -> Page:
    """Return the report."""
    facts = found.facts
    scenario = facts["scenario"]
    page = Page("The evaluator's laboratory: how wrong are the usual methods?")
    page.paragraph(
        f"Claims of simulated network runs ({scenario['name']} on {facts['territory']}) were handed to evaluators' "
        "methods, which see what an insurer sees. Each answer stands beside the truth: the same people under the same "
        "luck without the network. Positive amounts are savings, EUR a person and year, all payers.", "lead",
    )  # fmt: skip
    page.bullets(findings(found))
    page.heading("How it was done")
    page.bullets([
        "The network opens on the first reported day in half of the communes, drawn for each replication; the others "
        "are control communes. Membership counts as of the end of the first year, outcomes are those of the years "
        "after it: nobody has to stay alive in order to be counted as a member.",
        "Joining and enrolling are as fast as the registered ranges allow: after a year there must be members.",
        "True effect: none (the network runs and is paid for, and does nothing), as assumed, every effect at the "
        "highest value registered; planted: members' claims are lowered by a known share instead.",
        "Self-selection: none, as assumed, strong (the highest registered): the regular and the healthy for their age "
        "enrol more readily. The insurer knows neither of these traits.",
        "Methods about members: before/after, members v. others (non-members), regression (age, sex, long-term status, "
        "diseases, spend before), propensity matching on the same. About residents of communes where it opened: "
        "difference-in-differences with the control communes. Contracts pay on all residents.",
        f"Simulated: {'; '.join(_size(found, size) for size in sorted(set(found.estimates['size'])))}; follow-up of "
        f"{' and '.join(str(y) for y in sorted(set(found.estimates['years'])))} years.",
    ])  # fmt: skip
    page.heading("Estimates against the truth")
    page.table(main_rows(found), ESTIMATES, caption="Largest territory, longest follow-up. Bias with its 95 % interval "
               "over replications; spread: standard deviation of the error; coverage should be 0.95.")  # fmt: skip
    page.figure(draw_bias(found), "Error of each method in each replication without true effect, by self-selection.")
    page.heading("By size of territory")
    page.table(by_size(found), BY_SIZE, caption="No true effect, self-selection as assumed.")
    page.heading("Contracts: what is paid, what was saved")
    page.paragraph(
        "Norm costs come from runs without the network under other seeds, by age, sex and long-term status, scaled on "
        "the year before. What is paid where nothing was saved is paid for chance: losses count as nothing."
    )
    page.table(main_contracts(found), {"size": "size"} | CONTRACTS)
    page.heading("How many people, how many years")
    page.table(found.power, POWER, caption="From the runs without effect; bias is not mended by numbers.")
    page.figure(draw_power(found), "Chance that a saving a member and year is seen (interval excludes 0), by method.")
    page.heading("Can Gesundes Kinzigtal's findings arise here together?")
    page.paragraph(
        "Reported: a margin of about 7 % of norm cost for all insured, lower mortality of members, and no difference "
        f"on 88 of {CONTROLLED} controlled quality indicators."
    )
    page.bullets(conclusion(found.kinzigtal))
    about = (
        "Deaths: members over non-members of their age and sex; naive: counted from the start; landmark: from the day "
        "on which membership counts. The other columns are shares of runs."
    )
    kept = (found.kinzigtal["planted"] == 0.0) | (found.kinzigtal["selection"] == "as assumed")
    page.table(_with_case(found.kinzigtal[kept]), KINZIGTAL, caption=about)
    page.paragraph(
        "Limits: claims are those of synthetic people; selection is by two traits only; what a network does to care is "
        "assumed (grade C). With few replications, coverage and chances are coarse: see the number of runs.", "note",
    )  # fmt: skip
    return page


def findings(found: Laboratory) -> list[str]:
    """Return the main findings in words, from the numbers."""
    rows = _at(found.summary, largest(found))
    rows = rows[(rows["years"] == rows["years"].max()) & (rows["effect"] == "none") & (rows["planted"] == 0.0)]
    words = []
    for selection, group in rows.groupby("selection", sort=False):
        worst = group.loc[group["bias_eur"].abs().idxmax()]
        best = group.loc[group["bias_eur"].abs().idxmin()]
        words.append(
            f"Without any effect, self-selection {selection}: {worst['estimator']} is off by {worst['bias_eur']:+,.0f} "
            f"EUR on average, {best['estimator']} by {best['bias_eur']:+,.0f}."
        )
    nothing = found.contract_summary[
        (found.contract_summary["effect"] == "none") & (found.contract_summary["planted"] == 0.0)
    ]
    for contract, group in nothing.groupby("contract", sort=False):
        paid = float(np.average(group["paid_eur"], weights=group["n"]))
        chance = float(np.average(group["pays"], weights=group["n"]))
        words.append(
            f"The contract {contract} pays {paid:,.1f} EUR a resident and year for nothing ({chance:.0%} of runs)."
        )
    return words


def by_size(found: Laboratory) -> pd.DataFrame:
    """Return the cases without effect, by size."""
    table = found.summary
    kept = (table["effect"] == "none") & (table["selection"] == "as assumed") & (table["planted"] == 0.0)
    return table[kept & (table["years"] == table["years"].max())].sort_values(["estimator", "size"])


def draw_bias(found: Laboratory) -> Figure:
    """Draw the errors of each method, one row a method, one mark a selection."""
    from matplotlib.figure import Figure

    from experiments.figures import DARK, MIDDLE, WIDTH_INCHES

    rows = _at(found.estimates, largest(found))
    rows = rows[(rows["effect"] == "none") & (rows["planted"] == 0.0) & (rows["years"] == rows["years"].max())]
    methods = list(dict.fromkeys(rows["estimator"]))
    selections = list(dict.fromkeys(rows["selection"]))
    drawn = Figure(figsize=(WIDTH_INCHES + 1.2, 0.75 * len(methods) + 1.0), layout="constrained")
    axis = drawn.subplots()
    for number, selection in enumerate(selections):
        for place, method in enumerate(reversed(methods)):
            group = rows[(rows["selection"] == selection) & (rows["estimator"] == method)]
            error = (group["estimate_eur"] - group["truth_eur"]).to_numpy(float)
            height = np.full(error.size, place + 0.24 * (len(selections) / 2 - number - 0.5))
            label = f"self-selection {selection}" if place == 0 else None
            axis.plot(
                error, height, MARKS[number], color=MIDDLE, markersize=3.5, alpha=0.7, fillstyle="none", label=label
            )
            axis.plot(np.nanmean(error), height[0], MARKS[number], color=DARK, markersize=7)
    axis.axvline(0, color=DARK, linewidth=1)
    axis.set_yticks(range(len(methods)), list(reversed(methods)), fontsize=8)
    axis.set_xlabel("estimated less true saving, EUR a person and year", fontsize=8)
    axis.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn


def draw_power(found: Laboratory) -> Figure:
    """Draw the chance of seeing a saving, by method and years of follow-up, in the whole territory."""
    from matplotlib.figure import Figure
    from scipy.stats import norm

    from experiments.estimators import LEVEL_Z
    from experiments.figures import DARK, MIDDLE, WIDTH_INCHES

    drawn = Figure(figsize=(WIDTH_INCHES + 1.2, 3.6), layout="constrained")
    axis = drawn.subplots()
    methods = list(dict.fromkeys(found.power["estimator"]))
    for row in found.power.to_dict("records"):
        chance = norm.sf(LEVEL_Z - CURVE_EUR / row["spread_eur"])
        is_longest = row["years"] == found.power["years"].max()
        axis.plot(
            CURVE_EUR, chance, color=DARK if is_longest else MIDDLE, linestyle="-" if is_longest else "--",
            marker=MARKS[methods.index(row["estimator"]) % len(MARKS)], markevery=20, markersize=5, linewidth=1.2,
            label=f"{row['estimator']}, {row['years']} y",
        )  # fmt: skip
    axis.axhline(0.8, color=MIDDLE, linewidth=0.8, linestyle=":")
    axis.set_xlabel("true saving, EUR a member and year", fontsize=8)
    axis.set_ylabel("chance of being seen", fontsize=8)
    axis.set_ylim(0, 1.02)
    axis.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn
