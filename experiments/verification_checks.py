"""What is held against what: every check of the code against a closed form, one function a topic.

Owns the list of checks. Expected values are `experiments.closed_forms`, `experiments.slotted_practice` and published
tables; what is found comes from the model's own code. How far off is too far is `experiments.verifying`. Everything is
drawn from addressed streams or from generators seeded by `seed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments import closed_forms

QUANTITIES = ("mean_wait_days", "emergency_share", "utilisation")
ROUNDING = 1e-9
STEPS: list[tuple[float, float]] = [(10, 1.0), (15, 1 / 3), (20, 0.1)]
RARE = 1e-3  # of a value: how near it must be where luck is too rare to estimate an error from
REPLICATIONS = 24


@dataclass(frozen=True)
class Check:
    """One number beside what it must be.

    Attributes
    ----------
    error : standard error of what was found; None where no luck is in it.
    degrees : of freedom of the standard error; infinite where it is known beforehand.
    allowance : largest distance that is no fault: rounding, or what a limit leaves out, computed and not chosen.
    source : where the closed form is from.
    """

    topic: str
    name: str
    found: float
    expected: float
    error: float | None = None
    degrees: float = math.inf
    allowance: float = 0.0
    source: str = ""

    @property
    def z(self) -> float:
        """How many standard errors what was found is off, beyond the allowance; NaN where there is no luck."""
        if self.error is None:
            return math.nan
        off = self.found - self.expected
        beyond = math.copysign(max(0.0, abs(off) - self.allowance), off)
        return beyond / self.error if self.error > 0 else math.copysign(math.inf, beyond) if beyond else 0.0


@dataclass(frozen=True)
class Effort:
    """How much is simulated: `factor` multiplies replications or sizes; `seed` of every draw."""

    factor: int = 1
    seed: int = 0


def counted(topic: str, name: str, count: int, n: int, probability: float, source: str = "") -> Check:
    """Return the check of a share of n independent cases."""
    error = math.sqrt(probability * (1.0 - probability) / n)
    return Check(topic, name, count / n, probability, error, source=source)


def averaged(topic: str, name: str, values: Sequence[float] | NDArray, expected: float, source: str = "") -> Check:
    """Return the check of a mean over independent replications or draws, its error estimated from them."""
    sample = np.asarray(values, float)
    error = float(sample.std(ddof=1) / math.sqrt(sample.size))
    return Check(topic, name, float(sample.mean()), expected, error, sample.size - 1, source=source)


def largest(topic: str, name: str, deviation: float, allowance: float = ROUNDING, source: str = "") -> Check:
    """Return the check that a deviation is nothing but rounding."""
    return Check(topic, name, float(deviation), 0.0, allowance=allowance, source=source)


# --- agendas ------------------------------------------------------------------------------------------------------


def practices(effort: Effort) -> Iterator[Check]:
    """The booking code on practices that an exact Markov chain solves."""
    from experiments.slotted_practice import Practice, transient
    from experiments.verify import practice

    days, warm_up, replications = 1000, 200, REPLICATIONS * effort.factor
    for name, case in closed_forms.PRACTICES.items():
        found = practice(**case, days=days, warm_up=warm_up, replications=replications, seed=effort.seed)
        solved = transient(_chain(case, Practice), warm_up, days)
        for quantity in QUANTITIES:
            error = found[quantity]["se"] or 0.0
            expected = getattr(solved, quantity)
            allowance = RARE * max(abs(expected), RARE) if error == 0.0 else 0.0
            yield Check(
                "slotted practice", f"{name}: {quantity}", found[quantity]["mean"] or 0.0, expected,
                error, replications - 1, allowance, "exact Markov chain (finite list)",
            )  # fmt: skip


def _chain(case: dict[str, Any], kind: type) -> Any:
    return kind(case["patients"], case["daily_need"], case["slots"], case.get("horizon"))


def queues(effort: Effort) -> Iterator[Check]:
    """The limits of an agenda: M/D/c, M/M/1, and Little's law."""
    from experiments.slotted_practice import Practice, little_law_gap, stationary, transient
    from experiments.verify import practice

    source = "Crommelin 1932, Spitzer 1956"
    for servers, load, horizon in ((1, 0.8, 60), (5, 0.9, 40), (20, 0.9, 15)):
        arrivals = load * servers
        chains = (Practice(n, arrivals / n, servers, horizon) for n in (2000, 4000, 8000))
        few, more, many = (stationary(chain).mean_wait_days for chain in chains)
        # A list of n patients differs from the queue by a/n + b/n² + …: three lists tell the limit but for 1/n³.
        extrapolated, by_two = (8 * many - 6 * more + few) / 3, 2 * many - more
        yield Check("queues", f"M/D/{servers} at load {load:g}: limit of the exact chain, days",
                    extrapolated, closed_forms.wait_m_d_c(servers, arrivals),
                    allowance=abs(extrapolated - by_two) + ROUNDING, source=source)  # fmt: skip
    n, servers, load = 20_000, 5, 0.9
    case: dict[str, Any] = {"patients": n, "slots": servers, "daily_need": load * servers / n, "horizon": 60}
    replications = REPLICATIONS * effort.factor
    found = practice(**case, days=1500, warm_up=300, replications=replications, seed=effort.seed + 1)
    # What a list of 20,000 and a start with an empty book make of the limit, from the chain.
    solved = transient(Practice(n, load * servers / n, servers, 60), 300, 1500)
    limit = closed_forms.wait_m_d_c(servers, load * servers)
    yield Check("queues", f"M/D/{servers} at load {load:g}: wait by the booking code, days",
                found["mean_wait_days"]["mean"], limit, found["mean_wait_days"]["se"], replications - 1,
                abs(solved.mean_wait_days - limit), source)  # fmt: skip
    yield _memoryless(effort)
    gap = max(abs(little_law_gap(Practice(**_as_chain(case)))) for case in closed_forms.PRACTICES.values())
    yield largest("queues", "Little's law: largest gap in the chains, appointments", gap, source="Little 1961")
    yield from _little_in_the_code(effort)


def _as_chain(case: dict[str, Any]) -> dict[str, Any]:
    return {("horizon_days" if key == "horizon" else key): value for key, value in case.items()}


def _memoryless(effort: Effort) -> Check:
    """An agenda whose slots open at random, as services of M/M/1 end: a step of the queue is a day of the agenda."""
    from experiments.verify import Practice, wait_of_agenda

    n, arrivals, service, days, warm_up = 20_000, 0.05, 0.1, 20_000, 500
    case = Practice(n, 1, arrivals / n, days=days, warm_up=warm_up)
    waits: list[float] = []
    for replication in range(REPLICATIONS * effort.factor):
        rng = np.random.default_rng([effort.seed, replication])
        waits.append(wait_of_agenda(case, effort.seed, replication, rng.random(case.last_day + 2000) < service))
    expected = closed_forms.delay_m_m_1_in_steps(arrivals, service)
    name = "M/M/1 in steps (arrivals 0.05, service 0.1): wait, steps"
    check = averaged("queues", name, waits, expected, "second moments of the queue, Little 1961")
    # Those waiting do not ask again: arrivals fall by the mean queue over the list, and the wait with them.
    queue = expected * arrivals
    fewer = closed_forms.delay_m_m_1_in_steps(arrivals * (1.0 - queue / n), service)
    return replace(check, allowance=2 * abs(expected - fewer))


def _little_in_the_code(effort: Effort) -> Iterator[Check]:
    """Appointments given a day times their mean wait are those that stand in the book."""
    from experiments.slotted_practice import Practice, transient
    from experiments.verify import practice

    days, warm_up = 1500, 300
    products = []
    for replication in range(REPLICATIONS * effort.factor):
        found = practice(120, 5, 0.045, days=days, warm_up=warm_up, seed=1000 * effort.seed + 100 + replication)
        products.append(found["given"] / days * found["mean_wait_days"]["mean"])
    booked = transient(Practice(120, 0.045, 5, None), warm_up, days).booked_mean
    yield averaged(
        "queues", "Little's law in the booking code: appointments standing in the book", products, booked, "Little 1961"
    )


# --- beds ---------------------------------------------------------------------------------------------------------


def beds(effort: Effort) -> Iterator[Check]:
    """Wards: enough beds, one night each, few beds."""
    from abm.state import Kind
    from experiments.small_worlds import hospital_world, run

    emergency = int(Kind.EMERGENCY)
    n, rate, mean_nights, n_days, warm_up = 2000, 0.002, 6.0, 1000, 100
    world = hospital_world(
        n_people=n, nights=mean_nights, sigma=0.8, n_days=n_days + 60, needs_a_day={emergency: rate}, n_stays=90_000,
        seed=effort.seed,
    )  # fmt: skip
    evenings = np.zeros(n_days)

    def note(day: int) -> None:
        evenings[day] = world.occupied[0].sum()

    run(world, n_days, note)
    at_home = math.exp(-rate) / (1.0 - math.exp(-rate))
    batches = evenings[warm_up:].reshape(15, -1).mean(axis=1)
    yield averaged("beds", "beds in use with enough of them (M/G/infinity, finite list)", batches,
                   n * mean_nights / (mean_nights + at_home), "alternating renewals")  # fmt: skip
    yield _erlang(effort, emergency)


def _erlang(effort: Effort, emergency: int) -> Check:
    from experiments.small_worlds import hospital_world, run

    n, n_beds, mean_nights, n_days, first = 2000, 10, 60.0, 20_000, 500
    world = hospital_world(
        n_people=n, nights=mean_nights, sigma=0.7, beds=(n_beds, 0, 0), n_days=n_days + 100, n_stays=9000,
        needs_a_day={emergency: 0.2 / n}, seed=effort.seed,
    )  # fmt: skip
    stays = run(world, n_days)
    stays = stays[stays.admitted_on >= first]
    batch = (stays.admitted_on.astype(int) - first) * 39 // (n_days - first)
    lost = [stays.is_transfer[batch == number].mean() for number in range(39)]
    check = averaged("beds", "sent on for want of one of ten beds (Erlang B, M/G/c/c)", lost,
                     closed_forms.erlang_b(n_beds, 0.2 * mean_nights), "Erlang 1917")  # fmt: skip
    # A day's arrivals come together and stays are whole nights: the load of a bed moves by half a day in its stay.
    moved = closed_forms.erlang_b(n_beds, 0.2 * (mean_nights + 1.0)) - check.expected
    return replace(check, allowance=abs(moved))


# --- access -------------------------------------------------------------------------------------------------------


def access(effort: Effort) -> Iterator[Check]:
    """Catchments: nothing lost, limits, a case by hand, another program."""
    from abm.environment.access import apl, two_step_floating_catchment

    topic, source = "accessibility", "Luo and Wang 2003; Luo and Qi 2009"
    rng = np.random.default_rng(effort.seed)
    demand, supply = rng.uniform(1, 1000, 60), rng.uniform(0.1, 20, 25)
    minutes = np.round(rng.uniform(0, 40, (60, 25)), 1)
    found = two_step_floating_catchment(demand, supply, minutes, STEPS)
    in_reach = (minutes <= STEPS[-1][0]).any(axis=0)
    yield Check(topic, "supply shared out in full", float(demand @ found), float(supply[in_reach].sum()),
                allowance=ROUNDING * supply.sum(), source=source)  # fmt: skip
    everywhere = two_step_floating_catchment(demand, supply, minutes, 1000)
    overall = float(supply.sum() / demand.sum())
    yield largest(topic, "a catchment of everything is the overall ratio", np.abs(everywhere - overall).max())
    by_hand = two_step_floating_catchment([100, 60, 50, 9], [250], np.array([[10], [15], [20], [20.1]]), STEPS)
    yield largest(topic, "a case by hand, bounds included", np.abs(by_hand - [2.0, 2 / 3, 0.2, 0.0]).max())
    flat = apl(np.column_stack([demand * 0.25, demand * 0.75]), [3.0, 3.0], supply, minutes, STEPS)
    yield largest(topic, "APL of a flat use of care is the plain catchment", np.abs(flat - found).max())
    by_age = np.array([[100.0, 0.0], [0.0, 100.0]])
    aged = apl(by_age, [2, 6], [300, 300], [[0, 60], [60, 0]], STEPS)
    yield largest(topic, "APL by hand: an old place counts as more people", np.abs(aged - [6.0, 2.0]).max())
    other = _by_pysal(demand, supply, minutes)
    if other is not None:
        yield largest(topic, "the same by pysal's access", np.abs(found - other).max(), source="Saxon et al. 2022")


def _by_pysal(demand: NDArray, supply: NDArray, minutes: NDArray) -> NDArray | None:
    """Return the catchment measure by the package `access`, None where it is not installed."""
    try:
        from access.fca import two_stage_fca
        from access.weights import step_fn
    except ImportError:
        return None
    import warnings

    import pandas as pd

    n, m = minutes.shape
    trips = {"origin": np.repeat(np.arange(n), m), "dest": np.tile(np.arange(m), n), "cost": minutes.ravel()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = two_stage_fca(
            pd.DataFrame({"demand": demand}, index=pd.Index(range(n), name="geoid")).reset_index(),
            pd.DataFrame({"supply": supply}, index=pd.Index(range(m), name="geoid")),
            pd.DataFrame(trips),
            max_cost=STEPS[-1][0],
            weight_fn=step_fn(dict(STEPS)),
        )
    return found.reindex(range(n), fill_value=0.0).to_numpy()


def travel(effort: Effort) -> Iterator[Check]:
    """Travel times of the built-in territories: the same there and back, no detour shorter."""
    from abm.environment.territory import list_territories, load_territory
    from abm.environment.travel import travel_times
    from abm.parameters import load_parameters

    numbers = load_parameters()
    terminal = numbers["terminal_minutes"]
    for name in list_territories():
        territory = load_territory(name)
        times = travel_times(
            territory,
            terminal_minutes=terminal,
            own_commune_speed_kmh=numbers["own_commune_speed_kmh"],
            detour_factor=numbers["road_detour_factor"],
            road_speed_kmh=numbers["road_speed_kmh"],
        )
        minutes = times.minutes[:, : times.n_communes].copy()
        yield largest(
            "travel", f"{name}: there and back, largest difference, minutes", np.abs(minutes - minutes.T).max()
        )
        road = minutes - terminal
        np.fill_diagonal(road, 0.0)
        shortest = min(float((road[:, k, None] + road[None, k, :] - road).min()) for k in range(len(road)))
        yield largest("travel", f"{name}: largest gain by a detour, minutes", max(0.0, -shortest))


# --- disease ------------------------------------------------------------------------------------------------------


def diseases(effort: Effort) -> Iterator[Check]:
    """Clocks of disease that compete."""
    from abm.agents.health import DAYS_BETWEEN_LOOKS, begin_illness, look_after_health
    from abm.conditions import load_conditions
    from abm.handle import compiled
    from abm.state import Counter
    from experiments.small_worlds import YEAR, patients_only

    n = 20_000 * effort.factor
    shipped = next(condition for condition in load_conditions() if condition.name == "diabetes")
    rates = np.array([3.0, 2.0, 1.0])
    events = tuple(
        replace(event, name=str(i), rate_per_year=float(rate), control_ratio=1.0, deprivation_ratio=1.0,
                age_ratio_per_decade=1.0)
        for i, (event, rate) in enumerate(zip(shipped.events, rates, strict=False))
    )  # fmt: skip
    condition = replace(shipped, events=events, control=replace(shipped.control, sd=0.0), recovery_per_year=0.0)
    world = patients_only((condition,), n=n, delay=False, seed=effort.seed)
    handle = compiled(world)
    begin_illness(handle)
    world.patients.last_follow_up = -1
    causes: list[int] = []
    for day in range(DAYS_BETWEEN_LOOKS):
        look_after_health(handle, day)
        calls = int(world.counters[Counter.CALLS])
        causes += world.call_causes[:calls].tolist()
        world.counters[Counter.CALLS] = 0
    shares = closed_forms.competing_shares(rates / YEAR, DAYS_BETWEEN_LOOKS)
    place = np.array(causes) - int(world.conditions.first_cause[0])
    source = "first of competing exponentials"
    yield counted("disease clocks", "any of three events in 30 days", len(causes), n, float(shares.sum()), source)
    for number, share in enumerate(shares):
        count = int((place == number).sum())
        yield counted("disease clocks", f"event {number + 1}, {rates[number]:g} a year", count, n, float(share), source)


# --- money --------------------------------------------------------------------------------------------------------


def economics(effort: Effort) -> Iterator[Check]:
    """Published worked tables, an annuity, an acceptability curve."""
    from scipy.stats import norm

    from experiments.economics import DOMINATED, acceptability_curve, discount, icer_table

    topic = "economics"
    years = {name: months / 12 for name, months in closed_forms.HIV_QALM.items()}
    hiv = icer_table(closed_forms.HIV_COST, years).set_index("strategy")
    for name, ratio in closed_forms.HIV_ICER.items():
        yield Check(topic, f"screening for HIV, {name}: per QALY", float(hiv["icer_eur"][name]), ratio,
                    allowance=0.01, source="Paltiel 2006, as worked in dampack")  # fmt: skip
    yield largest(topic, "screening for HIV: annual is dominated", float(hiv["status"]["annual"] != DOMINATED))
    cost_aud, life_years = ({name: row[i] or 0.0 for name, row in closed_forms.COLON.items()} for i in (0, 1))
    colon = icer_table(cost_aud, life_years).set_index("strategy")
    for name, (_, _, published) in closed_forms.COLON.items():
        if published is not None:  # the table's own rounding moves a ratio by 0.2 % at most
            found = float(colon["icer_eur"][name])
            yield Check(topic, f"colorectal screening, {name}: per life year", found, published,
                        allowance=2e-3 * published, source="doi:10.1186/1743-8462-2-10")  # fmt: skip
    annuity = float(discount(np.ones(10), np.arange(1, 11), 0.04).sum())
    yield Check(topic, "present value of 10 years at 4 %", annuity, (1 - 1.04**-10) / 0.04, allowance=ROUNDING)
    n = 40_000 * effort.factor
    rng = np.random.default_rng([effort.seed, 5])
    cost, effect, nothing = rng.normal(1000, 400, n), rng.normal(0.05, 0.03, n), np.zeros(n)
    curve = acceptability_curve({"none": nothing, "new": cost}, {"none": nothing, "new": effect}, [20_000.0])
    best = float(curve.loc[curve["strategy"] == "new", "probability"].iloc[0])
    expected = float(norm.cdf((20_000 * 0.05 - 1000) / np.hypot(20_000 * 0.03, 400)))
    yield counted(topic, "acceptability of normal differences", round(best * n), n, expected, "normal distribution")
    yield from _contracts(effort)


def _contracts(effort: Effort) -> Iterator[Check]:
    from experiments.contracts import IpepContract, MarginContract, ipep_paid_eur, margin_paid_eur

    paid = margin_paid_eur(MarginContract(0.5, base_years=2), [1000, 1000], [930, 990], [500, 500], [495, 485])
    yield largest("contracts", "margin contract by hand", np.abs(paid - [25.0, 0.0]).max())
    ipep, error, groups = IpepContract(0.5, 1 / 3, 2 / 3), 7000.0 / math.sqrt(20_000), 40_000 * effort.factor
    by_hand = float(ipep_paid_eur(ipep, 100, 1000, 970, 980, 960))
    yield Check("contracts", "IPEP by hand, EUR", by_hand, 100 * 0.5 * (10 + 20 / 3), allowance=ROUNDING)
    before, now = np.random.default_rng([effort.seed, 3]).normal(2696, error, (2, groups))
    by_chance = 0.5 * error / math.sqrt(2 * math.pi) * (1 / 3 + 2 / 3 * math.sqrt(2))
    for_nothing = ipep_paid_eur(ipep, 1, 2696.0, now, 2696.0, before)
    source = "E max(0, N(0, s)) = s / sqrt(2 pi)"
    yield averaged("contracts", "IPEP without effect, EUR a patient", for_nothing, by_chance, source)


# --- inequality ---------------------------------------------------------------------------------------------------


def inequality(effort: Effort) -> Iterator[Check]:
    """Gini, concentration, slopes."""
    from abm.equity import concentration_index, gini, relative_index, slope_index

    topic, n = "inequality", 10_000
    for name, (quantile, index, missed) in closed_forms.GINI_QUANTILES.items():
        values = quantile((np.arange(n) + 0.5) / n)
        yield Check(topic, f"Gini of the {name} distribution", gini(values), index - missed(n),
                    allowance=missed(n) * n ** (-2 / 3) + 1e-13, source="Lorenz curve; Euler-Maclaurin")  # fmt: skip
    yield Check(topic, "Gini when one of ten has everything", gini([0.0] * 9 + [30.5]), 0.9, allowance=ROUNDING)
    rank = (np.arange(n) + 0.5) / n
    line = 2.0 + 3.0 * rank
    yield Check(topic, "slope of exactly linear values", slope_index(line, rank), 3.0, allowance=ROUNDING)
    yield Check(topic, "relative index of exactly exponential values",
                relative_index(np.exp(0.7 * rank), rank), math.exp(0.7), allowance=1e-6)  # fmt: skip
    expected = 2 * float(np.cov(line, rank, ddof=0)[0, 1]) / float(line.mean())
    yield Check(topic, "concentration is twice the covariance over the mean",
                concentration_index(line, rank), expected, allowance=ROUNDING)  # fmt: skip
    sample = np.random.default_rng([effort.seed, 20]).exponential(size=(64 * effort.factor, 5000))
    yield averaged(
        topic, "Gini of exponential samples", [gini(one) * 5000 / 4999 for one in sample], 0.5, "unbiased by n/(n-1)"
    )


# --- chance -------------------------------------------------------------------------------------------------------


def generator(effort: Effort) -> Iterator[Check]:
    """The random generator: published vectors, uniform draws, addresses that owe one another nothing."""
    from scipy import stats

    from abm.randomness import Stream, philox, seed_key, uniforms

    wrong = 0
    for counter, words_of_key, expected in closed_forms.PHILOX_VECTORS:
        words = philox(*(np.uint64(word) for word in (*counter, *words_of_key)))
        wrong += tuple(int(word) for word in words) != expected
    topic = "random generator"
    yield largest(topic, "Philox 4x32-7: words unlike the published vectors", wrong, source="Salmon et al. 2011")
    n = 1_000_000
    people = np.arange(n, dtype=np.int64)
    key = seed_key(effort.seed)
    draws = uniforms(key, Stream.TEST, people)
    yield _distribution(topic, "uniform draws: Kolmogorov-Smirnov", stats.kstest(draws, "uniform").pvalue)
    counts = np.bincount((draws * 1000).astype(int), minlength=1000)
    yield _distribution(
        topic, "a thousand cells: chi-square", stats.chi2.sf(((counts - n / 1000) ** 2 / (n / 1000)).sum(), 999)
    )
    neighbours = {
        "people": (draws[:-1], draws[1:]),
        "occurrences": (draws, uniforms(key, Stream.TEST, people, 0, 1)),
        "kinds": (draws, uniforms(key, Stream.TEST, people, 1, 0)),
        "seeds": (draws, uniforms(seed_key(effort.seed + 1), Stream.TEST, people)),
    }
    for name, (one, other) in neighbours.items():
        found = float(np.corrcoef(one, other)[0, 1])
        yield Check(topic, f"correlation of neighbouring {name}", found, 0.0, 1.0 / math.sqrt(one.size))


def _distribution(topic: str, name: str, p_value: float) -> Check:
    """Return the check of a p-value: the deviation of a normal number with so small a tail, 0 expected."""
    from scipy.stats import norm

    return Check(topic, name, max(0.0, float(norm.isf(p_value))), 0.0, 1.0, source="as a normal deviate")


def samplers(effort: Effort) -> Iterator[Check]:
    """What the model makes of uniform draws."""
    from scipy import stats

    from abm.agents.seeking import choose, longest_wait
    from abm.environment.outside_demand import count_at
    from abm.handle import compiled
    from abm.randomness import Stream, normals, seed_key, uniforms
    from experiments.small_worlds import small_world

    topic, n = "samplers", 20_000
    key, people = seed_key(effort.seed, 1), np.arange(n, dtype=np.int64)
    normal = normals(key, Stream.TEST, people)
    yield _distribution(topic, "normal: Kolmogorov-Smirnov", stats.kstest(normal, "norm").pvalue)
    for mean in (0.7, 60.0):
        levels = uniforms(key, Stream.TEST, people, 2, round(mean))
        counts = np.array([count_at(level, mean) for level in levels], float)
        yield Check(topic, f"Poisson of mean {mean:g}: mean", float(counts.mean()), mean, math.sqrt(mean / n))
        yield Check(topic, f"Poisson of mean {mean:g}: variance", float(counts.var()), mean,
                    math.sqrt((2.0 * mean**2 + mean) / n))  # fmt: skip
    world = small_world(n_people=n, seed=effort.seed)
    handle = compiled(world)
    utilities = np.array([3.8, -0.5, 0.5, 0.1, -2.0])
    world.offers.utility[: utilities.size] = utilities
    chosen = np.bincount([choose(handle, row, 0, utilities.size) for row in range(n)], minlength=utilities.size)
    shares = np.exp(utilities) / np.exp(utilities).sum()
    for offer in (0, 2, 4):
        yield counted(
            topic, f"multinomial logit: offer {offer + 1}", int(chosen[offer]), n, float(shares[offer]), "McFadden 1974"
        )
    world.kinds.tolerance_days, world.kinds.tolerance_sigma = 60.0, 0.7
    days = np.array([longest_wait(handle, person, 0, 3) for person in range(n)])
    law = stats.norm(math.log(60.0), 0.7)
    yield _distribution(topic, "lognormal patience: Kolmogorov-Smirnov", stats.kstest(np.log(days), law.cdf).pvalue)
    yield from _needs(effort)


def _needs(effort: Effort) -> Iterator[Check]:
    """With slots for all, a patient is idle but on the day of his need: needs of a day are Binomial(N, P)."""
    from experiments.verify import practice

    n, days, daily = 400, 2000, 0.2
    found = practice(n, n, daily, days=days, seed=effort.seed + 9)
    yield counted(
        "samplers", "needs have the exact daily probability", found["needs"], n * days, daily, "1 - exp(-P) is another"
    )


TOPICS: dict[str, Callable[[Effort], Iterator[Check]]] = {
    "generator": generator,
    "samplers": samplers,
    "practice": practices,
    "queues": queues,
    "beds": beds,
    "access": access,
    "travel": travel,
    "disease": diseases,
    "economics": economics,
    "inequality": inequality,
}
"""What `territoire verify` goes through, in this order."""
