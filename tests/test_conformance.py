"""Every intervention keeps the rules that all must keep; the check itself notices when one does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from abm.policies import Lever, Policy, policies
from abm.randomness import Stream, uniforms
from abm.state import Effect, Payer
from experiments import conformance
from experiments.conformance import faults

ROOT = Path(__file__).parents[1]
#: Of each intervention, levers at which it does something on the invented territory.
LEVELS = {
    "gp_departures": {"gp_departures": 1},
    "gp_recruited": {"gp_recruited": 1},
    "health_centres": {"health_centres": 1},
    "nurse_delegation": {"nurse_delegation_fte": 0.2},
    "network": {"network_adherence": 1.0, "network_priority": 1},
    "education": {"patient_education": 10},
    "telemonitoring": {"telemonitoring": 1.0},
    "teleconsultation": {"teleconsultation": 0.5},
    "tele_expertise": {"tele_expertise": 0.5},
    "prescribed_activity": {"prescribed_activity": 0.5},
    "youth_prevention": {"youth_prevention": 1.0},
    "nurse_protocols": {"nurse_protocols": 0.5},
    "itinerant_consultation": {"itinerant_units": 1},
    "professional_training": {"professional_training": 0.5},
}


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.name)
def test_every_intervention_conforms(policy: type[Policy]) -> None:
    assert policy.name in LEVELS, f"give {policy.name} its levers above"
    assert faults(policy, LEVELS[policy.name]) == []


def test_the_network_conforms_in_its_direct_mode_too() -> None:
    (network,) = (policy for policy in policies() if policy.name == "network")
    assert faults(network, {"network_adherence": 1.0, "network_effect": "direct"}) == []


# --- broken on purpose ------------------------------------------------------------------------------------------


class Careless(Policy):
    """Uses the place of an existing lever, so that scenarios know it; each test breaks one rule."""

    name = "careless"
    levers = (Lever("gp_departures", "GPs", "as it happens", 0, 200, int),)

    def prepare(self, model) -> None:
        self.wrong(model)

    def wrong(self, model) -> None: ...


def careless(monkeypatch: pytest.MonkeyPatch, wrong, on_month=None, always: bool = False) -> list[str]:
    """Return the faults of a policy in place of the departures, that does this before the first day."""
    broken = type("Broken", (Careless,), {"wrong": wrong, **({"on_month": on_month} if on_month else {})})

    def active(values):
        return (broken(values),) if always or values.gp_departures else ()

    conformance._baseline("tiny", 3, tuple(sorted(conformance.SETTINGS.items())))
    monkeypatch.setattr("abm.model.active_policies", active)
    return faults(broken, {"gp_departures": 1})


def spend(self, model, today) -> None:
    model.pay_for_action(today, Payer.STATE, 5)


def test_a_policy_at_work_at_its_neutral_value_is_seen(monkeypatch) -> None:
    found = careless(monkeypatch, lambda self, model: None, spend, always=True)
    assert found == ["careless changes results at its neutral values"]


def test_a_policy_that_does_nothing_is_seen(monkeypatch) -> None:
    (found,) = careless(monkeypatch, lambda self, model: None)
    assert "changes nothing" in found


def test_a_foreign_stream_is_seen(monkeypatch) -> None:
    def on_month(self, model, today) -> None:
        uniforms(model.arrays.key, Stream.NEED, np.arange(3))
        spend(self, model, today)

    (found,) = careless(monkeypatch, lambda self, model: None, on_month)
    assert "draws from NEED" in found


def test_a_change_before_the_horizon_is_seen(monkeypatch) -> None:
    def wrong(self, model) -> None:
        model.arrays.effects[:, Effect.FOLLOW_UP_RATIO] = 3.0

    (found,) = careless(monkeypatch, wrong)
    assert "before the horizon" in found


def test_a_broken_law_is_seen(monkeypatch) -> None:
    def on_month(self, model, today) -> None:
        model.arrays.patients.is_enrolled[:5] = 1

    (found,) = careless(monkeypatch, lambda self, model: None, on_month)
    assert "no members without a care network" in found


def test_luck_from_elsewhere_is_seen(monkeypatch) -> None:
    def on_month(self, model, today) -> None:
        model.pay_for_action(today, Payer.STATE, int(np.random.default_rng().integers(1, 10**9)))

    (found,) = careless(monkeypatch, lambda self, model: None, on_month)
    assert "two results at one seed" in found


def test_levers_badly_described_are_seen() -> None:
    levers = (Lever("a", "", "x"), Lever("b", "u", "x", of="c"), Lever("d", "u", "x", 1.0, 2.0))
    found = conformance._faults_of_levers(type("Bad", (Policy,), {"name": "bad", "levers": levers}))
    assert [text.split(":")[0].split(" says")[0].split(" has")[0] for text in found] == [
        "lever 'a'", "lever 'b'", "lever 'd'",
    ]  # fmt: skip


# --- the example of the documentation ---------------------------------------------------------------------------


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "interventions.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- example:.*?-->\n```python\n(.*?)```", page, re.DOTALL)
    assert len(code.splitlines()) <= 45
    (tmp_path / "reminders.py").write_text(code, encoding="utf-8")
    program = f"""
import json, abm.policies
abm.policies.__path__.append({str(tmp_path)!r})  # as if the file lay there
from experiments.conformance import faults, lived, SETTINGS
from abm.policies import policies
(policy,) = [p for p in policies() if p.name == "reminders"]
few, many = (lived("tiny", 3, SETTINGS | {{"reminders": level}}) for level in (0.3, 0.9))
acts = [int((m.records().episodes.kind == 1).sum()) for m in (few, many)]
print(json.dumps([faults(policy, {{"reminders": 0.5}}), acts]))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    found, acts = json.loads(run.stdout.splitlines()[-1])
    assert found == [] and acts[0] < acts[1], "more letters, more follow-up"
