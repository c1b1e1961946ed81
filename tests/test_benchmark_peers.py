"""Do the peers of the benchmark simulate the same thing? By hand, against the exact chain, and against brute force."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # neither folder is installed

from benchmarks import compare
from benchmarks.practice_workload import Result, Workload
from experiments.slotted_practice import Practice, ratio_and_standard_error, transient

PEERS = ["mesa_efficient", "mesa_plain", "simpy", "starsim"]
LIBRARY = {"simpy": "simpy", "starsim": "starsim"}

EVERY_DAY = Workload(
    patients=300, doctors=5, slots=4, horizon_days=5, working_days=7, days=30, daily_need=0.12, chronic_share=0
)
WEEK = Workload(
    patients=400,
    doctors=4,
    slots=4,
    horizon_days=6,
    working_days=5,
    days=40,
    daily_need=0.04,
    chronic_share=0.25,
    chronic_daily_need=0.15,
)
ONE = Workload(patients=1, doctors=1, slots=1, working_days=5, days=14, daily_need=1.0, chronic_share=0)


@pytest.fixture(params=PEERS)
def run(request):
    """The `run` of a peer whose library is installed."""
    if request.param in LIBRARY:
        pytest.importorskip(LIBRARY[request.param])
    return importlib.import_module(f"benchmarks.peer_{request.param}").run


def brute_force(workload: Workload) -> Result:
    """Simulate from the rules alone: a table of appointment days, searched day by day from today."""
    rng = np.random.default_rng(workload.seed)
    doctor = np.arange(workload.patients) % workload.doctors
    daily_needs = workload.daily_needs()
    appointment = np.full(workload.patients, -1)
    needs = given = held = wait_days = 0
    for day in range(workload.days):
        needy = np.flatnonzero((appointment < 0) & (rng.random(workload.patients) < daily_needs))
        needs += needy.size
        for patient in rng.permutation(needy):
            for candidate in range(day, day + workload.horizon_days + 1):
                taken = np.count_nonzero((appointment == candidate) & (doctor == doctor[patient]))
                if candidate % 7 < workload.working_days and taken < workload.slots:
                    appointment[patient] = candidate
                    given += 1
                    wait_days += candidate - day
                    break
        held += np.count_nonzero(appointment == day)
        appointment[appointment == day] = -1
    return Result(needs, given, held, needs - given, wait_days, 1.0)


def totals(run, workload: Workload, replications: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for each outcome its numerators and denominators, arrays of shape (replications,)."""
    results = [run(replace(workload, seed=workload.seed + number)) for number in range(replications)]
    columns = {
        name: np.array([getattr(result, name) for result in results], dtype=float)
        for name in ("needs", "given", "held", "diverted", "wait_days")
    }
    open_days = sum(workload.is_open(day) for day in range(workload.days))
    slots = np.full(replications, float(workload.slots * workload.doctors * open_days))
    return {
        "mean_wait_days": (columns["wait_days"], columns["given"]),
        "emergency_share": (columns["diverted"], columns["needs"]),
        "utilisation": (columns["held"], slots),
    }


def test_one_patient_who_always_needs_care_by_hand(run):
    # Served the same day on days 0-4; Saturday (5) waits 2 days for Monday (7); then 8-11 the same day, 12 waits again.
    result = run(ONE)
    assert (result.needs, result.given, result.held, result.diverted, result.wait_days) == (11, 11, 10, 0, 4)
    assert result.events == 21


def test_one_patient_and_a_short_horizon_by_hand(run):
    # Looking one day ahead: Saturday finds nothing, Sunday finds Monday; day 13 is a Sunday again.
    result = run(replace(ONE, horizon_days=1))
    assert (result.needs, result.given, result.held, result.diverted, result.wait_days) == (13, 11, 10, 2, 2)


def test_nobody_is_lost(run):
    result = run(WEEK)
    assert result.needs == result.given + result.diverted
    assert 0 <= result.given - result.held <= WEEK.patients


@pytest.mark.parametrize("horizon_days", [5, None])
def test_peers_agree_with_the_exact_chain(run, horizon_days):
    """n = 40 replications of 5 doctors; 4 standard errors, t with 39 degrees of freedom: 2.7e-4 a comparison.

    Five comparisons a peer (a wait and a utilisation twice, an emergency share once). Seeds are fixed, so the outcome
    is too. Smallest error it can see: 2 to 4 % of a wait, 0.1 % of a utilisation, 12 % of the emergency share.
    """
    workload = replace(EVERY_DAY, horizon_days=horizon_days)
    list_size = workload.patients // workload.doctors
    expected = transient(Practice(list_size, workload.daily_need, workload.slots, horizon_days), 0, workload.days)
    for name, (above, below) in totals(run, workload, 40).items():
        ratio, standard_error = ratio_and_standard_error(above, below)
        assert abs(ratio - getattr(expected, name)) <= 4 * standard_error + 1e-12, (name, ratio, standard_error)


def test_peers_agree_with_brute_force_on_a_working_week_with_chronic_patients(run):
    """n = 40 replications each; 3 comparisons a peer at 4 standard errors of the difference, 1.4e-4 each."""
    expected = totals(brute_force, replace(WEEK, seed=1000), 40)
    for name, (above, below) in totals(run, WEEK, 40).items():
        ratio, standard_error = ratio_and_standard_error(above, below)
        reference, reference_error = ratio_and_standard_error(*expected[name])
        assert abs(ratio - reference) <= 4 * np.hypot(standard_error, reference_error), (name, ratio, reference)


def test_the_workload_is_the_stated_one():
    needs = Workload().daily_needs()
    assert needs.shape == (90_000,)
    assert (needs[:80] == 0.025).all()  # the first of each doctor's list, then every fifth
    assert (needs[80:400] == 0.011).all()
    assert needs.mean() == pytest.approx(0.2 * 0.025 + 0.8 * 0.011)


def test_scaling_keeps_the_length_of_the_lists():
    scaled = Workload().scaled(0.1)
    assert (scaled.doctors, scaled.patients) == (8, 9000)
    with pytest.raises(ValueError, match="fraction"):
        Workload().scaled(0)


def test_the_table_has_a_line_for_each_peer():
    those = [one for one in compare.contenders(replace(EVERY_DAY, doctors=10, patients=600)) if "mesa" in one.name]
    compare.measure(those, runs=2)
    lines = compare.table(those).splitlines()
    assert [line[:16].strip() for line in lines[1:]] == ["mesa, efficient", "mesa, plain"]
    assert all(row.events > 0 and row.events_per_second > 0 for one in those for row in one.rows)
