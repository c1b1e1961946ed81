"""Conditions: six diseases whose levels meet the national ones, each one file, none with a number of its own."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.conditions import FOLDER, load_conditions
from abm.errors import InputError
from abm.parameters import load_parameters

CONDITIONS = {condition.name: condition for condition in load_conditions()}
# People by age in France, 2022, in thousands (Insee, rounded), and the share of women.
FRANCE = {
    10: (16_000, 0.49),
    26: (12_100, 0.50),
    40: (8_500, 0.51),
    50: (8_900, 0.50),
    60: (8_700, 0.52),
    70: (7_600, 0.53),
    80: (4_300, 0.57),
    90: (2_300, 0.67),
}


def level(name: str, first_age: int = 0, last_age: int = 120) -> float:
    """Return the share of people of these ages with the condition in the rounded population of France."""
    patients = people = 0.0
    for age, (number, women) in FRANCE.items():
        if first_age <= age <= last_age:
            men_share, women_share = CONDITIONS[name].prevalence([age, age], [0, 1])
            patients += number * ((1 - women) * men_share + women * women_share)
            people += number
    return patients / people


def test_the_six_diseases() -> None:
    expected = ["cancer", "copd", "diabetes", "heart_failure", "hypertension", "other_cardiovascular"]
    assert list(CONDITIONS) == expected


@pytest.mark.parametrize(
    ("name", "ages", "parameter"),
    [
        ("diabetes", (0, 120), "diabetes_treated_prevalence[all]"),
        ("heart_failure", (18, 120), "hf_prevalence_adults"),
        ("copd", (40, 120), "copd_treated_prevalence_40plus"),
        ("cancer", (0, 120), "cancer_prevalence_active_care"),
    ],
)
def test_profiles_meet_the_national_level(name: str, ages: tuple[int, int], parameter: str) -> None:
    row = load_parameters().entry(parameter)
    assert row.low is not None and row.high is not None
    assert row.low <= level(name, *ages) <= row.high


def test_profiles_meet_what_is_derived_from_two_numbers() -> None:
    registry = load_parameters()
    treated = registry["hypertension_prevalence_18_74"] * registry["hypertension_treated"]
    assert level("hypertension", 18, 74) == pytest.approx(treated, rel=0.1)
    in_care = 5.3 / 68  # million people in cardio-neurovascular care, of all
    assert level("other_cardiovascular") + level("heart_failure") == pytest.approx(in_care, rel=0.1)


@given(st.sampled_from(sorted(CONDITIONS)), st.lists(st.tuples(st.integers(0, 115), st.booleans()), min_size=1))
def test_prevalence_is_a_share_and_treats_each_person_alone(name: str, people: list[tuple[int, bool]]) -> None:
    ages, is_female = zip(*people, strict=True)
    shares = CONDITIONS[name].prevalence(ages, is_female)
    assert shares.shape == (len(people),) and ((shares >= 0) & (shares <= 1)).all()
    alone = [CONDITIONS[name].prevalence([age], [sex])[0] for age, sex in people]
    np.testing.assert_array_equal(shares, alone)


@pytest.mark.parametrize(("age", "expected"), [(17.9, 0.0), (18, 0.0012), (44.9, 0.0012), (45, 0.011), (110, 0.175)])
def test_bands_begin_at_their_first_age(age: float, expected: float) -> None:
    assert CONDITIONS["heart_failure"].prevalence([age], [1])[0] == expected


def test_sexes_are_not_exchanged() -> None:
    assert CONDITIONS["diabetes"].prevalence([80, 80], [0, 1]).tolist() == [0.21, 0.15]


def test_overrides_reach_the_conditions() -> None:
    changed = load_parameters().with_values({"ald_share[copd]": 0.4, "gp_follow_up_interval_days[copd]": 120})
    copd = {condition.name: condition for condition in load_conditions(changed)}["copd"]
    assert (copd.ald_share, copd.gp_follow_up_interval_days) == (0.4, 120)


def test_files_hold_no_numbers_but_ages() -> None:
    for file in FOLDER.glob("*.yaml"):
        for line in file.read_text(encoding="utf-8").splitlines():
            rest = re.sub(r'#.*|"[^"]*"|^  \d+(-\d+|\+):', "", line)
            assert not re.search(r"\d", rest), (file.name, line)


def test_a_seventh_disease_is_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "conditions"
    shutil.copytree(FOLDER, folder)
    shutil.copy(Path(__file__).with_name("asthma.yaml"), folder)
    shipped = (FOLDER.parent / "parameters").glob("*.csv")
    conditions = load_conditions(load_parameters([*shipped, *folder.glob("*.yaml")]), folder)
    assert len(conditions) == 7 and conditions[0].prevalence([3, 90], [0, 1]).tolist() == [0.2, 0.2]


GOOD = (FOLDER / "heart_failure.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        ("ald_share:", "ald_shares:", "line 21: unknown key 'ald_shares'. Did you mean 'ald_share'"),
        ("  fr: Insuffisance cardiaque", "", "line 3: 'title.fr' is missing"),
        ("name: heart_failure", "name: heart", "line 2: 'name': found 'heart', expected that of the file"),
        ("hf_prevalence[age=18-44]", "hf_prevalance[age=18-44]", "Did you mean 'hf_prevalence[age=18-44]'"),
        ("hf_prevalence[age=18-44]", "hf_mean_length_of_stay", "line 9: found 10, expected 0 to 1"),
        ("hf_prevalence[age=18-44]", "copd_severity_split", "line 9: 'copd_severity_split' holds a text"),
        ("45-64: {", "46-64: {", "line 10: found ages '46-64', expected a band from 45"),
        ("18-44: {", "young: {", "line 9: found ages 'young', expected such as 45-54 or 85+"),
        ("18-44: {", "44-18: {", "line 9: found ages '44-18', which end before they begin"),
        ("85+: {", "85-99: {", "line 8: the last ages end at 99, expected an open band such as 85+"),
        ("65-74: {", "65+: {", "line 12: found ages '75-84', expected nothing after an open band"),
        ('{parameter: "ald_share[heart_failure]"}', "0.6", "line 21: 'ald_share': found 0.6, expected names"),
        ('{parameter: "hf_prevalence[age=85+]"}', "{male: 0.1}", "line 13: 'prevalence.85+.female' is missing"),
        ("  en: Heart failure", "  en: 3", "line 4: 'title.en': found 3, expected a text"),
        (
            "persons_per_year:",
            "rates:",
            "line 39: 'events.decompensation': expected one of 'rate' and 'persons_per_year'",
        ),
        ("    ward: medicine", "    ward: medecine", "unknown ward 'medecine'. Did you mean 'medicine'"),
        ("    ward: medicine", "", "'events.decompensation.ward' is missing"),
        (
            "is_avoidable: true",
            "is_avoidable: often",
            "is_avoidable': found 'often', expected true or false",
        ),
        ("is_avoidable: true", "avoidable: true", "unknown key 'avoidable'. Did you mean 'is_avoidable'"),
        (
            "death_share: {parameter: hf_inhospital_fatality}",
            'death_share: {parameter: "hf_annual_mortality[all_prevalent]"}',
            "'hf_annual_mortality[all_prevalent]' is in 'per yr', expected a share",
        ),
        (
            "persons_per_year: {parameter: hf_admission_per_prevalent_case}",
            "rate: {parameter: hf_inhospital_fatality}",
            "'hf_inhospital_fatality' is in 'share', expected a rate a year",
        ),
        (
            "death_share: {parameter: hf_inhospital_fatality}",
            "death_share: {parameter: hf_mean_length_of_stay}",
            "found 10, expected 0 to 1",
        ),
        (
            "stay_days: {parameter: hf_mean_length_of_stay}",
            'stay_days: {parameter: "cardiologist_visits[heart_failure]"}',
            "is in 'visits/person/yr', expected days",
        ),
        (
            'decrement: {parameter: "utility_decrement[heart_failure]"}',
            'decrement: {parameter: "control_sd[heart_failure]"}',
            "found 0.2, expected -1 to 0",
        ),
        (
            'drift_per_month_late: {parameter: "control_drift[heart_failure]"}',
            'drift_per_month_late: {parameter: "control_drift[diabetes]"}',
            "found the unit '% per month late', expected 'score 0-1 per month late'",
        ),
        (
            'best: {parameter: "control_best[heart_failure]"}',
            'best: {parameter: "control_worst[heart_failure]"}',
            "'control.mean': found 0.35, expected 1 to 1",
        ),
        (
            "[cardiologist]",
            "[cardiologue]",
            "'cardiologue' is not among the specialists of the follow-up. Did you mean",
        ),
        ("[cardiologist]", "cardiologist", "'control.restored_by': found 'cardiologist', expected a list"),
        ("incidence: steady_state", "incidence: steady", "found 'steady', expected 'steady_state' or rates by age"),
        (
            "incidence: steady_state",
            "incidence: {18+: {parameter: hf_prevalence_adults}}",
            "'hf_prevalence_adults' is in 'share of adults', expected a rate a year",
        ),
        ("  fr: Insuffisance cardiaque", "  fr: Insuffisance\nparameters: 3", "expected names with their columns"),
    ],
)
def test_bad_file(tmp_path: Path, found: str, put: str, message: str) -> None:
    assert found in GOOD
    (tmp_path / "heart_failure.yaml").write_text(GOOD.replace(found, put, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_parameters([tmp_path / "heart_failure.yaml"])
        load_conditions(folder=tmp_path)
    assert message in str(caught.value) and "heart_failure.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        ("unit: days, ", "", "line 46, column unit: empty"),
        ("value: 0.2, low: 0.05, high: 0.3", "value: 1.2, low: 0.05, high: 1.3", "line 5: found 1.2, expected 0 to 1"),
        ("unit: per 1000 patients/yr", "unit: share", "'asthma_attack_rate' is in 'share', expected a rate a year"),
        ("unit: per person-yr", "unit: days", "'asthma_incidence' is in 'days', expected a rate a year"),
    ],
)
def test_bad_numbers_of_a_file(tmp_path: Path, found: str, put: str, message: str) -> None:
    text = Path(__file__).with_name("asthma.yaml").read_text(encoding="utf-8")
    assert found in text
    file = tmp_path / "asthma.yaml"
    file.write_text(text.replace(found, put, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_conditions(load_parameters([*sorted((FOLDER.parent / "parameters").glob("*.csv")), file]), tmp_path)
    assert message in str(caught.value) and "asthma.yaml" in str(caught.value)


def test_rates_and_ratios_change_their_unit() -> None:
    """Per 1,000 patients becomes per patient; "14 % fewer per point less" becomes a ratio per point more."""
    events = {event.name: event for event in CONDITIONS["diabetes"].events}
    assert sorted(events) == ["amputation", "decompensation", "esrd_start", "foot_ulcer", "mi", "stroke"]
    assert events["mi"].rate_per_year == pytest.approx(0.00391)
    assert events["mi"].control_ratio == pytest.approx(1 / 0.86)
    assert events["amputation"].utility_loss == 0.28 and events["decompensation"].utility_loss == 0.0
    heart = CONDITIONS["heart_failure"].events[0]
    assert (heart.persons_per_year, heart.deprivation_ratio, heart.death_share) == (0.131, 1.6, 0.102)
    assert CONDITIONS["cancer"].incidence_by_age == {0: 0.0066} and CONDITIONS["copd"].incidence_by_age == {}


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no condition file"):
        load_conditions(folder=tmp_path)
