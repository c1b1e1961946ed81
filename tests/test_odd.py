"""The ODD page and the code say the same: tables, sections, functions and tests, both ways."""

import ast
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "ODD.md"
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?) ", re.MULTILINE)
REFERENCE = re.compile(r"\bODD (\d+(?:\.\d+)?(?:, \d+\.\d+)*)")
NAME = re.compile(r"`((?:abm|experiments|calibration)(?:\.\w+)+)`")


def page():
    return PAGE.read_text(encoding="utf-8")


def generator():
    spec = importlib.util.spec_from_file_location("generate_odd", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sections():
    """Number of each section to its text; that of a chapter holds those of its parts."""
    parts = HEADING.split(page())
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    for number in texts:
        chapter = number.partition(".")[0]
        if number != chapter:
            texts[chapter] += texts[number]
    return texts


def references():
    """Yield (section, dotted name of what refers to it, whether it is a whole module)."""
    for path in sorted((ROOT / "abm").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                continue
            is_module = isinstance(node, ast.Module)
            name = module if is_module else f"{module}.{node.name}"
            for match in REFERENCE.finditer(ast.get_docstring(node) or ""):
                yield from ((section, name, is_module) for section in match[1].split(", "))


def test_sections_are_numbered_in_order_and_once():
    numbers = [tuple(map(int, number.split("."))) for number in HEADING.findall(page())]
    assert numbers == sorted(set(numbers))
    assert {(chapter,) for chapter in range(1, 11)} <= set(numbers)


def test_generated_tables_say_what_the_code_says():
    module, text = generator(), page()
    written = [match["name"] for match in module.BLOCK.finditer(text)]
    assert sorted(written) == sorted(module.BLOCKS), "each table stands on the page once"
    assert text.count("<!-- generated:") == text.count("<!-- end -->") == len(written)
    assert not module.check(text), "stale: run make odd"


def test_a_stale_table_is_noticed():
    module, text = generator(), page()
    spoilt = text.replace("abm.agents.visits.hold_visits", "abm.agents.visits.hold_them", 1)
    assert spoilt != text
    assert "schedule" in module.check(spoilt[: spoilt.index("## 4 ")])


def test_docstrings_refer_to_sections_that_name_them():
    found, texts = list(references()), sections()
    assert len(found) > 20, "the search for references has lost its way"
    wrong = []
    for section, name, is_module in found:
        named = set(NAME.findall(texts.get(section, "")))
        if section not in texts:
            wrong.append(f"{name}: there is no section {section}")
        elif name not in named and not (is_module and any(other.startswith(f"{name}.") for other in named)):
            wrong.append(f"{name}: section {section} does not name it")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(set(NAME.findall(PAGE.read_text(encoding="utf-8")))))
def test_what_the_page_names_exists(name):
    found, parts = None, name.split(".")
    for end, part in enumerate(parts, start=1):
        try:  # modules first: a package may have a function of the same name
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            found = getattr(found, part)


def test_evidence_and_files_named_exist():
    files = set(re.findall(r"`((?:tests|abm|docs|calibration|experiments)/[\w./]*\w)`", page()))
    missing = [file for file in sorted(files) if not (ROOT / file).exists()]
    assert not missing


@pytest.mark.parametrize(
    "number",
    ["1", "3", "4.5", "4.10", "5.2", "5.3", "6.1", "6.2", "6.3", *(f"7.{part}" for part in range(1, 13)), "8", "9"],
)
def test_each_part_that_does_something_names_its_evidence(number):
    assert re.search(r"Evidence:\s+`tests/", sections()[number]), number


def test_parameters_cited_exist():
    from abm.parameters import load_parameters

    ids = {row.id for row in load_parameters().rows}
    brackets = re.findall(r"\[([A-Z]{1,2}\d{3}[^\]]*)\]", page())
    cited = {one for text in brackets for one in re.findall(r"\b[A-Z]{1,2}\d{3}\b", text)}
    assert len(cited) > 100
    assert cited <= ids, sorted(cited - ids)
