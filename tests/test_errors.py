"""One message: where, what was found, what was expected."""

import pickle

import pytest

from abm.errors import InputError, nearest


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "no such thing"),
        ({"file": "a.csv"}, "a.csv: no such thing"),
        ({"file": "a.csv", "line": 3}, "a.csv, line 3: no such thing"),
        ({"file": "a.csv", "line": 3, "column": "value"}, "a.csv, line 3, column value: no such thing"),
    ],
)
def test_message_tells_where(where: dict, expected: str) -> None:
    assert str(InputError("no such thing", **where)) == expected


def test_nearest_names_the_closest() -> None:
    assert nearest("teleconsultaton", ["teleconsultation", "days"]) == " Did you mean 'teleconsultation'?"


def test_nearest_lists_the_known_when_none_is_close() -> None:
    assert nearest("zzz", ["days", "start"]) == " Known: days, start."
    assert nearest("zzz", [f"name_{i}" for i in range(20)]).endswith(", ….")


def test_message_survives_a_worker_process() -> None:
    assert "wrong" in str(pickle.loads(pickle.dumps(InputError("wrong", file="a.csv", line=3))))
