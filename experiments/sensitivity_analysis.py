"""Which factors does an indicator depend on? Screening by Morris and Sobol' indices, with intervals that hold chance.

Owns the estimators' use and their intervals. Points are chosen by `experiments.designs` with SALib's samplers, runs are
made by `experiments.batch`; the estimators of Sobol' indices are SALib's, resampled here, because a simulation has
chance in it that SALib does not know of:

- *common seeds* (the default): every point is run with the same seeds, and the indicator is averaged over them. Two
  points then differ by what the factors do, not by luck; what is left of luck is which seeds were taken, so the
  intervals resample points and seeds together.
- *own seeds*: every point has seeds of its own. Their luck adds to the variance between points and to the total
  indices; it is estimated within the points, taken out, and told.

Formulas: Saltelli et al. 2010 (first and total order, doi:10.1016/j.cpc.2009.09.018), Saltelli 2002 (second order,
doi:10.1016/S0010-4655(02)00280-1), Morris 1991 and Campolongo et al. 2007 (μ*, doi:10.1016/j.envsoft.2006.10.004).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abm.errors import InputError, nearest
from experiments.designs import Part, SweepDesign
from experiments.store import write_csv, write_json

METHODS = ("morris", "sobol")
RESAMPLES = 1000
CONFIDENCE = 0.95
NOISE_TOLD = 0.05  # share of the variance between points that is chance, from which on it is told
NEGLIGIBLE = 0.05  # of the largest index: factors below are not ranked among themselves
OUTER_SHARE = 0.2  # of a factor's distribution at either end, for the tornado
COLUMNS = ("indicator", "index", "factor", "with", "value", "low", "high")
RANKED_BY = {"sobol": "ST", "morris": "mu_star"}

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Estimate = dict[tuple[str, str, str], float]  # (index, factor, with) to value
Estimator = Callable[[Array, Rows], Estimate]  # from outputs (samples, points of each) and which samples to take


@dataclass(frozen=True)
class Sensitivity:
    """Indices of some indicators.

    Attributes
    ----------
    method : "sobol" or "morris".
    indices : indicator, index, factor, with, value, low, high (95 % interval). Sobol': S1 first, ST total, S2 second
        order (of `factor` and `with`), shares of the variance. Morris: mu_star (mean size), mu (mean), sigma (spread)
        of the change of the indicator over the whole range of the factor, in its unit. Factors are groups where the
        design has groups.
    tornado : indicator, factor, low, high: the indicator where the factor is in its lowest fifth, and in its highest,
        all else being equal (a straight line); middle: the mean.
    noise : indicator, share of the variance between points that is chance of the runs (NaN with one seed), points used.
    notes : what must be known with the indices, in words.
    """

    method: str
    indices: pd.DataFrame
    tornado: pd.DataFrame
    noise: pd.DataFrame
    notes: list[str]

    @property
    def ranked_by(self) -> str:
        """Index that factors are ordered by."""
        return RANKED_BY[self.method]


def sensitivity(
    method: str,
    design: str | Path | Mapping[str, Any],
    output: str | Path | None = None,
    *,
    indicators: Sequence[str] = (),
    workers: int | None = None,
    cluster: str | None = None,
) -> Sensitivity:
    """Make the runs that are missing and return the indices.

    Parameters
    ----------
    method : "morris" or "sobol".
    design : a design file or its content; its factors have ranges.
    output : folder of the runs, by default `outputs/<design>-<method>`.
    indicators : ids or patterns; by default the design's, else the headline indicators.

    Raises
    ------
    InputError
        Whatever cannot be used.
    """
    from dataclasses import replace

    from experiments.sweeping import carry_out, choose_folder, prepare

    if method not in METHODS:
        raise InputError(f"found '{method}', expected one of: {', '.join(METHODS)}")
    prepared = prepare(design, method)
    assert prepared.design is not None
    named = replace(prepared, name=f"{prepared.name}-{method}")
    asked = tuple(indicators) or prepared.design.indicators
    chosen_indicators(None, asked)
    folder = choose_folder(named, None if output is None else Path(output))
    table = carry_out(named, folder, workers=workers, cluster=cluster)
    found = analyse(prepared.design, table, asked)
    save(found, folder)
    return found


def chosen_indicators(known: Sequence[str] | None, asked: Sequence[str]) -> list[str]:
    """Return the indicators asked for by id or pattern; the headline when none is.

    Parameters
    ----------
    known : all there are; None: those of this code.

    Raises
    ------
    InputError
        A pattern that fits none.
    """
    if known is None:
        if not asked:
            return []
        from experiments.batch import _indicators

        known = _indicators()
    if not asked:
        from abm.indicators import HEADLINE

        return [name for name in HEADLINE if name in known]
    found: dict[str, None] = {}
    for pattern in asked:
        fitting = [name for name in known if name == pattern or fnmatchcase(name, pattern)]
        if not fitting:
            raise InputError(f"no indicator '{pattern}'.{nearest(pattern, known)}")
        found |= dict.fromkeys(fitting)
    return list(found)


def analyse(design: SweepDesign, table: pd.DataFrame, indicators: Sequence[str] = ()) -> Sensitivity:
    """Return the indices of indicators from the table of a design's batch.

    Parameters
    ----------
    table : as `experiments.batch.load` gives it, in the order of the design.
    indicators : ids or patterns, by default the headline.

    Raises
    ------
    InputError
        Unknown indicator, or too few runs are done.
    """
    from experiments.table import DONE, SET

    n_seeds = len(design.seeds)
    known = [name for name in table.columns[6:] if not name.startswith(SET)]
    is_done = (table["status"] == DONE).to_numpy()
    parts = []
    for name in chosen_indicators(known, indicators):
        values = np.where(is_done, table[name].to_numpy(np.float64), np.nan).reshape(-1, n_seeds)
        parts.append(indices_of(design.main, values, name, has_common_seeds=design.has_common_seeds))
    return Sensitivity(
        design.method,
        pd.concat([part.indices for part in parts], ignore_index=True),
        pd.concat([part.tornado for part in parts], ignore_index=True),
        pd.concat([part.noise for part in parts], ignore_index=True),
        [note for part in parts for note in part.notes],
    )


def indices_of(
    part: Part, values: Array, indicator: str = "", *, has_common_seeds: bool = True, resamples: int = RESAMPLES
) -> Sensitivity:
    """Return the indices of one output.

    Parameters
    ----------
    part : the design's points.
    values : of the output, shape (points, seeds), in the order of the points; NaN where a run failed.
    has_common_seeds : the seeds are the same at every point.

    Raises
    ------
    InputError
        Fewer than two samples or trajectories are complete.
    """
    blocks = values.reshape(part.size, -1, values.shape[1])  # samples or trajectories, points, seeds
    is_whole = ~np.isnan(blocks).any(axis=(1, 2))
    notes = [f"{indicator}: {part.size - is_whole.sum()} of {part.size} samples left out, runs of theirs have no value"]
    notes = notes if not is_whole.all() else []
    if is_whole.sum() < 2:
        raise InputError(f"'{indicator}': {is_whole.sum()} of {part.size} samples are complete, at least 2 expected")
    blocks = blocks[is_whole]
    shares = part.shares.reshape(part.size, -1, len(part.factors))[is_whole]
    noise = noise_share(blocks.reshape(-1, blocks.shape[2]), has_common_seeds=has_common_seeds)
    luck = 0.0 if has_common_seeds or np.isnan(noise) else noise
    estimate = _sobol_estimator(part, luck) if part.method == "sobol" else _morris_estimator(part, shares)
    point = estimate(blocks.mean(axis=2), np.arange(len(blocks)))
    drawn = _resample(blocks, estimate, resamples, has_common_seeds)
    rows = [(indicator, *key, value, *_interval([one[key] for one in drawn])) for key, value in point.items()]
    notes += _notes(part, indicator, point, drawn, noise, blocks, has_common_seeds)
    told = {"indicator": [indicator], "noise_share": [noise], "points": [int(is_whole.sum()) * blocks.shape[1]]}
    return Sensitivity(
        part.method,
        pd.DataFrame(rows, columns=list(COLUMNS)),
        _tornado(part, shares, blocks, indicator),
        pd.DataFrame(told),
        notes,
    )


def noise_share(values: Array, *, has_common_seeds: bool) -> float:
    """Return which share of the variance between points, averaged over seeds, is chance of the runs; NaN with one seed.

    Parameters
    ----------
    values : shape (points, seeds). With common seeds, what a seed does alike at all points is no such chance.
    """
    n_points, n_seeds = values.shape
    if n_seeds < 2 or n_points < 2:
        return float("nan")
    left = values - values.mean(axis=1, keepdims=True)
    freedom = n_points * (n_seeds - 1)
    if has_common_seeds:
        left = left - left.mean(axis=0, keepdims=True)
        freedom = (n_points - 1) * (n_seeds - 1)
    between = values.mean(axis=1).var()
    return float(min((left**2).sum() / freedom / n_seeds / between, 1.0)) if between > 0 else float("nan")


# ------------------------------------------------------------------------------------------------------------ estimates


def _sobol_estimator(part: Part, noise: float) -> Estimator:
    names, second_order = part.groups, part.second_order
    return lambda outputs, rows: sobol_indices(outputs[rows], names, second_order, noise)


def sobol_indices(outputs: Array, names: Sequence[str], second_order: bool, noise: float = 0.0) -> Estimate:
    """Return first, total and second order indices.

    Parameters
    ----------
    outputs : shape (samples, 2 × factors + 2), or (samples, factors + 2) without second order: at A, at A with each
        factor of B, at B with each factor of A, at B (SALib's order).
    noise : share of the variance that is chance, independent between points; taken out.

    Notes
    -----
    NaN when the output does not vary.
    """
    from SALib.analyze.sobol import first_order, total_order
    from SALib.analyze.sobol import second_order as second

    n, spread = len(names), outputs.std()
    if spread == 0:
        return {(index, name, ""): float("nan") for index in ("S1", "ST") for name in names}
    scaled = (outputs - outputs.mean()) / spread
    at_a, at_b, a_with_b = scaled[:, 0], scaled[:, -1], scaled[:, 1 : n + 1]
    found: Estimate = {}
    for number, name in enumerate(names):
        found["S1", name, ""] = float(first_order(at_a, a_with_b[:, number], at_b)) / (1.0 - noise)
    for number, name in enumerate(names):
        total = float(total_order(at_a, a_with_b[:, number], at_b))
        found["ST", name, ""] = (total - noise) / (1.0 - noise)
    if second_order:
        b_with_a = scaled[:, n + 1 : 2 * n + 1]
        for one in range(n):
            for two in range(one + 1, n):
                pair = second(at_a, a_with_b[:, one], a_with_b[:, two], b_with_a[:, one], at_b)
                found["S2", names[one], names[two]] = float(pair) / (1.0 - noise)
    return found


def _morris_estimator(part: Part, shares: Array) -> Estimator:
    """Return the function from outputs to mu_star, mu and sigma; the last two mean nothing for groups.

    Parameters
    ----------
    shares : shape (trajectories, points, factors).
    """
    names = part.groups
    members: Rows = np.array([names.index(factor.group or factor.name) for factor in part.factors])
    is_group = np.bincount(members, minlength=len(names)) > 1
    steps = np.diff(shares, axis=1)
    largest = np.abs(steps).argmax(axis=2)[..., None]
    moved = members[largest[..., 0]]  # which group moved, shape (trajectories, points - 1)
    direction = np.sign(np.take_along_axis(steps, largest, axis=2)[..., 0])
    size = part.levels / (2.0 * (part.levels - 1.0))  # of a step, of the whole range

    def estimate(outputs: Array, rows: Rows) -> Estimate:
        effects = np.empty((len(outputs), len(names)))
        np.put_along_axis(effects, moved, np.diff(outputs, axis=1) * direction / size, axis=1)
        effects = effects[rows]
        found: Estimate = {("mu_star", name, ""): float(np.abs(effects[:, n]).mean()) for n, name in enumerate(names)}
        for n, name in enumerate(names):
            found["mu", name, ""] = float("nan") if is_group[n] else float(effects[:, n].mean())
            found["sigma", name, ""] = float("nan") if is_group[n] else float(effects[:, n].std(ddof=1))
        return found

    return estimate


def _resample(blocks: Array, estimate: Estimator, resamples: int, has_common_seeds: bool) -> list[Estimate]:
    """Return the indices of samples (or trajectories) drawn again with replacement, and of common seeds drawn again."""
    generator = np.random.default_rng(1)
    n_blocks, _, n_seeds = blocks.shape
    mean, found = blocks.mean(axis=2), []
    for _ in range(resamples):
        rows = np.asarray(generator.integers(n_blocks, size=n_blocks))
        if has_common_seeds and n_seeds > 1:
            mean = blocks[:, :, generator.integers(n_seeds, size=n_seeds)].mean(axis=2)
        found.append(estimate(mean, rows))
    return found


def _interval(drawn: Sequence[float]) -> tuple[float, float]:
    """Return the limits between which 95 % of the values lie."""
    if np.isnan(drawn).all():
        return float("nan"), float("nan")
    tail = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.nanpercentile(drawn, [tail, 100.0 - tail])
    return float(low), float(high)


# ------------------------------------------------------------------------------------------------------ what it means


def _notes(
    part: Part,
    indicator: str,
    point: Estimate,
    drawn: Sequence[Estimate],
    noise: float,
    blocks: Array,
    has_common_seeds: bool,
) -> list[str]:
    """Return in words what must be known before the indices are used."""
    if blocks.mean(axis=2).std() == 0:
        return [f"{indicator}: does not vary over this design; it has no indices"]
    notes = []
    if blocks.shape[2] == 1:
        notes.append(f"{indicator}: one seed a point, so chance cannot be told from effects; set seeds: 4 or more")
    elif noise >= NOISE_TOLD:
        what = "is chance that seeds would average out" if has_common_seeds else "is chance of the runs, taken out here"
        notes.append(f"{indicator}: {noise:.0%} of the variance between points {what}; more seeds, steadier indices")
    contradicted = _contradicted(part, point, drawn)
    if contradicted:
        which = ", ".join(contradicted)
        notes.append(f"{indicator}: S1 above ST for {which}, which cannot be: too few samples for S1; go by ST")
    unsure = _unsure(part, point, drawn)
    if unsure:
        pairs = "; ".join(f"{one} above {two}" for one, two in unsure)
        notes.append(f"{indicator}: intervals too wide to rank {pairs}; more samples or seeds would tell")
    return notes


def _unsure(part: Part, point: Estimate, drawn: Sequence[Estimate]) -> list[tuple[str, str]]:
    """Return the neighbours in the ranking whose order the resampled indices do not agree on."""
    index = RANKED_BY[part.method]
    order = sorted(part.groups, key=lambda name: -point[index, name, ""])
    top = point[index, order[0], ""]
    pairs = []
    for one, two in zip(order, order[1:], strict=False):
        low, _ = _interval([each[index, one, ""] - each[index, two, ""] for each in drawn])
        if low <= 0 and point[index, one, ""] > NEGLIGIBLE * top:
            pairs.append((one, two))
    return pairs


def _contradicted(part: Part, point: Estimate, drawn: Sequence[Estimate]) -> list[str]:
    """Return the groups whose first order index lies above their total one, beyond the intervals of both."""
    if part.method != "sobol":
        return []
    found = []
    for name in part.groups:
        if point["S1", name, ""] > NEGLIGIBLE:
            low, _ = _interval([each["S1", name, ""] for each in drawn])
            _, high = _interval([each["ST", name, ""] for each in drawn])
            found += [name] if low > high else []
    return found


def _tornado(part: Part, shares: Array, blocks: Array, indicator: str) -> pd.DataFrame:
    """Return what the indicator is where each factor is small and where it is large, all else being equal.

    From pairs of points between which one group alone moves: a straight line through what the indicator changes by,
    told over the middle of the lowest and of the highest fifth. To compare points where a factor happens to be small
    with those where it is large would mix in the others: such designs repeat few values of each factor many times.
    """
    outputs = blocks.mean(axis=2)
    before, after = _steps_of(part, outputs.shape[1])
    moves, changes = shares[:, after] - shares[:, before], outputs[:, after] - outputs[:, before]
    middle, half = float(outputs[:, _independent_points(part, outputs.shape[1])].mean()), 0.5 - OUTER_SHARE / 2.0
    names = np.array([factor.group or factor.name for factor in part.factors])
    rows = []
    for group in part.groups:
        members = np.flatnonzero(names == group)
        has_moved = np.abs(moves[:, :, members]).max(axis=2) > 0
        slopes, *_ = np.linalg.lstsq(moves[has_moved][:, members], changes[has_moved], rcond=None)
        for member, slope in zip(members, slopes, strict=True):
            change = half * float(slope)
            rows.append((indicator, part.factors[member].name, middle - change, middle, middle + change))
    return pd.DataFrame(rows, columns=["indicator", "factor", "low", "middle", "high"])


def _steps_of(part: Part, n_points: int) -> tuple[Rows, Rows]:
    """Return pairs of points of a sample or trajectory between which one group alone moves: before, after."""
    if part.method == "morris":
        return np.arange(n_points - 1), np.arange(1, n_points)
    n = len(part.groups)
    one_of_b, one_of_a = np.arange(1, n + 1), np.arange(n + 1, n_points - 1)  # A with one of B, B with one of A
    starts = np.concatenate([np.zeros(n, np.int64), np.full(len(one_of_a), n_points - 1)])
    return starts, np.concatenate([one_of_b, one_of_a])


def _independent_points(part: Part, n_points: int) -> list[int]:
    """Return the points of a sample or trajectory that are drawn, and not others with something exchanged."""
    return [0, n_points - 1] if part.method == "sobol" else list(range(n_points))


def save(found: Sensitivity, folder: Path, *, has_figures: bool = True) -> None:
    """Write indices, tornado and notes beside the batch, and the figures."""
    write_csv(folder / "indices.csv", found.indices)
    write_csv(folder / "tornado.csv", found.tornado)
    write_json(folder / "sensitivity.json", {"notes": found.notes, "noise": found.noise.to_dict("records")})
    if has_figures:
        from experiments.sweep_figures import draw_sensitivity

        draw_sensitivity(found, folder / "figures")
