"""Therapeutic patient education: who is offered a place, goes, completes, and what remains of it (ODD: education).

Owns `patients.education` and the log of participations (rows PARTICIPATION); says what the places beyond today's offer
do to control and events through `abm.effects`. Draws from EDUCATION_OFFER, EDUCATION_ACCEPT, EDUCATION_COMPLETE.

Programmes are Mesa agents: one in each hospital with an emergency department, and a unit that goes from town to town.
On the last evening of each month they look at the chronically ill who had a follow-up visit or left hospital in it,
in columns, offer their places and write the sessions into their calendars. This happens in every run: today's offer is
part of the status quo, and what it does to health is contained in today's published rates. So only participants in
places *beyond* it change anybody's control or events; whom today's places reach is counted and paid for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa
import numpy as np
from numpy.typing import NDArray

from abm.effects import EVENT_RATIO, SHIFT
from abm.errors import InputError
from abm.randomness import Stream, uniforms
from abm.records import all_stays
from abm.state import NEVER, NOBODY, PARTICIPATION, EducationStage, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abm.model import TerritoryModel

DIABETES, HEART_FAILURE = "diabetes", "heart_failure"
METABOLIC_CV = {
    "diabetes": (DIABETES,),
    "heart_failure": (HEART_FAILURE,),
    "cardiovascular": ("other_cardiovascular", "hypertension"),
}
"""Topics of the metabolic and cardiovascular programmes [E010], and the diseases of whom they are for."""
OTHER = "other"
PRIOR, PUBLISHED, NO_EFFECT = "prior", "published", "none"
SOURCE = "education"
MONTHS_A_YEAR, PER_PEOPLE = 12, 1000.0
DAYS_A_YEAR = 365.25
DAYS_A_MONTH = DAYS_A_YEAR / MONTHS_A_YEAR
FIRST_TRIAL_MONTH, SECOND_TRIAL_MONTH = 6.0, 12.0  # at which E015 and E016 were measured
TODAYS, EXTRA = 0, 1
PLACES_AT_START = 0.5  # of today's offer, which has long been running: the mean of what is left after whole places
FIRST_ROWS = 1024

Rows = NDArray[np.int64]


# --- what a programme is about, and what it does ----------------------------------------------------------------------


@dataclass(frozen=True)
class Topic:
    """What groups are about.

    Attributes
    ----------
    name : as in `METABOLIC_CV`, or "other".
    mask : bits of the conditions of those whom it is for.
    share : of all places, 0-1.
    """

    name: str
    mask: int
    share: float


def topics_of(conditions: tuple[str, ...], parameters: Mapping[str, float]) -> tuple[Topic, ...]:
    """Return the topics for which the run knows a disease; their shares add up to 1 (E010, ED009-ED010).

    Parameters
    ----------
    conditions : names, in the order of their bits. Those that belong to no other topic belong to "other".
    """
    share = {name: parameters[f"etp_metabolic_cv_share[{name}]"] for name in (DIABETES, HEART_FAILURE)}
    share["cardiovascular"] = max(0.0, 1.0 - sum(share.values()))
    metabolic = parameters["etp_share_metabolic_cv"]
    weights = {name: metabolic * weight / sum(share.values()) for name, weight in share.items()}
    members = dict(METABOLIC_CV)
    known = {name for names in METABOLIC_CV.values() for name in names}
    members[OTHER], weights[OTHER] = tuple(name for name in conditions if name not in known), 1.0 - metabolic
    masks = {topic: sum(1 << conditions.index(n) for n in names if n in conditions) for topic, names in members.items()}
    total = sum(weights[topic] for topic, mask in masks.items() if mask)
    return tuple(Topic(t, mask, weights[t] / total) for t, mask in masks.items() if mask and weights[t] > 0.0)


def acceptance(minutes: NDArray[np.float64], parameters: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the probability of accepting a place at some travel, shape like `minutes` (E012, E014, ED006-ED007)."""
    beyond = minutes - parameters["etp_reference_travel_minutes"]
    chance = parameters["etp_acceptance_when_offered"] + parameters["etp_travel_effect_on_acceptance"] * beyond
    return np.clip(chance, parameters["etp_least_acceptance"], 1.0)


def hba1c_shift(months: NDArray[np.float64], parameters: Mapping[str, float], effect: str) -> NDArray[np.float64]:
    """Return what a completed programme takes off HbA1c some months later, points, 0 or less, shape like `months`.

    Notes
    -----
    The prior halves from completion on, E015 * 2**(-months / E018): between Norris 2002 (-0.26 after four months) and
    Steinsbekk 2012 (-0.46 after a year). The published variant holds what the trials found, E015 to the sixth month,
    E016 in the twelfth, and halves after it.
    """
    six, twelve = parameters["etp_hba1c_effect_6m"], parameters["etp_hba1c_effect_12m"]
    half_life = parameters["etp_effect_half_life"]
    if effect == PUBLISHED:
        level = np.interp(months, (FIRST_TRIAL_MONTH, SECOND_TRIAL_MONTH), (six, twelve))
        return np.minimum(level * 0.5 ** (np.maximum(months - SECOND_TRIAL_MONTH, 0.0) / half_life), 0.0)
    return np.minimum(six * 0.5 ** (np.maximum(months, 0.0) / half_life), 0.0)


def admission_ratio(months: NDArray[np.float64], parameters: Mapping[str, float], effect: str) -> NDArray[np.float64]:
    """Return what a completed programme leaves of the rate of stays for heart failure, 0-1, shape like `months`.

    Its logarithm halves every E018 months: E024 (prior) or E023 (published) at completion.
    """
    name = "etp_hf_admission_RR_published[hf]" if effect == PUBLISHED else "etp_hf_admission_RR[hf, model prior]"
    return np.minimum(parameters[name], 1.0) ** (0.5 ** (np.maximum(months, 0.0) / parameters["etp_effect_half_life"]))


# --- programmes -------------------------------------------------------------------------------------------------------


class EducationProgramme(mesa.Agent):
    """A team that educates patients in groups, in one place or in several in turn.

    Parameters
    ----------
    shares : of all places, today's and extra ones, shape (2,).

    Attributes
    ----------
    row : among the programmes of the run.
    places : columns of the travel table that it works at; in month m at `places[m % len(places)]`.
    site : row of the site that is paid, or NOBODY: a team of its own.
    yearly : places a year, shape (topics, 2): today's and extra ones.
    waiting : places not yet taken, shape like `yearly`.
    room : sessions that each day still has room for, shape (t,).
    """

    def __init__(self, desk: Education, row: int, places: tuple[int, ...], site: int, shares: NDArray) -> None:
        super().__init__(desk.model)
        self.desk, self.row, self.places, self.site, self.shares = desk, row, places, site, shares
        is_open = desk.model.setting.calendar.is_open
        sessions_a_day = round(desk.parameters["etp_sessions_per_day"])
        self.room = is_open * np.int64(sessions_a_day)
        self.sessions_a_year = float(is_open.mean()) * DAYS_A_YEAR * sessions_a_day
        self.yearly = self.yearly_of(0.0)
        self.waiting = np.where(self.yearly > 0.0, PLACES_AT_START, 0.0)

    @property
    def name(self) -> str:
        """The hospital's name, or that of the unit."""
        return "itinerant unit" if self.site == NOBODY else str(self.model.territory.sites["name"].iloc[self.site])

    def yearly_of(self, extra: float) -> NDArray[np.float64]:
        """Return its places a year by topic, today's and extra ones, when the territory has so many extra ones."""
        topics = np.array([topic.share for topic in self.desk.topics])
        return topics[:, None] * (np.array([self.desk.todays_places, extra]) * self.shares)[None, :]

    def has_sessions_for(self, extra: float) -> bool:
        """Tell whether its calendar holds the groups; a month's places of a topic begin in as few as they fit into."""
        a_month = self.yearly_of(extra).sum(axis=1) / MONTHS_A_YEAR
        groups = MONTHS_A_YEAR * np.minimum(a_month, np.ceil(a_month / self.desk.group_size)).sum()
        return bool(groups * self.desk.n_sessions <= self.sessions_a_year)

    def add_month(self) -> None:
        """Add a month's places to those not yet taken; of these the places of ED012 months are kept, and one more."""
        a_month = self.yearly / MONTHS_A_YEAR
        most = a_month * self.desk.parameters["etp_unfilled_months"] + 1.0
        self.waiting = np.minimum(self.waiting + a_month, most)

    def place_in(self, month: int) -> int:
        """Return the column of the travel table at which groups begin in a month."""
        return self.places[month % len(self.places)]

    def open_group(self, today: int) -> list[int]:
        """Write a new group into the calendar and return the days of its sessions; beyond the run where none is left.

        Each session is held on the first open day with room from the day wished on.
        """
        gap = round(self.desk.parameters["etp_days_between_sessions"])
        days, wished = [], today + round(self.desk.parameters["etp_days_to_first_session"])
        for _ in range(self.desk.n_sessions):
            has_room = self.room[wished:] > 0
            day = wished + int(has_room.argmax()) if has_room.any() else self.room.size
            if day < self.room.size:
                self.room[day] -= 1
            days.append(day)
            wished = min(day + gap, self.room.size)
        return days


class Education:
    """All of patient education: the programmes, who has taken part, what it does.

    Parameters
    ----------
    model : with its world, before its policies are prepared.

    Attributes
    ----------
    topics : what groups are about; none where the run knows no disease, and then nothing ever happens.
    todays_places, extra_places : places a year in the territory: today's offer [E009], and beyond it.
    effect : "prior", "published" or "none": what those who complete in extra places gain.
    n_offers, n_groups : people offered a place and groups begun so far.
    """

    def __init__(self, model: TerritoryModel) -> None:
        self.model, self.parameters = model, model.setting.parameters
        self.conditions = tuple(condition.name for condition in model.setting.conditions)
        self.topics = topics_of(self.conditions, self.parameters)
        self.n_sessions = max(1, round(self.parameters["etp_sessions"]))
        self.group_size = max(1, round(self.parameters["etp_group_size"]))
        self.todays_places = self.places_for(self.parameters["etp_starts_per_1000"])
        self.extra_places, self.effect = 0.0, PRIOR
        self.n_offers = self.n_groups = 0
        self._log = np.zeros(FIRST_ROWS, PARTICIPATION).view(np.recarray)
        self._n = 0
        self._not_before = np.full(model.arrays.patients.size, NEVER, np.int64)
        self.programmes = self._programmes()

    @property
    def participations(self) -> np.recarray:
        """Participations so far, rows PARTICIPATION, in the order of their start: a view, not a copy."""
        return self._log[: self._n].view(np.recarray)

    # --- the offer ------------------------------------------------------------------------------------------------

    def places_for(self, per_1000: float) -> float:
        """Return places a year for so many per 1,000 of the inhabitants at the start."""
        return per_1000 * self.model.people_at_start / PER_PEOPLE

    def expand(self, per_1000: float, effect: str = PRIOR) -> None:
        """Offer places beyond today's from now on.

        Parameters
        ----------
        per_1000 : extra places a year per 1,000 inhabitants.
        effect : what those who complete in them gain: "prior", "published" or "none".

        Raises
        ------
        ValueError
            Another effect.
        """
        if effect not in (PRIOR, PUBLISHED, NO_EFFECT):
            raise ValueError(f"effect: found '{effect}', expected {PRIOR}, {PUBLISHED} or {NO_EFFECT}")
        self.effect, self.extra_places = effect, self.places_for(per_1000)
        for programme in self.programmes:
            programme.yearly = programme.yearly_of(self.extra_places)

    def refuse_beyond_sessions(self, per_1000: float, lever: str) -> None:
        """Refuse extra places for which there are not enough sessions, or nobody whom they could be for.

        Raises
        ------
        InputError
            With the lever, the programme and its sessions.
        """
        if not self.topics:
            raise InputError(f"'{lever}': this run knows no chronic disease, so nobody can be educated")
        for programme in self.programmes:
            if not programme.has_sessions_for(self.places_for(per_1000)):
                raise InputError(
                    f"'{lever}': found {per_1000:g} per 1,000 inhabitants, more places than sessions: the calendar of "
                    f"{programme.name} has room for {programme.sessions_a_year:.0f} sessions a year "
                    "(etp_sessions_per_day, etp_group_size, etp_sessions)"
                )

    def _programmes(self) -> tuple[EducationProgramme, ...]:
        """Make the programmes: hospitals share E011 of today's places, the unit has the others."""
        if not self.topics:
            return ()
        n_communes = len(self.model.territory.communes)
        shares = np.array([self.parameters["etp_share_hospital_based"], self.parameters["etp_extra_hospital_share"]])
        hosts = hospital_sites(self.model)
        made = [
            EducationProgramme(self, row, (n_communes + site,), site, shares / len(hosts))
            for row, site in enumerate(hosts)
        ]
        towns = itinerant_towns(self.model, hosts, round(self.parameters["etp_itinerant_towns"]))
        return (*made, EducationProgramme(self, len(hosts), towns, NOBODY, 1.0 - (shares if hosts else 0.0 * shares)))

    # --- the month ------------------------------------------------------------------------------------------------

    def end_month(self, today: int) -> None:
        """Let courses end, offer the month's places, and say what completed ones do at present."""
        self.close_courses(today)
        for programme in self.programmes:
            programme.add_month()
        self._enrol(today)
        self.apply_effects(today)

    def close_courses(self, today: int) -> None:
        """Close the courses that have ended by tonight; those completed are paid to whoever held them [E005]."""
        log, people = self.participations, self.model.arrays.patients
        due = np.flatnonzero((log.stage == EducationStage.IN_COURSE) & (log.ends_on <= today))
        if not due.size:
            return
        rows = log.patient[due]
        gone_on = people.gone_on[rows]
        is_gone = (gone_on != NEVER) & (gone_on <= log.ends_on[due])
        stage = np.where(log.will_complete[due] == 1, EducationStage.COMPLETED, EducationStage.DROPPED_OUT)
        log.stage[due] = np.where(is_gone, EducationStage.GONE, stage)
        people.education[rows] = log.stage[due]
        paid = due[log.stage[due] == EducationStage.COMPLETED]
        for programme in self.programmes:
            mine = log.patient[paid[log.programme[paid] == programme.row]].astype(np.int64)
            account = "education_team" if programme.site == NOBODY else programme.site
            self.model.bill_in_full(mine, "education_programme", "education", account, today)

    def seen_this_month(self, today: int) -> Rows:
        """Return who could be offered a place: chronically ill, seen for it or back from hospital since the first."""
        world, calendar = self.model.arrays, self.model.setting.calendar
        people = world.patients
        first = today
        while first > 0 and calendar.month_index[first - 1] == calendar.month_index[today]:
            first -= 1
        was_seen = people.last_follow_up >= first
        stays = all_stays(world)
        back = stays.patient[(stays.leaves_on >= first) & (stays.leaves_on <= today)]
        was_seen[back[back != NOBODY]] = True
        rows = np.flatnonzero(was_seen)
        is_free = (people.conditions[rows] != 0) & (people.status[rows] == Status.ALIVE)
        is_free &= (people.leaves_hospital_on[rows] < today) & (self._not_before[rows] <= today)
        return rows[is_free]

    def _enrol(self, today: int) -> None:
        """Offer the places of each topic in an order that is drawn, until they are taken or nobody is left."""
        seen = self.seen_this_month(today) if self.programmes else np.zeros(0, np.int64)
        conditions = self.model.arrays.patients.conditions[seen]
        for index, topic in enumerate(self.topics):
            open_here = [p for p in self.programmes if (np.floor(p.waiting[index]) > 0.0).any()]
            rows = seen[(conditions & topic.mask) != 0]
            rows = rows[self._not_before[rows] <= today]  # nobody in two courses
            if open_here and rows.size:
                for programme, willing in self._willing(open_here, rows, index, today):
                    self._begin(programme, willing, index, today)

    def _willing(
        self, open_here: list[EducationProgramme], rows: Rows, index: int, today: int
    ) -> list[tuple[EducationProgramme, Rows]]:
        """Return by programme those who accept, first asked first; each is offered the nearest, answers for a year.

        Counts the offers: nobody is asked after the last place is taken.
        """
        world, setting = self.model.arrays, self.model.setting
        month, year = int(setting.calendar.month_index[today]), int(setting.calendar.year[today])
        persons = world.patients.person[rows].astype(np.int64)
        minutes = world.minutes[:, [p.place_in(month) for p in open_here]][world.patients.commune[rows]]
        nearest = minutes.argmin(axis=1)
        chance = acceptance(minutes.min(axis=1), self.parameters)
        accepts = uniforms(world.key, Stream.EDUCATION_ACCEPT, persons, index, year) < chance
        turns = uniforms(world.key, Stream.EDUCATION_OFFER, persons, index, month)
        found = []
        for column, programme in enumerate(open_here):
            n_places = int(np.floor(programme.waiting[index]).sum())
            mine = nearest == column
            willing = np.flatnonzero(mine & accepts)
            chosen = willing[np.argsort(turns[willing], kind="stable")][:n_places]
            if n_places:
                last = turns[chosen[-1]] if chosen.size == n_places else 1.0
                self.n_offers += int((mine & (turns <= last)).sum())
            found.append((programme, rows[chosen]))
        return found

    def _begin(self, programme: EducationProgramme, rows: Rows, index: int, today: int) -> None:
        """Give places to these people, today's places first, in groups with their sessions."""
        if not rows.size:
            return
        n_todays = min(int(np.floor(programme.waiting[index, TODAYS])), rows.size)
        programme.waiting[index] -= (n_todays, rows.size - n_todays)
        world, month = self.model.arrays, int(self.model.setting.calendar.month_index[today])
        persons = world.patients.person[rows].astype(np.int64)
        draws = uniforms(world.key, Stream.EDUCATION_COMPLETE, persons, index, month)
        new = np.zeros(rows.size, PARTICIPATION)
        new["patient"], new["started_on"], new["programme"], new["topic"] = rows, today, programme.row, index
        new["stage"], new["is_extra"] = EducationStage.IN_COURSE, np.arange(rows.size) >= n_todays
        share = self.parameters["etp_completion"]
        new["will_complete"] = draws < share
        last = np.where(draws < share, self.n_sessions - 1, (draws - share) / max(1.0 - share, 1e-12) * self.n_sessions)
        for start in range(0, rows.size, self.group_size):
            group = slice(start, start + self.group_size)
            days = np.array(programme.open_group(today))
            new["group"][group], new["first_session_on"][group] = self.n_groups, days[0]
            new["ends_on"][group] = days[last[group].astype(np.int64)]
            self.n_groups += 1
        world.patients.education[rows] = EducationStage.IN_COURSE
        self._not_before[rows] = today + round(self.parameters["etp_again_after_months"] * DAYS_A_MONTH)
        self._write(new)

    def _write(self, new: NDArray[np.void]) -> None:
        """Add participations to the log."""
        if self._n + new.size > self._log.size:
            larger = np.zeros(2 * (self._n + new.size), PARTICIPATION).view(np.recarray)
            larger[: self._n] = self.participations
            self._log = larger
        self._log[self._n : self._n + new.size] = new
        self._n += new.size

    # --- what it does ---------------------------------------------------------------------------------------------

    def apply_effects(self, today: int) -> None:
        """Say what completed extra places do in the month to come; of several courses of one person the strongest."""
        if self.effect == NO_EFFECT:
            return
        log, names = self.participations, [topic.name for topic in self.topics]
        works = (log.is_extra == 1) & (log.stage == EducationStage.COMPLETED)
        for condition, channel, neutral, of_months in (
            (DIABETES, SHIFT, 0.0, hba1c_shift),
            (HEART_FAILURE, EVENT_RATIO, 1.0, admission_ratio),
        ):
            topic = names.index(condition) if condition in names else NOBODY
            rows = np.flatnonzero(works & (log.topic == topic))
            if rows.size:
                values = np.full(self.model.arrays.patients.size, neutral)
                months = (today - log.ends_on[rows].astype(float)) / DAYS_A_MONTH
                np.minimum.at(values, log.patient[rows], of_months(months, self.parameters, self.effect))
                self.model.effects.set(SOURCE, channel, values, condition)


def hold_education(model: TerritoryModel, today: int) -> None:
    """On the last evening of each month: courses end, places are offered; on the last one of the run courses end."""
    if model.setting.calendar.is_first_of_month[today + 1]:
        model.education.end_month(today)
    elif today + 1 == model.last_day:
        model.education.close_courses(today)


# --- where ------------------------------------------------------------------------------------------------------------


def hospital_sites(model: TerritoryModel) -> tuple[int, ...]:
    """Return the sites that hold programmes: the territory's hospitals with an emergency department, or else all.

    Without a hospital none: the unit then has all places.
    """
    sites = model.territory.sites
    is_hospital = (sites["kind"] == "hospital").to_numpy(bool)
    has_emergency = is_hospital & sites["has_emergency"].to_numpy(bool)
    return tuple(np.flatnonzero(has_emergency if has_emergency.any() else is_hospital).tolist())


def itinerant_towns(model: TerritoryModel, hosts: tuple[int, ...], n_towns: int) -> tuple[int, ...]:
    """Return the communes that the unit visits: the most populous with a pharmacy, those of `hosts` left out [ED005].

    Where no commune is left by that, the most populous of all.
    """
    communes, sites = model.territory.communes, model.territory.sites
    at_hosts = set(sites["insee"].iloc[list(hosts)])
    hosting = {row for row, insee in enumerate(communes["insee"]) if insee in at_hosts}
    rows = model.communes_with(("pharmacy",)) - hosting or set(range(len(communes)))
    population = communes["population"].to_numpy()
    return tuple(sorted(rows, key=lambda row: (-population[row], row))[: max(1, n_towns)])
