"""Minimally different worlds: one thing changes, and nobody else's life does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from abm import TerritoryModel
from abm.population import Population

DAYS = {"days": 150, "warm_up_days": 60, "follow_up_days": 40}
COLUMNS = ("asked_on", "wished_on", "booked_on", "appointment_on", "closed_on", "provider", "place", "kind", "channel",
           "outcome", "attempts", "is_planned", "contact", "failures")  # fmt: skip


def lives(model):
    """Return everybody's episodes, sorted by person and date: an array of rows that owes nothing to row numbers."""
    episodes = model.records().episodes
    person = model.arrays.patients.person[episodes.patient].astype(np.int64)
    table = np.column_stack([person, *(episodes[name].astype(np.float64) for name in COLUMNS)])
    return table[np.lexsort(table.T[::-1])]


STAY_COLUMNS = ("admitted_on", "leaves_on", "site", "cause", "ward", "is_transfer", "is_readmission", "by_emergency",
                "ends_in_death")  # fmt: skip


def stays(model):
    """Return everybody's stays in hospital, people from elsewhere as person -1, sorted as `lives`."""
    rows = model.records().stays
    person = np.where(rows.patient >= 0, model.arrays.patients.person[rows.patient], -1)
    table = np.column_stack([person, *(rows[name].astype(np.int64) for name in STAY_COLUMNS)])
    return table[np.lexsort(table.T[::-1])]


def run(**options):
    model = TerritoryModel("tiny", rng=options.pop("rng", 3), **DAYS, **options)
    model.run_to_end()
    return model


@pytest.fixture(scope="module")
def baseline():
    return run()


def test_the_same_seed_gives_the_same_lives(baseline):
    again = run()
    assert np.array_equal(lives(again), lives(baseline)) and np.array_equal(stays(again), stays(baseline))


def test_another_seed_gives_other_lives(baseline):
    other = lives(run(rng=4))
    assert other.shape != lives(baseline).shape or not np.array_equal(other, lives(baseline))


def test_one_inhabitant_without_needs_more_changes_nobody(baseline):
    more = run(arrange=lambda people: people.with_person(birth_day=-9000, commune=2))
    assert more.arrays.patients.size == baseline.arrays.patients.size + 1
    assert np.array_equal(lives(more), lives(baseline)) and np.array_equal(stays(more), stays(baseline))


def test_the_order_of_rows_changes_nobody(baseline):
    def shuffled(people: Population) -> Population:
        return people.reordered(np.random.default_rng(0).permutation(len(people)))

    other = run(arrange=shuffled)
    assert np.array_equal(lives(other), lives(baseline)) and np.array_equal(stays(other), stays(baseline))
    assert stays(baseline).shape[0] > 200, "beds are short in this territory: the last one goes to the same person"


def test_one_inhabitant_with_needs_more_changes_few(baseline):
    """One more patient of one doctor can push a few others by a slot, never everybody."""
    first = baseline.arrays.patients[0]
    more = run(
        arrange=lambda people: people.with_person(
            birth_day=-20000, commune=first.commune, need_factor=2.0, registered_gp=1
        )
    )
    newcomer = more.arrays.patients.person.max()
    others, before = lives(more), lives(baseline)
    others = others[others[:, 0] != newcomer]
    changed = {row[0] for row in set(map(tuple, others)) ^ set(map(tuple, before))}
    assert (lives(more)[:, 0] == newcomer).any()
    assert 0 <= len(changed) < 0.1 * baseline.arrays.patients.size


def test_a_neutral_lever_is_the_baseline(baseline):
    assert np.array_equal(lives(run(teleconsultation=0.0)), lives(baseline))


def test_a_lever_changes_only_what_it_touches(baseline):
    """More video: those who never ask a general practitioner after the change keep their lives to the bit."""
    policy = run(teleconsultation=0.5)
    before, after = lives(baseline), lives(policy)
    assert not np.array_equal(before, after)
    differ = set(map(tuple, stays(baseline))) ^ set(map(tuple, stays(policy)))
    elsewhere = [row[0] for row in differ]  # who lies in hospital on other days has no emergency on these
    before, after = (table[~np.isin(table[:, 0], elsewhere)] for table in (before, after))
    emergencies = (before[:, 8] == 3) & (before[:, 13] == 0)  # own clock: no agenda is involved
    own_clock = (after[:, 8] == 3) & (after[:, 13] == 0)
    assert np.array_equal(before[emergencies], after[own_clock])


SCRIPT = """
import json
from abm import TerritoryModel
m = TerritoryModel("tiny", rng=3, days=60, warm_up_days=20, follow_up_days=20)
m.run_to_end()
print(json.dumps([m.records().episodes.digest(), m.setting.population_fingerprint]))
"""


def digest(**environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_results_do_not_depend_on_the_hash_seed():
    assert digest(PYTHONHASHSEED="1") == digest(PYTHONHASHSEED="4242")


UNCOMPILED = """
import hashlib, json
import numpy as np
from abm import TerritoryModel
m = TerritoryModel("tiny", rng=3, scale=0.2, start="2020-12-20", days=15, warm_up_days=8, follow_up_days=3,
                   gp_departures=1, gp_recruited=1, nurse_delegation_fte=0.1, registration_at_visit_share=0.5)
m.run_to_end()
names = ("stays", "health", "vital", "billed", "paid", "received", "spend_cents", "registrations", "occupied")
digests = {n: hashlib.sha256(np.ascontiguousarray(getattr(m.arrays, n)).tobytes()).hexdigest() for n in names}
rows = m.records().episodes
print(json.dumps([len(rows), int(m.arrays.billed.sum()), rows.digest(), len(m.records().stays), digests]))
"""


def test_the_same_source_uncompiled_gives_the_same_numbers():
    """The rules run line by line (as in a debugger) and agree to the bit with their machine code."""
    found = []
    for disabled in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", UNCOMPILED],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert found[0][0] > 100 and found[0][1] > 0 and found[0][3] > 5
    assert found[0] == found[1]


def test_the_small_practice_and_a_territory_are_of_one_type_to_the_compiler():
    """Otherwise every rule is compiled twice."""
    import numba

    from abm.randomness import seed_key
    from abm.records import with_room_for_records
    from experiments.verify import Practice, practice_world

    territory = TerritoryModel("tiny", rng=0, days=5, warm_up_days=0).arrays
    practice = with_room_for_records(practice_world(Practice(10, 1, 0.1, days=5), seed_key(0)), 100)
    for name, one, other in zip(territory._fields, territory, practice, strict=True):
        assert numba.typeof(one) == numba.typeof(other), name
