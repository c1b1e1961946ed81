"""The care network: who is won for it, who enrols, how members are followed, and what that costs (ODD: network).

A Mesa agent that decides once a month from the day it begins (step 9). Professionals join by the work of its staff and
by contagion between colleagues, people by invitation at visits and by word of mouth: the agent form of the model of
Bass (1969). Owns `patients.is_enrolled` and `risk_profile`, and the network's own lists; acts on people through
`model.effects` only, so that no outcome is written, only rhythms and chances of care; or, where a scenario asks for
its direct effect, the hazards of death and of avoidable admissions instead of these. Draws from JOIN, LEAVE_NETWORK
(professionals: sub-addresses of their own), ENROL and INVITED.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, Any

import mesa
import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.special import expit

from abm.errors import InputError, nearest
from abm.payments.action_plan import PAYER_OF, ActionPlan, load_action_plan
from abm.payments.tariffs import CENTS_A_EURO
from abm.population import DAYS_A_YEAR
from abm.randomness import Stream, uniforms
from abm.records import finished_episodes
from abm.state import NEVER, NOBODY, Counter, Effect, NetworkFigure, Outcome, Payer, Status
from abm.supply import is_in_practice

if TYPE_CHECKING:
    from abm.model import TerritoryModel

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

MONTHS_A_YEAR = 12
LOW, RISING, HIGH = range(3)
PROFILES = ("low", "rising", "high")
NAME = "network"
# Sub-addresses of draws: of professionals (once, or by the month), of people.
WINNABLE, MONTHLY, PERSON = 0, 1, 2
MONTHS_OF_A_HOLDER = 10_000
# Addresses of professionals without an agenda, beyond those of all practices.
FIRST_ADDRESS, ADDRESSES_A_COMMUNE, ADDRESSES_A_PROFESSION = 1_000_000, 10_000, 1_000
FAR = 60.0  # bound of the intercept of enrolment, in log odds


@dataclass(frozen=True)
class NetworkPlan:
    """What a scenario asks of the care network.

    Attributes
    ----------
    adherence : share of the professionals who can be won, 0-1.
    start : first day; the network begins with the first decisions from it on.
    end : day from which on nobody runs it, None: when its money is spent.
    communes : in which it is open, shape (c,).
    conditions : bits of the diseases of those who may enrol; 0: everybody may.
    has_effect : False: run and paid for, but nothing is done for members.
    is_direct : hazards of death and avoidable admissions are scaled, and no care of members is changed.
    gives_priority : members may use the time that specialists keep for the urgent.
    is_selective : the regular and the healthy enrol more readily.
    action : what is spent, by whom and when.
    """

    adherence: float
    start: int
    end: int | None
    communes: Flags
    conditions: int
    has_effect: bool
    is_direct: bool
    gives_priority: bool
    is_selective: bool
    action: ActionPlan


def network_plan(
    model: TerritoryModel,
    *,
    adherence: float,
    start: str = "",
    end: str = "",
    communes: str = "",
    conditions: str = "",
    without_effect: int = 0,
    priority: int = 0,
    effect: str = "",
) -> NetworkPlan:
    """Return a checked plan.

    Parameters
    ----------
    start, end : dates as 2020-06-01; empty: the first day of the horizon, and when the money is spent.
    communes : names or INSEE codes, divided by commas; empty: all.
    conditions : names of diseases, divided by commas; empty: everybody may enrol.
    effect : "direct": on hazards; empty: on the care of members.

    Raises
    ------
    InputError
        A date that is none, a start outside the horizon, an end before the start, an unknown commune or disease, an
        action plan that spends more than its funders give.
    """
    setting = model.setting
    first, last = setting.first_reported_day, setting.end_of_horizon - 1
    begins = _day(model, "network_start", start) if start else first
    if not first <= begins <= last:
        dates = f"{setting.calendar.date(first)} to {setting.calendar.date(last)}, the horizon"
        raise InputError(f"'network_start': found {start}, expected a day from {dates}")
    ends = _day(model, "network_end", end) if end else None
    if ends is not None and ends <= begins:
        raise InputError(f"'network_end': found {end}, expected a day after {setting.calendar.date(begins)}, its start")
    names = [condition.name for condition in setting.conditions]
    bits = sum(1 << names.index(name) for name in _names("network_conditions", conditions, {n: n for n in names}))
    table = model.territory.communes
    insee = dict(zip(table["insee"].astype(str), table["insee"].astype(str), strict=True))
    known = dict(zip(table["name"].astype(str), insee, strict=True)) | insee
    wanted = _names("network_communes", communes, known)
    is_open = table["insee"].astype(str).isin(wanted).to_numpy() if wanted else np.ones(len(table), bool)
    return NetworkPlan(
        adherence=adherence,
        start=begins,
        end=ends,
        communes=is_open,
        conditions=bits,
        has_effect=not without_effect,
        is_direct=bool(effect),
        gives_priority=bool(priority),
        is_selective=model.policy.self_selection,
        action=load_action_plan(setting.parameters),
    )


def _day(model: TerritoryModel, lever: str, text: str) -> int:
    """Return the day index of a date."""
    try:
        return (dt.date.fromisoformat(text) - model.setting.calendar.date(0)).days
    except ValueError:
        raise InputError(f"'{lever}': found {text}, expected a date as 2020-06-01") from None


def _names(lever: str, text: str, known: dict[str, str]) -> set[str]:
    """Return what the names of a list stand for."""
    given = [name.strip() for name in text.split(",") if name.strip()]
    for name in given:
        if name not in known:
            raise InputError(f"'{lever}': found '{name}'.{nearest(name, known)}")
    return {known[name] for name in given}


class CareNetwork(mesa.Agent):
    """The care network of a territory: `model.network`.

    Attributes
    ----------
    plan : what was asked for.
    professionals : one row each: profession, place (commune row), address, provider (row, NOBODY without an agenda).
    is_member : is the professional in the network, shape (professionals,); practices and specialists come first, in
        the order of `providers`.
    is_winnable : can the campaign win him, shape (professionals,).
    was_eligible, was_reached : might the person enrol, was he invited or has he enrolled, ever, shape (n,).
    n_enrolments, n_withdrawals : so far.
    figures : see `abm.state.NetworkFigure`, shape (months, columns).
    """

    def __init__(self, model: TerritoryModel, plan: NetworkPlan) -> None:
        super().__init__(model)
        world = model.arrays
        self.plan = plan
        self.professionals = _roster(model)
        self.is_member = np.zeros(len(self.professionals), bool)
        self.is_winnable = np.zeros(len(self.professionals), bool)
        self.was_eligible = np.zeros(world.patients.size, bool)
        self.was_reached = np.zeros(world.patients.size, bool)
        self.n_enrolments = self.n_withdrawals = 0
        self.figures = np.zeros((int(world.month_of[-1]) + 1, len(NetworkFigure)), np.int64)
        self.began_on: int | None = None
        self.ended_on: int | None = None
        self._holder = world.providers.holder.copy()
        self._records_seen = 0
        self._ceiling = np.full(world.patients.size, np.nan)

    # --- time -----------------------------------------------------------------------------------------------------

    def live_a_month(self, today: int) -> None:
        """Do a month's work on the evening of a day of decisions; it holds from the next day on."""
        if today < self.plan.start:
            return
        if self.began_on is None:
            self._begin(today)
        is_run = self._is_run(today)
        if not is_run and self.ended_on is None:
            self.ended_on = today
        self._people_leave(today, is_run)
        if is_run:
            self._people_enrol(today)
        self._professionals_leave(today, is_run)
        if is_run:
            self._professionals_join(today)
            self._pay(today)
        self._stratify(today)
        if self.plan.has_effect:
            self._act(today)
        self._note(today)

    def months_since_start(self, today: int) -> int:
        """Return the calendar months since the network began."""
        assert self.began_on is not None, "the network has not begun"
        month_of = self.model.arrays.month_of
        return int(month_of[today]) - int(month_of[self.began_on])

    def _is_run(self, today: int) -> bool:
        """Tell whether there is still money for it and its end has not come."""
        has_money = self.months_since_start(today) < self.plan.action.n_months
        return has_money and (self.plan.end is None or today < self.plan.end)

    def _begin(self, today: int) -> None:
        """Look at who works with whom, and at how people differ; visits count from now on."""
        self.began_on = today
        self._records_seen = int(self.model.arrays.counters[Counter.RECORDS])
        self.ties = self._ties(today)
        self._norms = self._norms_of_propensity()

    # --- professionals --------------------------------------------------------------------------------------------

    def _ties(self, today: int) -> Floats:
        """Return how much each professional heeds each other one: rows sum to 1, or 0 without anybody near.

        Two with agendas are tied by the patients whom both saw in the last year (cosine), and everybody by nearness.
        """
        world, parameters = self.model.arrays, self.model.setting.parameters
        places = self.professionals["place"].to_numpy()
        minutes = world.minutes[:, : world.minutes.shape[0]]
        minutes = 0.5 * (minutes + minutes.T)[np.ix_(places, places)]
        self._is_near = minutes <= parameters["network_graph_minutes"]
        weight = np.exp(-minutes / parameters["network_graph_minutes"])
        n, share = world.providers.size, parameters["network_graph_shared_weight"]
        self.shared_patients = self._shared_patients(today)
        seen = np.sqrt(np.maximum(self.shared_patients.diagonal(), 1.0))
        weight[:n, :n] = share * self.shared_patients / np.outer(seen, seen) + (1.0 - share) * weight[:n, :n]
        np.fill_diagonal(weight, 0.0)
        total = weight.sum(axis=1, keepdims=True)
        return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0.0)

    def _shared_patients(self, today: int) -> Floats:
        """Return how many people both of two providers saw within a year, shape (p, p)."""
        world = self.model.arrays
        rows = finished_episodes(world)
        is_visit = (rows.outcome == Outcome.SERVED) & (rows.provider >= 0) & (rows.closed_on > today - DAYS_A_YEAR)
        visits = np.flatnonzero(is_visit)
        shape = (world.providers.size, world.patients.size)
        seen = csr_array((np.ones(visits.size), (rows.provider[visits], rows.patient[visits])), shape=shape)
        seen.sum_duplicates()
        seen.data[:] = 1.0
        return np.asarray((seen @ seen.T).toarray())

    @cached_property
    def graph(self) -> nx.Graph:
        """Professionals and their ties: those who share patients or work near each other; `weight` as it counts.

        Raises
        ------
        RuntimeError
            Before the network has begun.
        """
        if self.began_on is None:
            raise RuntimeError("the network has not begun: nobody has looked at who works with whom")
        n = self.model.arrays.providers.size
        is_tied = self._is_near.copy()
        is_tied[:n, :n] |= self.shared_patients > 0
        graph = nx.from_numpy_array(np.where(is_tied, 0.5 * (self.ties + self.ties.T), 0.0))
        nx.set_node_attributes(graph, dict(enumerate(self.professionals["profession"])), "profession")
        return graph

    def _professionals_leave(self, today: int, is_run: bool) -> None:
        """Let members leave: by choice, when the practice closes, and when somebody else takes it over."""
        world, parameters = self.model.arrays, self.model.setting.parameters
        n = world.providers.size
        is_new = world.providers.holder != self._holder
        self.is_member[:n] &= ~is_new & is_in_practice(world.providers, today + 1)
        self._holder = world.providers.holder.copy()
        rate = parameters["network_professional_leaving" if is_run else "network_professional_leaving_after_end"]
        draws = self._draws(Stream.LEAVE_NETWORK, MONTHLY, int(world.month_of[today]))
        self.is_member &= draws >= 1.0 - exp(-rate / MONTHS_A_YEAR)
        works_here = self.plan.communes[self.professionals["place"].to_numpy()]
        self.is_winnable = works_here & (self._draws(Stream.JOIN, WINNABLE, 0) < self.plan.adherence)

    def _professionals_join(self, today: int) -> None:
        """Let those who can be won join: by the work of the staff that is paid, and as their colleagues have joined."""
        world, parameters = self.model.arrays, self.model.setting.parameters
        rate = parameters["network_campaign_rate"] * self.effort(today)
        rate = rate + parameters["network_contagion_rate"] * (self.ties @ self.is_member)
        is_there = np.ones(self.is_member.size, bool)
        is_there[: world.providers.size] = is_in_practice(world.providers, today + 1)
        draws = self._draws(Stream.JOIN, MONTHLY, int(world.month_of[today]))
        self.is_member |= self.is_winnable & is_there & (draws < 1.0 - np.exp(-rate / MONTHS_A_YEAR))

    def effort(self, today: int) -> float:
        """Return the staff that the plan pays this month over the staff at which the campaign has its full effect."""
        parameters = self.model.setting.parameters
        paid = self.plan.action.staff_eur_per_year(self.months_since_start(today))
        return paid / parameters["network_staff_eur_per_fte"] / parameters["network_staff_fte"]

    def _draws(self, stream: Stream, kind: int, month: int) -> Floats:
        """Return a draw of each professional; who takes over a practice has draws of his own."""
        address = self.professionals["address"].to_numpy()
        holder = np.zeros(address.size, np.int64)
        holder[: self._holder.size] = self._holder
        out = np.empty(address.size)
        for one in np.unique(holder):
            who = holder == one
            out[who] = uniforms(
                self.model.arrays.key, stream, address[who], kind, month + MONTHS_OF_A_HOLDER * int(one)
            )
        return out

    # --- people ---------------------------------------------------------------------------------------------------

    @property
    def members(self) -> NDArray[np.int64]:
        """Rows of the people who are enrolled and live here."""
        patients = self.model.arrays.patients
        return np.flatnonzero((patients.is_enrolled == 1) & (patients.status == Status.ALIVE))

    def eligible(self) -> Flags:
        """Tell who may enrol: lives in a commune where the network is open, and has one of its diseases."""
        patients = self.model.arrays.patients
        may = (patients.status == Status.ALIVE) & self.plan.communes[patients.commune]
        return may & ((patients.conditions & self.plan.conditions) != 0) if self.plan.conditions else may

    def has_member_gp(self) -> Flags:
        """Tell whose registered general practitioner is in the network."""
        doctor = self.model.arrays.patients.registered_gp
        return (doctor != NOBODY) & self.is_member[doctor]

    def _people_leave(self, today: int, is_run: bool) -> None:
        """Let members leave by choice; who dies or moves away stays marked as a member."""
        world, parameters = self.model.arrays, self.model.setting.parameters
        rate = parameters["member_attrition"] * parameters["network_attrition_by_choice_share"]
        if not is_run:
            rate += parameters["network_member_leaving_after_end"]
        rows = self.members
        draws = self._draws_of(Stream.LEAVE_NETWORK, rows, PERSON, int(world.month_of[today]))
        gone = rows[draws < 1.0 - exp(-rate / MONTHS_A_YEAR)]
        world.patients.is_enrolled[gone] = 0
        self.n_withdrawals += gone.size

    def _people_enrol(self, today: int) -> None:
        """Let people enrol whom a doctor of the network invited since the last time, or who hear of it around them.

        Notes
        -----
        The probability is 1 - (1 - a)^visits * exp(-q F / 12): a at each visit [N008, times N009 for the chronically
        ill], q [N005] times the enrolled share F of those in the commune who would ever enrol, for people whose own
        doctor is in the network. A share of people [N006] would ever enrol, drawn once for each.
        """
        world, parameters = self.model.arrays, self.model.setting.parameters
        patients, may = world.patients, self.eligible()
        self.was_eligible |= may
        visits = self._visits_to_members()
        self.was_reached |= may & (visits > 0)
        would = may & self._would_ever_enrol(may)
        is_in = may & (patients.is_enrolled == 1)
        size = self.plan.communes.size
        there, enrolled = (np.bincount(patients.commune[who], minlength=size) for who in (would, is_in & would))
        share = np.divide(enrolled, there, out=np.zeros(size), where=there > 0)
        rows = np.flatnonzero(would & ~is_in)
        at_visit = parameters["enrolment_prob_per_visit_at_member_GP"]
        chronic = np.where(patients.conditions[rows] != 0, parameters["enrolment_multiplier_chronic"], 1.0)
        heard = parameters["bass_q_social"] / MONTHS_A_YEAR * share[patients.commune[rows]] * self.has_member_gp()[rows]
        stays_out = (1.0 - np.minimum(1.0, at_visit * chronic)) ** visits[rows] * np.exp(-heard)
        draws = self._draws_of(Stream.ENROL, rows, PERSON, int(world.month_of[today]))
        new = rows[draws < 1.0 - stays_out]
        patients.is_enrolled[new] = 1
        self.was_reached[new] = True
        self.n_enrolments += new.size

    def _visits_to_members(self) -> NDArray[np.int64]:
        """Return how often each person has visited a general practitioner of the network since the last time."""
        world = self.model.arrays
        upto = int(world.counters[Counter.RECORDS])
        new = slice(self._records_seen, upto)
        self._records_seen = upto
        provider = world.record_provider[new]
        invites = self.is_member[: world.providers.size] & (world.providers.specialty == NOBODY)
        is_visit = (world.record_outcome[new] == Outcome.SERVED) & (provider >= 0)
        is_visit[is_visit] = invites[provider[is_visit]]
        return np.bincount(world.record_patient[new][is_visit], minlength=world.patients.size)

    def _norms_of_propensity(self) -> dict[str, Any]:
        """Return what a person is compared with, and the intercept at which the mean of those here is the ceiling."""
        parameters, patients = self.model.setting.parameters, self.model.arrays.patients
        rows = np.flatnonzero(self.eligible())
        if not rows.size:
            return {}
        regularity, utility = np.log(patients.regularity[rows].astype(float)), patients.utility[rows].astype(float)
        heads = np.bincount(patients.age_band[rows])
        by_age = np.bincount(patients.age_band[rows], utility) / np.maximum(heads, 1)
        norms = {
            "regularity": (regularity.mean(), regularity.std()),
            "health": (by_age, (utility - by_age[patients.age_band[rows]]).std()),
        }
        ceiling, score = parameters["bass_M_ceiling"], self._score(rows, norms)
        norms["intercept"] = brentq(lambda at: expit(at + score).mean() - ceiling, -FAR, FAR)
        return norms

    def _score(self, rows: NDArray[np.int64], norms: dict[str, Any]) -> Floats:
        """Return the log odds of ever enrolling owing to regularity and to health for one's age."""
        patients, parameters = self.model.arrays.patients, self.model.setting.parameters
        if not self.plan.is_selective:
            return np.zeros(rows.size)
        weights = parameters.matching("network_self_selection_log_ratio")
        mean, sd = norms["regularity"]
        regular = (np.log(patients.regularity[rows].astype(float)) - mean) / (sd or 1.0)
        by_age, sd = norms["health"]
        band = np.minimum(patients.age_band[rows], by_age.size - 1)
        healthy = (patients.utility[rows].astype(float) - by_age[band]) / (sd or 1.0)
        return np.asarray(weights["regularity"] * regular + weights["health"] * healthy)

    def _would_ever_enrol(self, may: Flags) -> Flags:
        """Tell who would ever enrol; how likely that is, is settled when a person is first seen."""
        if not self._norms:
            self._norms = self._norms_of_propensity()
        new = np.flatnonzero(may & np.isnan(self._ceiling))
        if new.size:
            draws = self._draws_of(Stream.INVITED, new, PERSON, 0)
            self._ceiling[new] = draws < expit(self._norms["intercept"] + self._score(new, self._norms))
        return self._ceiling == 1.0

    def _draws_of(self, stream: Stream, rows: NDArray[np.int64], kind: int, month: int) -> Floats:
        """Return a draw of each of some people."""
        world = self.model.arrays
        return uniforms(world.key, stream, world.patients.person[rows].astype(np.int64), kind, month)

    # --- what it does ---------------------------------------------------------------------------------------------

    def _stratify(self, today: int) -> None:
        """Put members into risk profiles: low, rising or high; everybody else is low.

        High: an exacerbation or complication lately, or many diseases. Rising: a disease out of hand.
        """
        world, parameters = self.model.arrays, self.model.setting.parameters
        patients, rows = world.patients, self.members
        m = world.conditions.size
        has = (patients.conditions[rows, None] >> np.arange(m)) & 1 == 1
        health = world.health.reshape(patients.size, m)[rows]
        lately = today - parameters["network_risk_recent_event_days"]
        had_event = (has & (health["last_event_on"] != NEVER) & (health["last_event_on"] >= lately)).any(axis=1)
        bound = (
            world.conditions.control_mean + parameters["network_risk_rising_control_sd"] * world.conditions.control_sd
        )
        is_rising = (has & (health["control"] > bound)).any(axis=1)
        is_high = had_event | (has.sum(axis=1) >= parameters["network_risk_high_conditions"])
        patients.risk_profile = LOW
        patients.risk_profile[rows] = np.where(is_high, HIGH, np.where(is_rising, RISING, LOW))

    def strength(self, today: int) -> float:
        """Return how much of the effects is left: all while the network is run, then less with a half-life."""
        if self.ended_on is None:
            return 1.0
        half_life = self.model.setting.parameters["network_effect_half_life_after_end_days"]
        return float(0.5 ** ((today - self.ended_on) / half_life))

    def _act(self, today: int) -> None:
        """Say what the network does for members whose doctor is in it: one channel for each outcome.

        Either their care is changed (rhythm, referral, discharge, priority, review of drugs) and what comes of
        membership comes of that; or, in the direct mode, none of these is, and the registered effects on death [N020]
        and avoidable admissions [N021] are applied as they stand. Never both. The registered effects on cost and the
        published ones [N016-N019] are not applied at all.
        """
        patients = self.model.arrays.patients
        is_cared_for = (patients.is_enrolled == 1) & (patients.status == Status.ALIVE) & self.has_member_gp()
        act = self._act_on_hazards if self.plan.is_direct else self._act_on_care
        act(self.strength(today) * is_cared_for)

    def _act_on_hazards(self, cared_for: Floats) -> None:
        """Scale hazards of death and of avoidable admissions, `cared_for` (0-1, shape (n,)) of the way."""
        parameters, effects = self.model.setting.parameters, self.model.effects
        effects.set(NAME, Effect.DEATH_RATIO, parameters["network_mortality_HR_members[model prior]"] ** cared_for)
        effects.set(NAME, Effect.AVOIDABLE_RATIO, parameters["network_acsc_admission_RR_members"] ** cared_for)

    def _act_on_care(self, cared_for: Floats) -> None:
        """Change rhythm and chances of care, `cared_for` (0-1, shape (n,)) of the way."""
        world, parameters, effects = self.model.arrays, self.model.setting.parameters, self.model.effects
        patients = world.patients
        gain = np.array([parameters[f"network_follow_up_gain[{profile}]"] for profile in PROFILES])
        effects.set(NAME, Effect.FOLLOW_UP_RATIO, 1.0 + cared_for * gain[patients.risk_profile])
        shares = {
            Effect.TELE_EXPERTISE_SHARE: parameters["network_tele_expertise_share"],
            Effect.DISCHARGE_SHARE: parameters["network_discharge_share"],
            Effect.PRIORITY_SHARE: parameters["network_priority_share"] if self.plan.gives_priority else 0.0,
        }
        for channel, share in shares.items():
            effects.set(NAME, channel, share * cared_for)
        review = parameters["network_medication_review_sd"] * cared_for * (patients.risk_profile == HIGH)
        for index, condition in enumerate(self.model.setting.conditions):
            if self.plan.conditions and not (self.plan.conditions >> index) & 1:
                continue
            has = (patients.conditions >> index) & 1
            won = -float(world.conditions.control_sd[index]) * review * has
            effects.set(NAME, "shift", won, condition.name)

    def _pay(self, today: int) -> None:
        """Book what the month costs: the plan to its funders, the running cost of members to the insurance.

        Notes
        -----
        In a run at a smaller scale the plan is smaller in proportion, as everything else is. The running cost of
        members [N039] counts the staff, whom the plan pays already: only what goes beyond that is booked [EV009].
        """
        scale, month = self.model.policy.scale, self.months_since_start(today)
        for (funder, _), cents in self.plan.action.month(month).items():
            self.model.pay_for_action(today, PAYER_OF[funder], round(cents * scale))
        beyond = self.running_cost_eur_per_year(self.plan.action.staff_eur_per_year(month) * scale)
        self.model.pay_for_action(today, Payer.COMPULSORY, round(beyond * CENTS_A_EURO / MONTHS_A_YEAR))

    def running_cost_eur_per_year(self, staff_eur_per_year: float) -> float:
        """Return what members cost a year beyond the staff that is paid otherwise, EUR, never below 0."""
        parameters = self.model.setting.parameters
        a_year = parameters["network_running_cost_per_member"] * self.members.size
        return max(0.0, a_year - parameters["network_staff_in_running_cost_share"] * staff_eur_per_year)

    # --- what is told ---------------------------------------------------------------------------------------------

    def _note(self, today: int) -> None:
        """Count who is in it this evening."""
        world = self.model.arrays
        desks = world.providers
        is_practice = is_in_practice(desks, today + 1) & (desks.specialty == NOBODY)
        row = self.figures[int(world.month_of[today])]
        row[NetworkFigure.PEOPLE] = (world.patients.status == Status.ALIVE).sum()
        row[NetworkFigure.ELIGIBLE] = self.eligible().sum()
        row[NetworkFigure.REACHED] = self.was_reached.sum()
        row[NetworkFigure.ENROLLED] = self.members.size
        row[NetworkFigure.PRACTICES] = is_practice.sum()
        row[NetworkFigure.GENERAL_PRACTITIONERS] = (is_practice & self.is_member[: desks.size]).sum()
        row[NetworkFigure.PROFESSIONALS] = self.is_member.sum()


def _roster(model: TerritoryModel) -> pd.DataFrame:
    """Return every professional whom the network may win: columns profession, place, address, provider."""
    world, sites = model.arrays, model.territory.sites
    codes = [str(code) for code in model.territory.communes["insee"]]
    row_of = {code: row for row, code in enumerate(codes)}
    seats = [*range(len(codes)), *(row_of.get(str(insee), 0) for insee in sites["insee"])]
    rows: list[tuple[str, int, int, int]] = []
    for provider, desk in enumerate(world.providers):
        is_gp = desk.specialty == NOBODY
        profession = "general_practitioner" if is_gp else model.setting.specialties[int(desk.specialty)]
        rows.append((profession, seats[int(desk.place)], int(desk.address), provider))
    others = model.other_professionals
    professions = {name: place for place, name in enumerate(sorted(set(others["profession"])))}
    for insee, profession, count in zip(others["insee"], others["profession"], others["count"], strict=True):
        place = row_of[str(insee)]
        first = FIRST_ADDRESS + ADDRESSES_A_COMMUNE * place + ADDRESSES_A_PROFESSION * professions[profession]
        rows += [(profession, place, first + number, NOBODY) for number in range(int(count))]
    return pd.DataFrame(rows, columns=["profession", "place", "address", "provider"])
