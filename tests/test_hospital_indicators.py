"""Admissions, occupancy and transfers on a log of stays written by hand, with answers known beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_indicators import DAYS, FIRST, emergency, people_of, records_of, row_of, setting_of, value_of

from abm.indicators import indicators
from abm.indicators.counting import Run
from abm.indicators.hospital import bed_days
from abm.indicators.stays import residents_stays
from abm.state import CAUSE, NOBODY, STAY, GeneralCause, Status, Ward

YEARS = DAYS / 365.25
NAMES = ("emergency", "planned_medicine", "planned_surgery", "day_case", "heart_failure.admission", "diabetes.mi",
         "diabetes.foot_ulcer")  # fmt: skip
EMERGENCY, SURGERY, DAY_CASE = (int(GeneralCause[name]) for name in ("EMERGENCY", "PLANNED_SURGERY", "DAY_CASE"))
FAILURE, INFARCTION, FOOT = 4, 5, 6


def causes_table() -> np.recarray:
    causes = np.zeros(len(NAMES), CAUSE).view(np.recarray)
    causes.is_day_case[DAY_CASE] = 1
    causes.is_avoidable[FAILURE] = 1
    causes.ward[SURGERY] = Ward.SURGERY
    return causes


def avoidable_day_cases() -> np.recarray:
    """Day cases do not count among avoidable admissions, whatever the file of causes says of them."""
    causes = causes_table()
    causes.is_avoidable[DAY_CASE] = 1
    return causes


def stay(patient: int = 0, day: int = 0, nights: int = 5, cause: int = EMERGENCY, **changes: int) -> dict:
    """Return a stay that begins `day` days into the horizon, in the first site."""
    row = {"patient": patient, "admitted_on": FIRST + day, "leaves_on": FIRST + day + nights, "cause": cause}
    return row | {"ward": Ward.SURGERY if cause == SURGERY else Ward.MEDICINE} | changes


def with_stays(*stays: dict, episodes: tuple = (), people=None, scale: float = 1.0, beds=None, **changes):
    """Return records with these stays, in the order of admission; the first site of two has 10, 4 and 0 beds."""
    log = np.zeros(len(stays), STAY).view(np.recarray)
    for place, row in enumerate(sorted(stays, key=lambda row: row["admitted_on"])):
        for name, value in row.items():
            log[name][place] = value
    setting = replace(setting_of(scale=scale), causes=NAMES, **changes.pop("setting", {}))
    limited = np.array([[10, 4, 0], [NOBODY, NOBODY, NOBODY]], np.int32) if beds is None else beds
    people = people_of(10) if people is None else people
    return records_of(
        *episodes, people=people, setting=setting, stays=log, beds=limited, **({"causes": causes_table()} | changes)
    )


def test_admissions_are_stays_with_a_night_of_residents_within_the_horizon():
    records = with_stays(
        stay(), stay(1, 400, cause=FAILURE), stay(2, 30, nights=0, cause=DAY_CASE), stay(NOBODY, 3),
        stay(3, -1), stay(4, DAYS), causes=avoidable_day_cases(),
    )  # fmt: skip
    assert residents_stays(Run(records)).patient.tolist() == [0, 2, 1]
    table = indicators(records)
    for name, number in (("admissions", 2), ("avoidable_admissions", 1), ("day_cases", 1)):
        assert row_of(table, f"{name}_per_1000")["value"] == pytest.approx(1000 * number / (10 * YEARS), rel=1e-12)
    assert row_of(table, "admissions_per_1000", period="2022")["value"] == pytest.approx(1000 / (10 * 365 / 365.25))


def test_admissions_by_stratum_are_over_its_own_people():
    people = people_of(10)
    people.is_female[:4] = 1
    people.commune[:2] = 3
    records = with_stays(stay(0), stay(1), stay(9), people=people)
    table = indicators(records)
    per_year = 1000 / YEARS
    assert row_of(table, "admissions_per_1000", "sex", "female")["value"] == pytest.approx(per_year * 2 / 4)
    assert row_of(table, "admissions_per_1000", "sex", "male")["value"] == pytest.approx(per_year * 1 / 6)
    assert row_of(table, "admissions_per_1000", "age_band", "26-65")["value"] == pytest.approx(per_year * 3 / 10)


def test_share_of_emergency_visits_that_end_in_a_stay():
    visits = tuple(emergency(day=day) for day in range(8))
    records = with_stays(stay(by_emergency=1), stay(1, 4, by_emergency=1), stay(2, 5), episodes=visits)
    row = row_of(indicators(records), "emergency_admitted_share")
    assert (row["value"], row["n"]) == (0.25, 8)


def test_nights_transfers_and_readmissions_are_of_stays_with_a_night():
    records = with_stays(
        stay(nights=2), stay(1, 9, nights=6, is_transfer=1, site=1), stay(2, 9, nights=0, cause=DAY_CASE),
        stay(0, 20, nights=7, is_readmission=1), stay(NOBODY, 9, nights=50, is_transfer=1, site=1), scale=0.5,
    )  # fmt: skip
    table = indicators(records)
    assert row_of(table, "stay_mean_nights")["value"] == 5
    assert row_of(table, "transfer_share")["value"] == pytest.approx(1 / 3)
    assert row_of(table, "readmission_share_30_days")["value"] == pytest.approx(1 / 3)
    assert row_of(table, "transfers")["value"] == pytest.approx(1 / YEARS / 0.5)  # at full size


def test_occupancy_counts_nights_within_the_horizon_in_limited_beds_whoever_lies_there():
    records = with_stays(
        stay(nights=10), stay(NOBODY, 5, nights=20), stay(1, -3, nights=8), stay(2, DAYS - 4, nights=100),
        stay(3, 7, nights=30, site=1), stay(4, 7, nights=1, cause=DAY_CASE), stay(5, 50, nights=73, cause=SURGERY),
    )  # fmt: skip
    taken, available = bed_days(Run(records), FIRST, FIRST + DAYS)
    np.testing.assert_array_equal(taken, [10 + 20 + 5 + 4, 73, 0])
    np.testing.assert_array_equal(available, [10 * DAYS, 4 * DAYS, 0])
    table = indicators(records)
    assert row_of(table, "bed_occupancy.medicine")["value"] == pytest.approx(39 / (10 * DAYS))
    assert row_of(table, "bed_occupancy.surgery", period="2021")["value"] == pytest.approx(73 / (4 * 365))
    assert row_of(table, "bed_occupancy")["value"] == pytest.approx((39 + 73) / (14 * DAYS))
    assert np.isnan(row_of(table, "bed_occupancy.intensive")["value"])


@pytest.mark.parametrize("seed", range(5))
def test_bed_days_are_the_occupants_counted_day_by_day(seed):
    draw = np.random.default_rng(seed)
    stays = [
        stay(int(draw.integers(-1, 10)), int(draw.integers(-30, DAYS + 90)), int(draw.integers(1, 40)),
             int(draw.choice([EMERGENCY, SURGERY])), site=int(draw.integers(2)))
        for _ in range(200)
    ]  # fmt: skip
    records = with_stays(*stays)
    log = records.stays
    for first, end in ((FIRST, FIRST + DAYS), (FIRST + 100, FIRST + 130)):
        taken, _ = bed_days(Run(records), first, end)
        by_day = [
            np.bincount(log.ward[(log.site == 0) & (log.admitted_on <= day) & (day < log.leaves_on)], minlength=3)
            for day in range(first, end)
        ]
        np.testing.assert_array_equal(taken, np.sum(by_day, axis=0))


def test_who_died_before_the_horizon_is_in_no_denominator():
    people = people_of(2)
    people.status[1], people.gone_on[1] = Status.DEAD, FIRST - 10
    records = with_stays(stay(), people=people)
    assert value_of(records, "admissions_per_1000") == pytest.approx(1000 / YEARS)


def test_model_without_hospitals_has_none_of_these():
    names = set(indicators(records_of(people=people_of(3))).indicator)
    assert not {name for name in names if name.startswith(("admissions", "bed_", "transfers", "stay_"))}


def test_strata_add_up():
    people = people_of(12)
    people.commune, people.income_quintile = np.arange(12) % 5, 1 + np.arange(12) % 5
    records = with_stays(*(stay(p, 13 * p) for p in range(12)), people=people)
    table = indicators(records)
    for kind in ("income_quintile", "epci", "has_ald", "invisible"):
        n = table[(table.indicator == "admissions_per_1000") & (table.stratum_kind == kind) & (table.period == "all")].n
        assert n.sum() == row_of(table, "admissions_per_1000")["n"]
