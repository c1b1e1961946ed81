"""Members and the others: the contrast of a study against what is true, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.members import FEWEST, members

N = FEWEST


def people(spend_of_members: float, spend_of_others: float, *, has_members: bool = True) -> pd.DataFrame:
    rows = [(person, has_members and person < N, 2.0, spend_of_members if person < N else spend_of_others, 4, 20.0)
            for person in range(3 * N)]  # fmt: skip
    return pd.DataFrame(rows, columns=["person", "is_member", "years", "spend_eur", "requests", "days"])


def test_selection_is_not_taken_for_an_effect() -> None:
    """Members cost 600 less a year anyhow; membership saves 50 of that, and costs the others 10."""
    worlds = {"network": people(800.0 - 100.0, 2000.0 + 20.0), "baseline": people(800.0, 2000.0, has_members=False)}
    found = members(lambda scenario, seed: worlds[scenario], (1, 2), ["network"], "baseline")
    value = found[found["measure"] == "spend_per_head_eur"].set_index("what")["value"]
    assert value["selection"] == pytest.approx(-600.0)
    assert value["effect_on_members"] == pytest.approx(-50.0) and value["effect_on_others"] == pytest.approx(10.0)
    assert value["naive"] == pytest.approx(-660.0)
    assert value["naive"] == pytest.approx(value["selection"] + value["effect_on_members"] - value["effect_on_others"])
    waits = found[found["measure"] == "time_to_care_days.gp"].set_index("what")["value"]
    assert waits["naive"] == 0.0 == waits["effect_on_members"]


def test_only_people_of_both_runs_are_compared() -> None:
    other = people(800.0, 2000.0, has_members=False)
    stranger = other.iloc[[0]].assign(person=999, spend_eur=1e9)
    worlds = {"network": people(800.0, 2000.0), "baseline": pd.concat([other, stranger])}
    found = members(lambda scenario, seed: worlds[scenario], (1,), ["network"], "baseline")
    assert found.set_index(["measure", "what"]).at[("spend_per_head_eur", "effect_on_others"), "value"] == 0.0


def test_no_members_no_contrast() -> None:
    nobody = people(1.0, 1.0, has_members=False)
    assert members(lambda scenario, seed: nobody, (1,), ["policy"], "baseline").empty
    assert members(lambda scenario, seed: None, (1,), ["policy"], "baseline").empty
