"""Whose time do teleconsultations use, what follows from them, and how many questions do doctors put to each other?

Owns the indicators of care at a distance beyond the share of teleconsultations (see `abm.indicators.use`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from abm.indicators.counting import ALL, Block, Floats, Ints, Run, ratio, with_whole
from abm.indicators.practices import over_all, spans_of
from abm.indicators.use import IN_PERSON, VIDEO, is_channel
from abm.state import NOBODY, Channel, Expertise

RETURN_DAYS = 7
TIMES = {"own": Channel.VIDEO_OWN_GP, "platform": Channel.PLATFORM, "booth": Channel.BOOTH}


def telehealth(run: Run) -> Iterator[Block]:
    """Yield everything below, over everybody."""
    yield from whose_time(run)
    yield from returns(run)
    yield from specialist_video(run)
    yield from tele_expertise(run)


def whose_time(run: Run) -> Iterator[Block]:
    """Yield the share of general practitioners' teleconsultations by whose time they use, trips to booths, the cap.

    `teleconsultation_highest_share_of_a_doctor`: visits by video over all visits held, of the general practitioner in
    whose practice it is highest; a calendar year may not exceed `teleconsult_activity_cap`.
    """
    visits = run.visits
    is_video = np.isin(visits.kind, run.needs["gp"]) & is_channel(visits, VIDEO)
    every = _by_year(run, visits.day[is_video])
    for name, channel in TIMES.items():
        is_here = is_video & (visits.channel == channel)
        yield _share(f"teleconsultation_time_share.{name}", _by_year(run, visits.day[is_here]), every)
    is_booth = is_video & (visits.channel == Channel.BOOTH)
    minutes = _by_year(run, visits.day[is_booth], visits.travel_minutes[is_booth].astype(float))
    trips = _by_year(run, visits.day[is_booth])
    yield Block("booth_travel_mean_minutes", "minutes", ALL, (ALL,), ratio(minutes, trips), trips.astype(np.int64))
    practices = np.flatnonzero(run.records.providers.specialty == NOBODY)
    highest, n = [], []
    for first, end in spans_of(run):
        held = (visits.day >= first) & (visits.day < end) & np.isin(visits.provider, practices)
        size = run.records.providers.size
        every_visit = np.bincount(visits.provider[held], minlength=size)
        by_video = np.bincount(visits.provider[held & (visits.channel == Channel.VIDEO_OWN_GP)], minlength=size)
        highest.append(float(np.max(by_video / np.maximum(every_visit, 1))) if held.any() else float("nan"))
        n.append(int(every_visit.sum()))
    yield over_all("teleconsultation_highest_share_of_a_doctor", "share", highest, n)


def returns(run: Run) -> Iterator[Block]:
    """Yield the share of visits in general practice after which the same person had another one within seven days.

    Whatever the reason: people have other needs too, so only the difference between teleconsultations and visits in
    person can be held against studies that look at the same complaint.
    """
    visits = run.visits
    is_gp = np.isin(visits.kind, run.needs["gp"])
    day, patient, channel = (column[is_gp] for column in (visits.day, visits.patient, visits.channel))
    order = np.lexsort((day, patient))
    day, patient, channel = day[order], patient[order], channel[order]
    is_followed = np.zeros(day.size, np.bool_)
    is_followed[:-1] = (patient[1:] == patient[:-1]) & (day[1:] - day[:-1] <= RETURN_DAYS)
    for name, channels in (("teleconsultation", VIDEO), ("in_person", IN_PERSON)):
        which = np.isin(channel, channels)
        followed, every = (_by_year(run, day[mask]) for mask in (which & is_followed, which))
        yield _share(f"{name}_return_{RETURN_DAYS}_days_share", followed, every)


def specialist_video(run: Run) -> Iterator[Block]:
    """Yield the share of specialists' visits by video; their waits are the lead times of the channel."""
    visits = run.visits
    is_specialist = np.isin(visits.kind, run.needs["specialist"])
    by_video = is_specialist & (visits.channel == Channel.VIDEO_SPECIALIST)
    every = _by_year(run, visits.day[is_specialist])
    yield _share("specialist_teleconsultation_share", _by_year(run, visits.day[by_video]), every)


def tele_expertise(run: Run) -> Iterator[Block]:
    """Yield questions put to specialists instead of a referral: how many, how soon answered, how many visits spared.

    At full size, by the months that begin in a period.
    """
    scale, table, spans = run.setting.scenario.scale, run.records.tele_expertise, spans_of(run)
    counts = np.array([_months_of(run, table, *span).sum(axis=0) for span in spans])  # (periods, specialties, columns)
    total = counts.sum(axis=1)
    asked = total[:, Expertise.ASKED].astype(int).tolist()
    yield over_all("tele_expertise_number", "questions", [n / scale for n in asked], asked)
    for specialty in range(table.shape[1]):
        n = counts[:, specialty, Expertise.ASKED].astype(int).tolist()
        yield over_all(f"tele_expertise_number.{run.setting.specialties[specialty]}", "questions",
                       [one / scale for one in n], n)  # fmt: skip
    days = ratio(total[:, Expertise.ANSWER_DAYS], total[:, Expertise.ASKED]).tolist()
    yield over_all("tele_expertise_answer_mean_days", "days", days, asked)
    spared = total[:, Expertise.SPARED].astype(int).tolist()
    yield over_all("tele_expertise_visits_spared", "visits", [n / scale for n in spared], spared)


def _by_year(run: Run, day: NDArray, amounts: NDArray | None = None) -> Floats:
    """Add up events by the year of their day, the whole horizon first: shape (1, 1 + years)."""
    n_years = len(run.years.labels)
    year = run.years.of_day[day]
    return with_whole(np.bincount(year, amounts, n_years)[None, :].astype(float))


def _share(name: str, part: Floats, whole: Floats) -> Block:
    return Block(name, "share", ALL, (ALL,), ratio(part, whole), whole.astype(np.int64))


def _months_of(run: Run, table: Ints, first: int, end: int) -> Ints:
    """Return the rows of a table by month of the months that have a day in a span."""
    here = np.unique(run.setting.calendar.month_index[first:end]) if end > first else np.zeros(0, np.int64)
    return table[here[here < table.shape[0]]]
