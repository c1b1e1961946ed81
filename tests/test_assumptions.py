"""The page of assumptions is the one that its data make, and every assumption has numbers and effects."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("assumptions_page", ROOT / "docs" / "assumptions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_in_step_with_its_data(made) -> None:
    assert (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8") == made.page(), (
        "run python docs/assumptions.py"
    )


def test_every_assumption_can_be_run_at_both_ends(made) -> None:
    from abm.scenario import load_scenario

    points = made.points()
    assert len(points) == 1 + 2 * len(made.assumptions())
    for point in points.values():
        load_scenario(made.SCENARIO, parameters=point)
    for number in range(1, len(made.assumptions()) + 1):
        assert points[f"{number} low"] != points[f"{number} high"]


def test_numbers_are_assumptions_and_stand_once(made) -> None:
    from abm.parameters import load_parameters

    names = [name for row in made.assumptions() for name in row["parameters"].split(";")]
    assert len(names) == len(set(names))
    grades = [load_parameters().entry(name).grade for name in names]
    assert grades.count("C") > 0.8 * len(grades)
