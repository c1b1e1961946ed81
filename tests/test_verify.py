"""`territoire verify`: every check holds, a broken rule is seen, closed forms agree with what they are limits of."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from abm.errors import InputError
from experiments import closed_forms
from experiments.cli import app
from experiments.verification_checks import TOPICS, Check, Effort, queues
from experiments.verifying import judged, verify, z_limit


@pytest.fixture(scope="module")
def everything():
    return verify(seed=3)


def test_every_check_holds(everything) -> None:
    """False alarm: once in a thousand seeds, by construction."""
    failed = everything.table[~everything.table["is_sound"]]
    assert failed.empty, failed.to_string()
    assert set(everything.seconds) == set(TOPICS)
    topics = set(everything.table["topic"])
    assert {"slotted practice", "queues", "beds", "accessibility", "travel", "disease clocks", "economics"} <= topics
    assert {"inequality", "random generator", "samplers", "contracts"} <= topics


def test_z_scores_are_those_of_a_right_model(everything) -> None:
    """Of some fifty z, not all near 0 (errors too large) and not too many beyond 2 (errors too small)."""
    z = everything.table["z"].replace([np.inf, -np.inf], np.nan).dropna()
    assert len(z) > 40
    assert 0.3 < z[z != 0].std() < 1.7


@pytest.mark.parametrize(("servers", "arrivals"), [(1, 0.5), (1, 0.8), (1, 0.95)])
def test_one_server_is_pollaczek(servers: int, arrivals: float) -> None:
    assert closed_forms.wait_m_d_c(servers, arrivals) == pytest.approx(arrivals / (2 * (1 - arrivals)), rel=1e-9)


def test_more_servers_wait_less_at_the_same_load() -> None:
    waits = [closed_forms.wait_m_d_c(c, 0.9 * c) for c in (1, 2, 5, 20)]
    assert waits == sorted(waits, reverse=True)
    # Cosmetatos' approximation of M/D/c is good to a few percent.
    c, load = 5, 0.9
    erlang_c = closed_forms.erlang_b(c, c * load) / (1 - load * (1 - closed_forms.erlang_b(c, c * load)))
    m_m_c = erlang_c / (c * (1 - load))
    factor = 0.5 * (1 + (1 - load) * (c - 1) * (math.sqrt(4 + 5 * c) - 2) / (16 * load * c))
    assert waits[2] == pytest.approx(factor * m_m_c, rel=0.03)


def test_steps_tend_to_the_queue_without_memory() -> None:
    found = [closed_forms.delay_m_m_1_in_steps(0.5 * h, 1.0 * h) * h for h in (0.1, 0.01, 0.0001)]
    assert found[-1] == pytest.approx(2.0, rel=1e-3)
    assert abs(found[2] - 2.0) < abs(found[1] - 2.0) < abs(found[0] - 2.0)


def test_erlang_b_by_hand() -> None:
    assert closed_forms.erlang_b(1, 1.0) == pytest.approx(0.5)
    assert closed_forms.erlang_b(2, 1.0) == pytest.approx(0.2)
    assert closed_forms.erlang_b(0, 3.0) == 1.0


def test_poisson_excess_is_the_mean_of_what_exceeds() -> None:
    from scipy.stats import poisson

    n = np.arange(200)
    for mean, bound in ((3.0, 4), (18.0, 20)):
        by_sum = (np.maximum(n - bound, 0) * poisson.pmf(n, mean)).sum()
        assert closed_forms.poisson_excess(mean, bound) == pytest.approx(by_sum, rel=1e-9)


def test_verdicts() -> None:
    """Exact checks allow rounding only; z counts from the end of the allowance; limits widen with the number."""
    checks = [
        Check("t", "exact", 1.0, 1.0 + 1e-12, allowance=1e-9),
        Check("t", "inexact", 1.0, 1.001, allowance=1e-9),
        Check("t", "near", 1.0, 1.3, error=0.1),
        Check("t", "far", 1.0, 2.0, error=0.1),
        Check("t", "far but for the allowance", 1.0, 2.0, error=0.1, allowance=0.8),
        Check("t", "never any luck, and off", 1.0, 2.0, error=0.0),
    ]
    table = judged(checks).set_index("check")
    assert table["is_sound"].to_dict() == {
        "exact": True, "inexact": False, "near": True, "far": False, "far but for the allowance": True,
        "never any luck, and off": False,
    }  # fmt: skip
    assert table["z"]["near"] == pytest.approx(-3.0)
    assert table["z"]["far but for the allowance"] == pytest.approx(-2.0)
    assert z_limit(100, math.inf) > z_limit(1, math.inf)
    assert z_limit(1, 5) > z_limit(1, math.inf)


def test_a_doctor_who_works_slower_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaking what is checked changes the verdict: one slot fewer, and the queue is another."""
    import experiments.verify as practice

    whole = practice._agendas
    monkeypatch.setattr(practice, "_agendas", lambda case, n_days, slots: whole(_with_fewer(case), n_days, slots))
    table = judged([c for c in queues(Effort(seed=3)) if "booking code" in c.name])
    assert not table["is_sound"].all()


def _with_fewer(case):
    from dataclasses import replace

    return replace(case, slots=max(1, case.slots - 1) if case.slots == 5 else case.slots)


def test_unknown_topic() -> None:
    with pytest.raises(InputError, match="queues"):
        verify(["queus"])


def test_command_tells_machines_and_fails_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    found = CliRunner().invoke(app, ["verify", "--topic", "access", "--json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["is_sound"]
    monkeypatch.setattr(closed_forms, "HIV_ICER", {"one time": 40_000.0})
    found = CliRunner().invoke(app, ["verify", "--topic", "economics"])
    assert found.exit_code == 1
    assert "FAILS" in found.stdout
