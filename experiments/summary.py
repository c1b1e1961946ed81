"""What does a health officer see when a run is over? One screen: delays, use, unmet need, inputs, warnings.

Owns that screen and its JSON form. Prints values of `indicators.csv` only; beside those for which something has been
observed and may be looked at (fit or input, never what is kept for validation) it prints the observed value and range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calibration.targets import Target, load_targets, observed_for
from experiments.screens import table
from experiments.store import to_json
from experiments.terminal import console
from experiments.words import GP_NEEDS, MAIN_SPECIALTIES, need_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from rich.table import Table

    from experiments.running import Run

MISSING = "–"
OUTCOMES = (
    ("cancelled", "withdrawn"), ("missed", "missed"), ("to the emergency department", "diverted"),
    ("gave up", "forgone"), ("still open", "open"),
)  # fmt: skip
PAYERS = {"compulsory": "compulsory", "local": "local", "complementary": "complementary", "patients": "patient"}
HEADINGS = {
    "GPs": ("gp", "gp_lump_sums", "duty_care", "telehealth"), "specialists": ("specialist",),
    "emergency": ("emergency",), "stays": ("stays",),
}  # fmt: skip


@dataclass(frozen=True)
class Values:
    """Look-up in the indicators of a run, over the whole horizon."""

    by_key: dict[tuple[str, str, str], float]
    counts: dict[tuple[str, str, str], float]

    @staticmethod
    def of(indicators: pd.DataFrame) -> Values:
        """Return the look-up for everybody, for those the survey of 2017 asked, and by channel."""
        is_wanted = indicators["stratum_kind"].isin(["all", "drees", "channel"])
        rows = indicators[is_wanted & (indicators["period"].astype(str) == "all")]
        columns = (rows[name].astype(str) for name in ("indicator", "stratum_kind", "stratum"))
        keys = list(zip(*columns, strict=True))
        values, counts = (rows[name].astype(float) for name in ("value", "n"))
        return Values(dict(zip(keys, values, strict=True)), dict(zip(keys, counts, strict=True)))

    def shares_by_channel(self, need: str) -> tuple[float, float]:
        """Return the shares of appointments given in the territory and at a pole outside."""
        keys = ((f"lead_time_mean_days.{need}", "channel", name) for name in ("local_agenda", "pole"))
        counts = [self.counts.get(key, 0.0) for key in keys]
        total = sum(counts)
        return (counts[0] / total, counts[1] / total) if total else (math.nan, math.nan)

    def __call__(self, indicator: str, kind: str = "all", stratum: str = "all") -> float:
        """Return a value, NaN where there is none."""
        return self.by_key.get((indicator, kind, stratum), math.nan)


def show(result: Run) -> None:
    """Print the summary of a run."""
    out, values = console(), Values.of(result.indicators)
    for number, line in enumerate(_heading(result)):
        out.print(line, style="bold" if number == 0 else None)
    out.print("General practitioners: days from asking to the appointment, over appointments given", style="bold")
    out.print(_gp_table(values))
    out.print(_ends(values))
    for title, lines in (
        ("Specialists", _specialist_table(values)),
        ("Use, travel, unmet need", _use_table(values)),
        ("Inputs, reported for checking (the model is given them)", _input_table(values)),
    ):
        out.print(title, style="bold")
        out.print(lines)
    for line in _costs(values):
        out.print(line)
    for line in _warnings(result):
        out.print(line, soft_wrap=True)


def as_json(result: Run) -> str:
    """Return the summary for machines: the manifest, the folder, and the indicators of everybody by id."""
    values = Values.of(result.indicators)
    everybody = {indicator: value for (indicator, kind, _), value in values.by_key.items() if kind == "all"}
    folder = None if result.folder is None else str(result.folder)
    return to_json({"folder": folder, "indicators": everybody, "manifest": result.manifest})


def _heading(result: Run) -> list[str]:
    manifest = result.manifest
    scenario, place, people = manifest["scenario"], manifest["territory"], manifest["population"]
    title = f"{scenario['name']}: {scenario['title']}" if scenario["title"] else scenario["name"]
    end = _last_day(scenario)
    return [
        f"{title} — {place['title']}",
        f"{people['people']:,} people in {place['communes']} communes, {people['general_practitioners']} general "
        f"practitioners, {people['specialists']} local specialists",
        f"{scenario['start']} to {end}, after {scenario['warm_up_days']} days of warm-up; seed {manifest['seed']}",
        "",
    ]


def _gp_table(values: Values) -> Table:
    """Return waits for general practitioners by reason, and those of the survey beside what it found."""
    columns = ("", "median", "mean", "in 0-1 days", "not served")
    lines = table(*columns, numbers=columns[1:])
    for need in GP_NEEDS:
        lines.add_row(need_label(need), *_delay(values, need, "all"))
    lines.add_row("as surveyed in 2017*", *_delay(values, "gp", "drees"))
    share = observed_for("lead_time_share_1_days.gp", "drees")
    median = observed_for("lead_time_median_days.gp", "drees")
    lines.add_row("  observed", _observed(median, _number), "", _observed(share, _percent), "")
    return lines


def _ends(values: Values) -> str:
    """Return how the requests to general practitioners ended that were not served."""
    shares = [(words, values(f"request_outcome_share.gp.{outcome}")) for words, outcome in OUTCOMES]
    return "not served: " + ", ".join(f"{words} {_percent(share)}" for words, share in shares)


def _delay(values: Values, need: str, stratum: str) -> tuple[str, str, str, str]:
    """Return the cells of a delay: median, mean, share in 0-1 days, unserved share."""
    return (
        _number(values(f"lead_time_median_days.{need}", stratum)),
        _number(values(f"lead_time_mean_days.{need}", stratum)),
        _percent(values(f"lead_time_share_1_days.{need}", stratum)),
        _percent(1.0 - values(f"request_outcome_share.{need}.served", stratum)),
    )


def _specialist_table(values: Values) -> Table:
    """Return waits for the main specialties, and how many are seen here and at a pole outside."""
    columns = ("", "median", "mean", "not served", "booked here", "at a pole", "surveyed here*", "observed")
    lines = table(*columns, numbers=columns[1:7])
    for need in MAIN_SPECIALTIES:
        median, mean, _, unserved = _delay(values, need, "all")
        if median == MISSING:
            continue
        where = map(_percent, values.shares_by_channel(need))
        indicator = f"lead_time_median_days.{need}"
        surveyed, target = values(indicator, "drees", "local_agenda"), observed_for(indicator, "drees")
        lines.add_row(need_label(need), median, mean, unserved, *where, _number(surveyed), _observed(target, _number))
    return lines


def _use_table(values: Values) -> Table:
    """Return use of care, travel and unmet need, in two columns of figures."""
    figures = [
        ("acts of GPs per head and year", "acts_per_head.gp", _number),
        ("acts of specialists per head and year", "acts_per_head.specialist", _number),
        ("by video, of acts of GPs", "teleconsultation_share", _percent),
        ("emergency visits per head and year", "emergency_visits_per_head", _fraction),
        ("of them, for want of other access", "emergency_no_other_access_share", _percent),
        ("minutes to the GP, mean one way", "travel_mean_minutes.gp", _number),
        ("minutes to a specialist, mean", "travel_mean_minutes.specialist", _number),
        ("third next available at a GP's, days", "third_next_available_days.gp", _number),
        ("people from 16 on who went without some care", "forgone_care_share", _percent),
    ]
    return _figures(values, figures)


def _costs(values: Values) -> list[str]:
    """Return what care costs, who pays and for what, in two lines; observed is the compulsory insurance's part."""
    observed = _observed(observed_for("spend_per_head_eur"), _euros)
    payers = {name: _euros(values(f"spend_per_head_eur.by_payer.{payer}")) for name, payer in PAYERS.items()}
    amounts = {
        words: sum(values(f"spend_per_head_eur.by_category.{name}") for name in names)
        for words, names in HEADINGS.items()
    }
    total = values("spend_per_head_eur")
    headings = ", ".join(f"{words} {_euros(amount)}" for words, amount in amounts.items())
    return [
        f"Costs, EUR per head and year: {_euros(total)}; by compulsory insurance {payers.pop('compulsory')}, "
        f"observed {observed}",
        f"  {', '.join(f'{name} {amount}' for name, amount in payers.items())}; for {headings}",
    ]


def _input_table(values: Values) -> Table:
    """Return what the model is given, so that a slip in the inputs is seen."""
    figures = [
        ("adults without a regular GP", "adults_without_gp_share", _percent),
        ("acts a year of a full-time GP", "gp_acts_per_full_time_year", _number),
        ("acts a day of a GP", "gp_acts_per_day", _number),
    ]
    lines = _figures(values, figures)
    sizes = "/".join(_number(values(f"gp_list_size_{level}")) for level in ("p10", "p50", "p90"))
    known = [target.observed_text for target in load_targets() if target.indicator.startswith("gp_list_size_p10")]
    lines.add_row("GPs' lists: first tenth/median/ninth tenth", sizes, *known[:1])
    return lines


def _figures(values: Values, figures: Sequence[tuple[str, str, Callable[[float], str]]]) -> Table:
    """Return a table of single figures with what was observed."""
    lines = table("", "simulated", "observed", numbers=("simulated",))
    for words, indicator, write in figures:
        lines.add_row(words, write(values(indicator)), _observed(observed_for(indicator), write))
    return lines


def _warnings(result: Run) -> list[str]:
    """Return what must be known before any number above is used, and where the files are."""
    manifest, scale = result.manifest, result.manifest["scenario"]["scale"]
    facts = manifest["parameters"]
    lines = ["* ages 18–69, in person, by appointment, asked for; observed [range]: calibration/targets.csv"]
    if manifest["territory"].get("is_invented"):
        lines.append("This territory is invented: nothing above says anything about a real one.")
    if scale < 1:
        lines.append(f"Only {100 * scale:.3g} % of the people are simulated: this exaggerates chance.")
    lines += [f"Not said by the scenario: {sentence}." for sentence in manifest.get("taken_for_granted", ())]
    lines.append("One run is one draw of chance, without an interval: compare policies over several seeds.")
    lines.append(
        f"{facts['assumptions']} of {facts['registered']} registered numbers are assumptions (grade C): "
        "territoire parameters --assumptions"
    )
    where = f"Files: {result.folder}. " if result.folder is not None else ""
    return [*lines, f"{where}{manifest['wall_s']:.0f} s in all, {manifest['run_s']:.2g} s of them for the days"]


def _last_day(scenario: dict[str, Any]) -> str:
    import datetime as dt

    return str(dt.date.fromisoformat(scenario["start"]) + dt.timedelta(days=scenario["days"] - 1))


def _observed(target: Target | None, write: Callable[[float], str]) -> str:
    """Return an observed value with its range, empty when there is none that may be shown."""
    if target is None or target.observed is None or target.low is None or target.high is None:
        return ""
    low, high = (write(bound).removesuffix(" %") for bound in (target.low, target.high))
    return f"{write(target.observed)} [{low}–{high}]"


def _number(value: float) -> str:
    if math.isnan(value):
        return MISSING
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"


def _euros(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:,.0f}"


def _fraction(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"


def _percent(value: float) -> str:
    return MISSING if math.isnan(value) else f"{100 * value:.0f} %"
