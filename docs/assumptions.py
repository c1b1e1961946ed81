"""Makes docs/assumptions.md: every assumption with its number and its effect if wrong.

    python docs/assumptions.py run outputs/assumptions      # makes the runs (resumable), some minutes
    python docs/assumptions.py write outputs/assumptions    # writes assumption_effects.csv and assumptions.md
    python docs/assumptions.py                              # writes assumptions.md from assumption_effects.csv

Owns the design (one assumption at a time: its parameters together at their low, then at their high ends, under the same
seeds) and the page. What is assumed and what it means is written in docs/assumptions.csv.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE, EFFECTS, PAGE = HERE / "assumptions.csv", HERE / "assumption_effects.csv", HERE / "assumptions.md"
SCENARIO, SEEDS = "all_three", (1, 2)
SETTINGS: dict[str, Any] = {"scale": 0.15, "days": 365, "warm_up_days": 365, "follow_up_days": 90}
INDICATORS = {
    "lead_time_mean_days.gp": "wait for the GP, days",
    "emergency_visits_per_head": "emergency visits a head",
    "forgone_care_share": "went without, share",
    "spend_per_head_eur": "spend a head, EUR",
}
ENDS = ("low", "high")


def assumptions() -> list[dict[str, str]]:
    """Return the assumptions, in their order."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points() -> dict[str, dict[str, float]]:
    """Return what is set at each end of each assumption: "3 low" to parameters."""
    from abm.parameters import load_parameters

    registry = load_parameters()
    found: dict[str, dict[str, float]] = {"base": {}}
    for number, row in enumerate(assumptions(), start=1):
        for end in ENDS:
            names = row["parameters"].split(";")
            found[f"{number} {end}"] = {name: float(getattr(registry.entry(name), end)) for name in names}
    return found


def make(folder: Path) -> None:
    """Make the runs that are missing."""
    from abm.scenario import load_scenario
    from experiments.batch import run_batch
    from experiments.specs import SpecMaker

    maker, base = SpecMaker("saverne"), load_scenario(SCENARIO, **SETTINGS)
    specs = [spec for point in points().values() for spec in maker.make(base, {"parameters": point}, SEEDS)]
    run_batch(specs, folder, 2, on_done=lambda counts: print(counts, flush=True))


def effects(folder: Path) -> list[tuple[str, ...]]:
    """Return the change of each indicator at each end, mean over seeds, against the base under the same seeds."""
    from experiments.batch import load

    table = load(folder)
    values = table[list(INDICATORS)].to_numpy(float).reshape(len(points()), len(SEEDS), len(INDICATORS))
    rows = []
    for name, said in zip(points(), values, strict=True):
        change = (said - values[0]).mean(axis=0) if name != "base" else said.mean(axis=0)
        rows.append((name, *(f"{value:.5g}" for value in change)))
    return rows


def write_effects(folder: Path) -> None:
    """Write what was found beside the page."""
    with EFFECTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["point", *INDICATORS])
        writer.writerows(effects(folder))


def page() -> str:
    """Return the page."""
    with EFFECTS.open(encoding="utf-8", newline="") as file:
        found = {row["point"]: row for row in csv.DictReader(file)}
    base = found["base"]
    parts = [
        "# Assumptions, and what each does if it is wrong",
        "<!-- made by docs/assumptions.py: do not edit -->",
        "Numbered, so that a result can say on which of them it rests. Each row of effects is the change of an "
        "indicator when the assumption's numbers all go to the low, then to the high end of their registered ranges, "
        f"everything else as it is, under the same seeds (scenario `{SCENARIO}`, {SETTINGS['scale']:.0%} of the "
        f"territory, one year, mean over {len(SEEDS)} seeds). One at a time: what two wrong assumptions do together is "
        "not told. Effects that build up over years (disease, network) are only at their beginning after one.",
        "| | " + " | ".join(INDICATORS.values()) + " |\n|---|" + "---|" * len(INDICATORS) + "\n| as assumed | "
        + " | ".join(_short(base[name]) for name in INDICATORS) + " |",
    ]  # fmt: skip
    for number, row in enumerate(assumptions(), start=1):
        names = ", ".join(f"`{name}`" for name in row["parameters"].split(";"))
        lines = ["| if wrong | " + " | ".join(INDICATORS.values()) + " |", "|---|" + "---|" * len(INDICATORS)]
        for end in ENDS:
            cells = (_signed(found[f"{number} {end}"][name]) for name in INDICATORS)
            lines.append(f"| all at their {end} end | " + " | ".join(cells) + " |")
        about = f"{row['assumed']} Parameters: {names}."
        parts += [f"## {number}. {row['title']}", about, f"*If wrong:* {row['if_wrong']}", "\n".join(lines)]
    parts += [
        "## What no number stands for",
        "Roads are always open; nobody moves house because of care; doctors' choices do not follow money; no epidemic "
        "comes; what is outside the territory stays as it is. `territoire parameters --assumptions` lists every number "
        "of grade C.",
    ]
    return "\n\n".join(parts) + "\n"


def _short(text: str) -> str:
    return f"{float(text):.3g}" if abs(float(text)) < 1000 else f"{float(text):,.0f}"


def _signed(text: str) -> str:
    value = float(text)
    return "0" if value == 0 else f"{value:+.2g}" if abs(value) < 100 else f"{value:+,.0f}"


def main() -> None:
    """Do what is asked on the command line."""
    if sys.argv[1:2] == ["run"]:
        make(Path(sys.argv[2]))
    if sys.argv[1:2] == ["write"]:
        write_effects(Path(sys.argv[2]))
    if sys.argv[1:2] != ["run"]:
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
