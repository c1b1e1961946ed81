"""What does a comparison run? The scenarios asked for, and the variants of them that its tables need.

Owns the plan: scenarios read and checked, every subset of their policies (attribution), arms without effect, money that
stops half-way, doctors as yardstick, no harm by delay and the highest. Runs nothing: that is `experiments.comparing`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from abm.errors import InputError
from abm.parameters import load_parameters
from abm.policies import policies
from abm.scenario import Scenario, load_scenario
from experiments.batch import RunSpec, make_specs
from experiments.uncertain_draws import DELAY_ROWS, drawn_parameters

MOST_PARTS = 5  # policies in one scenario that can be told apart: 2^5 scenarios
DELAY_LEVELS = ("none", "high")
#: By policy, what says that it is run and paid for and does nothing.
WITHOUT_EFFECT = {"network": "network_without_effect", "education": "education_without_effect"}
#: What says how a policy acts, and has no place in its arm without effect.
HOW_IT_ACTS = frozenset({"network_priority", "network_effect", "education_effect"})
NETWORK, NETWORK_END, EDUCATION = "network", "network_end", "education"
YARDSTICK, YARDSTICK_LEVER = "more_gps", "gp_recruited"
MOST_BASE_YEARS = 3
CHECKED_SCALE = 0.05  # of the worlds that are built only to see that they can be


@dataclass(frozen=True)
class Plan:
    """What is to be compared, every input checked.

    Attributes
    ----------
    scenarios : all that are run, by name: the reference, the policies, then variants.
    policies : names of what is compared with the reference.
    variants : name to what it is a variant of and how: {"of", "levers"}, {"of", "delay"}, {"of", "null"} (run and paid
        for without any effect), {"of", "ended"} (the date on which the money stops) or {"of", "yardstick"}.
    """

    scenarios: dict[str, Scenario]
    reference: str
    policies: tuple[str, ...]
    territory: str
    seed: int
    is_uncertain: bool = False
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    posterior: str | None = None

    def specs(self, replications: int) -> list[RunSpec]:
        """Return the runs of so many replications, seed by seed."""
        seeds = range(self.seed, self.seed + replications)
        cases = list(self.scenarios.values())
        fixed = {name for scenario in cases for name in scenario.parameters}
        runs: list[RunSpec] = []
        for seed in seeds:
            drawn = drawn_parameters(seed) if self.is_uncertain else {}
            drawn = {name: value for name, value in drawn.items() if name not in fixed} | self.fitted(seed)
            changes = [{"parameters": drawn}] if drawn else [{}]
            runs += make_specs(cases, [seed], changes, territory=self.territory)
        return runs

    def fitted(self, seed: int) -> dict[str, float]:
        """Return the combination of the posterior sample that all scenarios have under a seed; none without one."""
        if self.posterior is None:
            return {}
        from experiments.posteriors import kept_posterior

        return kept_posterior(self.posterior).draw(seed)


def warm_up_of(source: str | Path | Scenario, years: int, overrides: Mapping[str, Any]) -> int:
    """Return the days of so many years before the start of a scenario.

    Raises
    ------
    InputError
        Not from 1 to 3 years.
    """
    if not 1 <= years <= MOST_BASE_YEARS:
        raise InputError(f"'base_years': found {years}, expected a whole number from 1 to {MOST_BASE_YEARS}")
    start = load_scenario(source, **overrides).start
    return (start - _on_that_day(start, start.year - years)).days


def _on_that_day(date: dt.date, year: int) -> dt.date:
    """Return the same day of another year, 28 February for a 29th."""
    return date.replace(year=year, day=28 if (date.month, date.day) == (2, 29) else date.day)


def make_plan(
    scenarios: Sequence[str | Path | Scenario],
    reference: str,
    territory: str,
    seed: int = 1,
    *,
    is_uncertain: bool = False,
    has_attribution: bool = False,
    has_delay: bool = False,
    has_null: bool = False,
    has_ending: bool = False,
    has_yardstick: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Plan:
    """Read and check every scenario, and add the variants asked for, see `compare`.

    Raises
    ------
    InputError
        Unknown scenario, two with one name, other dates than the reference's, more policies than can be told apart.
    """
    chosen: dict[str, Scenario] = {}
    for source in scenarios:
        found = load_scenario(source, **(overrides or {}))
        if found.name in chosen:
            raise InputError(f"two scenarios are named '{found.name}'")
        chosen[found.name] = found
    if reference not in chosen:
        found = load_scenario(reference, **(overrides or {}))
        reference = found.name
        chosen = {reference: found} | chosen
    names = tuple(name for name in chosen if name != reference)
    if not names:
        raise InputError(f"nothing to compare with '{reference}': name another scenario")
    for name in names:
        refuse_other_course(chosen[name], chosen[reference])
    plan = Plan(chosen, reference, names, territory, seed, is_uncertain)
    wanted = (
        (has_attribution, _with_subsets),
        (has_null, _with_nulls),
        (has_ending, _with_endings),
        (has_yardstick, _with_yardstick),
        (has_delay, _with_delays),
    )
    for is_wanted, add in wanted:
        plan = add(plan) if is_wanted else plan
    return plan


def refuse_what_the_world_refuses(plan: Plan) -> None:
    """Build the world of every scenario once: what cannot be run is said before the first day of any.

    Raises
    ------
    InputError
        A territory that is none; a policy that does not fit it or the horizon, two that contradict each other.
    """
    from abm.model import TerritoryModel
    from experiments.running import find_territory

    pack = find_territory(plan.territory)
    for name in (plan.reference, *plan.policies):
        scenario = plan.scenarios[name]
        parts = parts_of(scenario)
        if not parts:
            continue
        scale = scenario.scale if EDUCATION in parts else min(scenario.scale, CHECKED_SCALE)  # places are by people
        try:
            TerritoryModel(pack, load_scenario(scenario, scale=scale), rng=plan.seed)
        except InputError as error:
            raise InputError(f"scenario '{name}': {error.message}", file=error.file, line=error.line) from None


def refuse_other_course(scenario: Scenario, reference: Scenario) -> None:
    """Refuse a scenario that does not run over the same days and people as the reference.

    Raises
    ------
    InputError
    """
    for key in ("start", "days", "warm_up_days", "follow_up_days", "scale", "population_seed", "demography"):
        mine, other = getattr(scenario, key), getattr(reference, key)
        if mine != other:
            raise InputError(
                f"scenario '{scenario.name}' has '{key}' {mine}, the reference '{reference.name}' has {other}: "
                "differences would not be the policy's"
            )


def with_posterior(plan: Plan, posterior: str | Path | None) -> Plan:
    """Return the plan under a posterior sample, if one is given.

    Raises
    ------
    InputError
        It cannot be used, or a policy changes what was fitted.
    """
    if posterior is None:
        return plan
    from experiments.posteriors import find_posterior, load_posterior

    sample, base = load_posterior(posterior), plan.scenarios[plan.reference].parameters
    for name, scenario in plan.scenarios.items():
        for fitted in sample.names:
            if scenario.parameters.get(fitted) != base.get(fitted):
                raise InputError(f"scenario '{name}' sets '{fitted}', which the posterior sample sets as well")
    return replace(plan, posterior=str(find_posterior(posterior)))


def parts_of(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Return the policies of a scenario: name of the intervention to its levers away from their neutral value."""
    owner = {lever.name: policy.name for policy in policies() for lever in policy.levers}
    parts: dict[str, dict[str, Any]] = {}
    neutral = type(scenario.levers)()
    for name, value in scenario.levers.model_dump().items():
        if value != getattr(neutral, name):
            parts.setdefault(owner.get(name, name.partition("_")[0]), {})[name] = value
    return parts


def _with_subsets(plan: Plan) -> Plan:
    """Add every subset of the policies of each scenario that has several, unless a scenario already is that subset."""
    for name in plan.policies:
        parts = parts_of(plan.scenarios[name])
        if len(parts) > MOST_PARTS:
            raise InputError(f"'{name}' has {len(parts)} policies, at most {MOST_PARTS} can be told apart")
        for size in range(1, len(parts)):
            for some in combinations(sorted(parts), size):
                wanted = {key: value for part in some for key, value in parts[part].items()}
                plan = _with_variant(plan, name, "-".join(some), wanted, {"levers": wanted})
    return plan


def _with_variant(plan: Plan, of: str, suffix: str, levers: Mapping[str, Any], what: Mapping[str, Any]) -> Plan:
    """Add a scenario that differs from another one in its levers, unless a scenario already has just these."""
    if any(_levers(other) == dict(levers) for other in plan.scenarios.values()):
        return plan
    label = f"{of}.{suffix}"[:100]
    base = plan.scenarios[of]
    found = load_scenario(base, name=label, levers=type(base.levers)().model_dump() | dict(levers))
    return replace(
        plan, scenarios=plan.scenarios | {label: found}, variants=plan.variants | {label: {"of": of} | dict(what)}
    )


def null_levers(scenario: Scenario) -> dict[str, Any]:
    """Return the levers under which a scenario is run and paid for and does nothing; none where that cannot be said."""
    parts = {name: levers for name, levers in parts_of(scenario).items() if name in WITHOUT_EFFECT}
    wanted = {WITHOUT_EFFECT[name]: 1 for name in parts}
    return {key: value for levers in parts.values() for key, value in levers.items() if key not in HOW_IT_ACTS} | wanted


def _with_nulls(plan: Plan) -> Plan:
    for name in plan.policies:
        levers = null_levers(plan.scenarios[name])
        plan = _with_variant(plan, name, "null", levers, {"null": True}) if levers else plan
    return plan


def ended_levers(scenario: Scenario) -> dict[str, Any]:
    """Return the levers of a scenario with a network whose money stops half-way; none without a network."""
    levers = _levers(scenario)
    half = _next_first(scenario.start + dt.timedelta(days=scenario.days // 2))
    is_stopped_earlier = bool(levers.get(NETWORK_END)) and levers[NETWORK_END] <= half.isoformat()
    is_null = bool(levers.get(WITHOUT_EFFECT[NETWORK]))
    if (
        NETWORK not in parts_of(scenario)
        or is_null
        or is_stopped_earlier
        or levers.get("network_start", "") >= half.isoformat()
    ):
        return {}
    return levers | {NETWORK_END: half.isoformat()}


def _next_first(date: dt.date) -> dt.date:
    """Return the first of a month on or after a date: the network decides then."""
    return date if date.day == 1 else (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def _with_endings(plan: Plan) -> Plan:
    for name in plan.policies:
        levers = ended_levers(plan.scenarios[name])
        if levers:
            plan = _with_variant(plan, name, "ended", levers, {"ended": levers[NETWORK_END]})
    return plan


def _with_yardstick(plan: Plan) -> Plan:
    """Add the recruitment of general practitioners, unless a policy is just that."""
    if any(set(_levers(plan.scenarios[name])) == {YARDSTICK_LEVER} for name in plan.policies):
        return plan
    levers = _levers(load_scenario(YARDSTICK))
    return _with_variant(plan, plan.reference, YARDSTICK, levers, {"yardstick": True})


def _levers(scenario: Scenario) -> dict[str, Any]:
    return {key: value for part in parts_of(scenario).values() for key, value in part.items()}


def _with_delays(plan: Plan) -> Plan:
    """Add reference and policies without harm by delay, and with the highest that the registry allows."""
    registry, scenarios, variants = load_parameters(), dict(plan.scenarios), dict(plan.variants)
    highest = {row.name: row.high for row in registry.rows if row.high is not None and row.name.startswith(DELAY_ROWS)}
    for name in (plan.reference, *plan.policies):
        for level in DELAY_LEVELS:
            label = f"{name}.delay_{level}"
            changes: dict[str, Any] = {"delay_affects_health": False} if level == "none" else {"parameters": highest}
            scenarios[label] = load_scenario(plan.scenarios[name], name=label, **changes)
            variants[label] = {"of": name, "delay": level}
    return replace(plan, scenarios=scenarios, variants=variants)
