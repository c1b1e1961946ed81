"""Policies from lever to books: more of one does more under one seed; no effect is none; costs are booked."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from abm.model import TerritoryModel
from abm.parameters import load_parameters
from abm.payments.tables import Category
from abm.scenario import list_scenarios, load_scenario
from abm.state import NetworkFigure, Payer
from experiments.claims import Claims
from experiments.run_tables import tables_of

SETTINGS: dict[str, Any] = {"days": 365, "warm_up_days": 60, "follow_up_days": 30}
SEEDS = (1, 2, 3, 4)


@cache
def lived(seed: int = 1, **levers: Any) -> TerritoryModel:
    model = TerritoryModel("tiny", rng=seed, **(SETTINGS | levers))
    model.run_to_end()
    return model


def value(model: TerritoryModel, indicator: str) -> float:
    table = model.indicators()
    rows = table[(table["indicator"] == indicator) & (table["stratum_kind"] == "all") & (table["period"] == "all")]
    return float(rows["value"].item())


def action_eur(model: TerritoryModel, payer: Payer) -> float:
    return float(model.arrays.paid[:, Category.ACTION, payer].sum()) / 100


# --- monotone under one seed -------------------------------------------------------------------------------------


def test_a_wider_campaign_wins_the_same_professionals_and_more() -> None:
    won, enrolled, all_won = [], [], []
    for share in (0.0, 0.3, 0.8, 1.0):
        network = lived(network_adherence=share, network_campaign_rate=2.0).network
        won.append(set() if network is None else set(np.flatnonzero(network.is_winnable)))
        enrolled.append(0 if network is None else int(network.figures[:, NetworkFigure.ENROLLED].max()))
        all_won.append(0 if network is None else int(network.figures[:, NetworkFigure.PROFESSIONALS].max()))
    assert won[0] <= won[1] <= won[2] <= won[3] and len(won[1]) < len(won[2]) < len(won[3])
    assert all_won == sorted(all_won) and all_won[1] < all_won[3]
    assert enrolled == sorted(enrolled) and enrolled[3] > 0


def test_more_places_teach_more_people() -> None:
    begun = [value(lived(patient_education=places), "education_starts_per_1000") for places in (0, 4, 12)]
    assert begun[0] < begun[1] < begun[2]
    paid = [lived(patient_education=p).arrays.billed[:, Category.EDUCATION].sum() for p in (0, 4, 12)]
    assert paid[0] < paid[1] < paid[2]


def test_more_video_by_a_platform_is_used_more() -> None:
    levels = [{"teleconsultation": s, "teleconsultation_time": "platform"} if s else {} for s in (0, 0.3, 0.8)]
    shares = [value(lived(**level), "teleconsultation_share") for level in levels]
    waits = [value(lived(**level), "time_to_care_days.gp") for level in levels]
    assert shares[0] < shares[1] < shares[2] and waits[2] < waits[0]


# --- without effect ----------------------------------------------------------------------------------------------


def test_without_effect_health_is_the_same_to_the_bit_and_a_contract_pays_by_chance() -> None:
    """Lives, deaths and diseases are the reference's at every seed; over seeds both contracts pay all the same."""
    import pandas as pd

    from experiments.savings import payouts

    kept = []
    for seed in SEEDS:
        for name, levers in (
            ("baseline", {}),
            ("null", {"network_adherence": 1.0, "network_without_effect": 1}),
        ):
            model = TerritoryModel("tiny", rng=seed, **(SETTINGS | levers))
            claims = Claims(model)
            model.run_to_end(claims)
            records = model.records()
            kept.append(tables_of(records, claims).assign(scenario=name, seed=seed))
            if name == "baseline":
                usual = records
        assert records.episodes.digest() == usual.episodes.digest()
        assert records.vital.tobytes() == usual.vital.tobytes() and records.health.tobytes() == usual.health.tobytes()
        assert records.spend_cents.tobytes() == usual.spend_cents.tobytes()
        assert records.paid[:, Category.ACTION].sum() > 0
    found = payouts(pd.concat(kept), "null", "baseline", load_parameters())
    assert found is not None
    for contract in ("kinzigtal", "ipep"):
        assert found.paid_eur[contract].max() > 0 and found.paid_eur[contract].min() >= 0


# --- what policies cost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levers", "payer", "eur"),
    [
        ({"gp_recruited": 2}, Payer.COMPULSORY, 2 * 50_000),
        ({"health_centres": 1}, Payer.TERRITORY, 2 * 30_000),
        ({"nurse_delegation_fte": 0.2}, Payer.COMPULSORY, 0.2 * 60_000),
        ({"teleconsultation": 0.2, "teleconsultation_time": "booth"}, Payer.TERRITORY, 6_000),
    ],
)
def test_supply_has_its_price(levers: dict, payer: Payer, eur: float) -> None:
    """Over twelve months: amounts by hand from the registry, times the pharmacies of the territory for booths."""
    model = lived(**levers, follow_up_days=0)
    number = len(model.communes_with(("pharmacy",))) if "teleconsultation" in levers else 1
    assert number > 0 and action_eur(model, payer) == pytest.approx(eur * number, abs=1)
    assert lived().arrays.paid[:, Category.ACTION].sum() == 0


# --- scenarios ---------------------------------------------------------------------------------------------------

NAMED = (
    "baseline", "network", "education", "teleconsultation", "all_three", "null_network", "kinzigtal",
    "network_diabetes_cardiology", "more_gps", "gp_retirements", "tele_expertise", "teleconsultation_booths",
    "teleconsultation_own_time",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_every_scenario_tells_what_it_stands_for_in_both_languages(name: str) -> None:
    from experiments.report_words import SCENARIOS

    scenario = load_scenario(name)
    assert name in list_scenarios() and scenario.title and len(scenario.description) > 80
    assert all(SCENARIOS[name]) and len(SCENARIOS[name][3]) > 80
    if name != "baseline":
        assert scenario.description != load_scenario().description
