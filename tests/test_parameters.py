"""The registry: every number is there, within its range, with unit, source and grade; bad files say where."""

import csv
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.errors import InputError
from abm.parameters import COLUMNS, Parameters, load_parameters

HEADER = ",".join(COLUMNS)
ROW = "Z001,supply,half,0.5,0,1,share,assumption,n.d.,C,"
REGISTRY = load_parameters()
NUMERIC = [row for row in REGISTRY.rows if row.value is not None]


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "registry.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return file


def test_evidence_is_complete() -> None:
    evidence = load_parameters([Path(sys.modules["abm.parameters"].__file__ or "").parent / "evidence.csv"])
    assert len(evidence.rows) == 452
    assert evidence["gp_effective_minutes_per_act"] == evidence["S009"] == 23.9


def test_every_number_lies_in_its_range_and_has_a_unit_source_and_grade() -> None:
    for row in REGISTRY.rows:
        assert row.unit and row.source and row.grade in "ABC"
        assert row.value is None or (row.low is not None and row.high is not None and row.low <= row.value <= row.high)


def test_assumptions_of_the_model_are_graded_and_explained() -> None:
    for row in REGISTRY.rows:
        if row.id.startswith("M"):
            assert row.note, row.name
            assert row.grade == "C" or not row.source.startswith("assumption"), row.name


@given(st.sampled_from(NUMERIC))
def test_name_and_id_find_the_same_number(row) -> None:
    assert REGISTRY[row.name] == REGISTRY[row.id] == row.value
    assert row.name in REGISTRY and row.id in REGISTRY


def test_texts_stay_texts() -> None:
    assert REGISTRY.entry("copd_severity_split").text == "0.719/0.138/0.081/0.062"
    assert REGISTRY.entry("N030").text == "D8"
    assert "copd_severity_split" not in REGISTRY
    with pytest.raises(InputError, match="holds a text"):
        REGISTRY["copd_severity_split"]


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'gp_load'"):
        REGISTRY["gp_laod"]
    assert REGISTRY.get("gp_laod") is None


def test_family() -> None:
    family = REGISTRY.matching("gp_acts_per_year")
    assert list(family)[:2] == ["age=0-4", "age=5-14"] and family["age=0-4"] == 4.3
    with pytest.raises(InputError, match="Did you mean 'gp_acts_per_year'"):
        REGISTRY.matching("gp_acts_per_years")


@given(st.sampled_from(NUMERIC), st.floats(0, 1))
def test_any_value_within_the_range_overrides(row, share: float) -> None:
    value = min(max(row.low + share * (row.high - row.low), row.low), row.high)
    changed = REGISTRY.with_values({row.id: value})
    assert changed[row.name] == value and changed.overridden == {row.name: value}
    assert REGISTRY[row.name] == row.value, "the registry itself never changes"
    assert (changed.digest == REGISTRY.digest) == (value == row.value)
    assert {name for name in REGISTRY if changed[name] != REGISTRY[name]} <= {row.name}


@given(st.sampled_from(NUMERIC), st.floats(min_value=1e-6, max_value=1e6))
def test_values_outside_the_range_are_refused_with_the_range(row, excess: float) -> None:
    for value in (row.high + max(excess, 1e-9 * abs(row.high)), row.low - max(excess, 1e-9 * abs(row.low))):
        with pytest.raises(InputError, match="expected .* to "):
            REGISTRY.with_values({row.name: value})


@pytest.mark.parametrize("value", ["0.9", None, True, float("nan"), float("inf"), [0.9], 10**400])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="'gp_load': found .*, expected a number"):
        REGISTRY.with_values({"gp_load": value})  # type: ignore[dict-item]


def test_overrides_add_up_and_name_each_parameter_once() -> None:
    both = REGISTRY.with_values({"gp_load": 0.9}).with_values({"gp_flex_share": 0.1})
    assert both.overridden == {"gp_load": 0.9, "gp_flex_share": 0.1}
    with pytest.raises(InputError, match="given twice"):
        REGISTRY.with_values({"gp_load": 0.9, REGISTRY.entry("gp_load").id: 0.9})


def test_parameters_are_frozen_and_travel_between_processes() -> None:
    with pytest.raises(AttributeError):
        REGISTRY.rows = ()  # type: ignore[misc]
    copy: Parameters = pickle.loads(pickle.dumps(REGISTRY.with_values({"gp_load": 0.9})))
    assert copy["gp_load"] == 0.9 and copy.digest != REGISTRY.digest


def test_frame_shows_the_values_in_force() -> None:
    frame = REGISTRY.with_values({"gp_load": 0.9}).to_frame().set_index("name")
    assert frame.loc["gp_load", "value"] == 0.9 and frame.loc["gp_load", "is_overridden"]
    assert frame["is_overridden"].sum() == 1 and len(frame) == len(REGISTRY.rows)


def test_reading_parameters_does_not_import_pandas() -> None:
    code = "import sys, abm.parameters; abm.parameters.load_parameters(); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


BAD_ROWS = {
    "id": (ROW.replace("Z001", ""), "empty"),
    "unit": (ROW.replace("share", ""), "empty"),
    "source": (ROW.replace("assumption", " "), "empty"),
    "value": (ROW.replace("0.5", "half"), "found 'half', expected a number"),
    "low": (ROW.replace(",0,1,", ",,1,"), "found '', expected a number"),
    "high": (ROW.replace(",0,1,", ",0,inf,"), "found 'inf', expected a number"),
    "grade": (ROW.replace(",C,", ",D,"), "found 'D', expected A, B or C"),
    "low ": (ROW.replace(",0,1,", ",1,0,"), "low (1) is above high (0)"),
    "value ": (ROW.replace("0.5", "1.5"), "1.5 lies outside its range, 0 to 1"),
}


@pytest.mark.parametrize(("column", "row", "message"), [(key.strip(), *bad) for key, bad in BAD_ROWS.items()])
def test_bad_cell_is_named_by_file_line_and_column(tmp_path: Path, column: str, row: str, message: str) -> None:
    good = ROW.replace("Z001", "Z000").replace("half", "other")
    with pytest.raises(InputError) as caught:
        load_parameters([write(tmp_path, good, row)])
    assert (caught.value.line, caught.value.column) == (3, column)
    assert caught.value.message == message and "registry.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([ROW, ROW], HEADER, "line 3, column id: 'Z001' stands already in registry.csv, line 2"),
        ([ROW, ROW.replace("Z001", "Z002")], HEADER, "line 3, column name: 'half' stands already"),
        ([ROW], HEADER.replace("grade", "confidence"), "line 1, column 10: the header has 'confidence'"),
        ([ROW], HEADER + ",more", "line 1: the header has 12 columns, expected 11"),
        ([ROW], "", "line 1: the header has 0 columns"),
        ([ROW + ",more"], HEADER, "line 2: found 12 cells, expected 11"),
        (["Z001"], HEADER, "line 2: found 1 cells, expected 11"),
    ],
)
def test_bad_table_is_refused(tmp_path: Path, rows: list[str], header: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_parameters([write(tmp_path, *rows, header=header)])
    assert message in str(caught.value)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_parameters([tmp_path / "missing.csv"])
    (tmp_path / "latin.csv").write_bytes("réseau".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_parameters([tmp_path / "latin.csv"])


def test_rows_may_stand_in_a_yaml_file(tmp_path: Path) -> None:
    file = tmp_path / "asthma.yaml"
    cells = {"id": "Z001", "value": 0.06, "low": 0.05, "high": 0.08, "unit": "share", "source": "assumption"}
    text = "".join(f"    {column}: {value}\n" for column, value in (cells | {"grade": "C"}).items())
    file.write_text(f"parameters:\n  asthma_share:\n{text}", encoding="utf-8")
    assert load_parameters([file])["asthma_share"] == 0.06
    file.write_text(file.read_text().replace("grade", "grad"), encoding="utf-8")
    with pytest.raises(InputError, match="line 9: unknown column 'grad'. Did you mean 'grade'"):
        load_parameters([file])


def test_rows_read_back_as_written(tmp_path: Path) -> None:
    with write(tmp_path).open("w", newline="", encoding="utf-8") as stream:
        rows = [[getattr(row, column) for column in COLUMNS] for row in NUMERIC]
        csv.writer(stream).writerows([COLUMNS, *rows])
    again = load_parameters([tmp_path / "registry.csv"])
    assert dict(again) == dict(REGISTRY)
