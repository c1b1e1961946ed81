"""What does care cost that the model does not simulate? Registered spend minus what the baseline simulates, frozen.

    python -m calibration.background                       # writes abm/payments/background.csv
    python -m calibration.background --scale 0.1 --seeds 2 # quick look

Runs the baseline without background spend on populations with seeds of their own, which no policy run uses, and asks
what is missing: by condition up to its registered attributable cost, over everybody up to the registered spend per
head of the compulsory insurance. To be made again whenever the baseline's use of care or the tariffs change.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.model import TerritoryModel
from abm.parameters import Parameters
from abm.payments.background import COLUMNS, FILE, SEXES
from abm.payments.builder import background_shares, breaks_of, spending_years
from abm.payments.tariffs import CENTS_A_EURO
from abm.population import DAYS_A_YEAR
from abm.settings import BAND_STARTS
from abm.state import NEVER, Kind, Outcome, Payer, Status
from experiments.store import write_text

FIRST_SEED = 900_001  # far from those that people choose
PRICE_YEAR_START, YEAR_DAYS, WARM_UP_DAYS = "2021-01-01", 365, 365


@dataclass(frozen=True)
class Sample:
    """People of baseline years, one row each.

    Attributes
    ----------
    years : part of the year that each was alive and here.
    cell : age band * 2 + sex. has : shape (n, conditions). cover : as in `background_shares`.
    eur : the compulsory insurance's simulated spend in that time. acts : visits to doctors.
    """

    years: NDArray[np.float64]
    cell: NDArray[np.int64]
    has: NDArray[np.float64]
    cover: NDArray[np.int64]
    eur: NDArray[np.float64]
    acts: NDArray[np.float64]


def sample_of(model: TerritoryModel) -> Sample:
    """Return the people of a finished run with what they spent in its horizon."""
    world, setting = model.arrays, model.setting
    people = world.patients[world.patients.status != Status.EXPECTED]
    rows = np.flatnonzero(world.patients.status != Status.EXPECTED)
    first, end = setting.first_reported_day, setting.end_of_horizon
    came = np.maximum(first, people.since)
    left = np.where(people.gone_on == NEVER, end, np.minimum(end, people.gone_on + 1))
    year = int(spending_years(setting.calendar, breaks_of(setting.scenario))[first])
    episodes = model.records().episodes
    is_act = (episodes.outcome == Outcome.SERVED) & (episodes.kind != Kind.EMERGENCY)
    is_act &= (episodes.closed_on >= first) & (episodes.closed_on < end)
    acts = np.bincount(episodes.patient[is_act], minlength=world.patients.size)[rows]
    conditions = np.arange(len(setting.conditions))
    return Sample(
        years=np.maximum(0, left - came) / DAYS_A_YEAR,
        cell=people.age_band.astype(np.int64) * 2 + people.is_female,
        has=((people.conditions[:, None] >> conditions) & 1).astype(float),
        cover=4 * people.has_ald.astype(np.int64) + 2 * people.has_regime_local + people.has_complementary_cover,
        eur=world.spend_cents[year, rows, Payer.COMPULSORY] / CENTS_A_EURO,
        acts=acts.astype(float),
    )


def joined(samples: Sequence[Sample]) -> Sample:
    """Return several samples as one."""
    return Sample(**{name: np.concatenate([getattr(s, name) for s in samples]) for name in Sample.__annotations__})


def fitted(amount: NDArray, sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a year's amount by cell, shape (cells,), and more by condition, shape (conditions,): least squares."""
    n_cells = len(BAND_STARTS) * 2
    design = np.concatenate([np.eye(n_cells)[sample.cell], sample.has], axis=1) * sample.years[:, None]
    solved = np.linalg.lstsq(design.T @ design, design.T @ amount, rcond=None)[0]
    return solved[:n_cells], solved[n_cells:]


def background_table(sample: Sample, conditions: Sequence[str], parameters: Parameters) -> list[tuple]:
    """Return the rows of `background.csv`.

    Notes
    -----
    A condition's background is its registered attributable cost less what the simulated care of people with it costs
    more; that by age and sex follows the registered profile, at the level at which the whole spend of the compulsory
    insurance is the registered one. Both are turned from what that insurance pays into the full price.
    """
    paid_share = background_shares(parameters)[:, :, Payer.COMPULSORY].sum(axis=1)[sample.cover]
    _, simulated = fitted(sample.eur, sample)
    wanted = np.array([parameters.get(f"cost_attributable[{name}]", 0.0) for name in conditions])
    share_with = np.array([_mean(paid_share, sample.years * has) for has in sample.has.T])
    by_condition = np.maximum(0.0, wanted - simulated) / share_with
    profile = np.array([_profile(parameters, band, sex) for band in range(len(BAND_STARTS)) for sex in "MF"])
    target = parameters["cost_per_capita_reimbursed"] * sample.years.sum() - sample.eur.sum()
    target -= (sample.years * paid_share * (sample.has @ by_condition)).sum()
    level = max(0.0, target) / (sample.years * paid_share * profile[sample.cell]).sum()
    eur, acts = level * profile, fitted(sample.acts, sample)
    acts_by_cell, acts_by_condition = (np.maximum(0.0, values) for values in acts)
    rows: list[tuple] = []
    for cell in range(profile.size):
        rows.append(("age", BAND_STARTS[cell // 2], SEXES[cell % 2], eur[cell], acts_by_cell[cell]))
    for name, more, more_acts in zip(conditions, by_condition, acts_by_condition, strict=True):
        rows.append(("condition", name, "", more, more_acts))
    return rows + _moments(sample, eur[sample.cell] + sample.has @ by_condition, paid_share)


def _moments(sample: Sample, background: NDArray, paid_share: NDArray) -> list[tuple]:
    """Return the rows from which the spread of the personal factor follows, over whole person-years."""
    of_insurance = background * paid_share
    whole = sample.years >= sample.years.max()
    spend = sample.eur[whole] / sample.years[whole] + of_insurance[whole]
    return [
        ("moment", "mean_spend", "", spend.mean(), 0.0),
        ("moment", "spend_variance", "", spend.var(), 0.0),
        ("moment", "background_mean", "", _mean(background, sample.years), sample.acts.sum() / sample.years.sum()),
        ("moment", "background_mean_square", "", (of_insurance[whole] ** 2).mean(), 0.0),
    ]


def _profile(parameters: Parameters, band: int, sex: str) -> float:
    last = f"-{BAND_STARTS[band + 1] - 1}" if band + 1 < len(BAND_STARTS) else "+"
    return parameters[f"background_profile[age={BAND_STARTS[band]}{last},{sex}]"]


def _mean(values: NDArray, weights: NDArray) -> float:
    return float((values * weights).sum() / weights.sum()) if weights.sum() > 0 else 1.0


def make(territory: str, scale: float, seeds: int, file: Path) -> None:
    """Run the baselines and write the table and, beside it, how it was made."""
    samples = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        model = TerritoryModel(
            territory, rng=seed, scale=scale, start=PRICE_YEAR_START, days=YEAR_DAYS, warm_up_days=WARM_UP_DAYS,
            follow_up_days=0, background_factor=0.0,
        )  # fmt: skip
        model.run_to_end()
        samples.append(sample_of(model))
        print(f"seed {seed}: {samples[-1].eur.sum() / samples[-1].years.sum():.1f} EUR a person simulated")
    setting = model.setting
    names = [condition.name for condition in setting.conditions]
    rows = background_table(joined(samples), names, setting.parameters)
    lines = [",".join(COLUMNS), *(",".join([str(c) for c in row[:3]] + [f"{c:.6g}" for c in row[3:]]) for row in rows)]
    write_text(file, "\n".join(lines) + "\n")
    facts = (
        f"Made by `python -m calibration.background --territory {territory} --scale {scale:g} --seeds {seeds}` from "
        f"{sum(s.years.sum() for s in samples):.0f} person-years of the baseline at prices of {PRICE_YEAR_START[:4]}, "
        f"seeds {FIRST_SEED} to {FIRST_SEED + seeds - 1}; parameters {setting.parameters.digest[:16]}.\n"
    )
    write_text(file.with_suffix(".md"), facts)
    print(f"{file}\n{facts}", end="")


def main() -> None:
    """Read the options and make the table."""
    parser = argparse.ArgumentParser(prog="python -m calibration.background", description=__doc__.split("\n")[0])
    parser.add_argument("--territory", default="saverne")
    parser.add_argument("--scale", type=float, default=0.25, help="share of the people simulated")
    parser.add_argument("--seeds", type=int, default=4, help="number of independent populations")
    parser.add_argument("-o", "--output", type=Path, default=FILE)
    options = parser.parse_args()
    make(options.territory, options.scale, options.seeds, options.output)


if __name__ == "__main__":
    main()
