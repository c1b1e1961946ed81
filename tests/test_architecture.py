"""One direction of data: territory and parameters, population, simulation, records, indicators, experiments, report."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each layer may import itself and what stands before it.
LAYERS = [
    ("abm.errors", "abm.equity"),
    ("abm.yaml_reader", "abm.compiled", "abm.memory", "abm.calendar"),
    ("abm.parameters", "abm.randomness", "abm.state", "abm.handle", "abm.effects"),
    ("abm.policies",),
    ("abm.conditions", "abm.scenario"),
    ("abm.environment.tables", "abm.environment.pack", "abm.environment.territory", "abm.environment.roads",
     "abm.environment.completing", "abm.environment.new_pack",
     "abm.environment.travel", "abm.environment.access", "abm.environment.diary", "abm.environment.agenda"),
    ("abm.payments.tables", "abm.payments.tariffs", "abm.payments.background"),
    ("abm.population", "abm.supply", "abm.settings", "abm.hospital_supply",
     "abm.population_course", "abm.life_tables", "abm.arrivals"),
    ("abm.payments",),
    ("abm.agents.calls", "abm.agents.endings", "abm.agents.beds"),
    ("abm.agents.leaving", "abm.agents.needs", "abm.environment.outside_demand"),
    ("abm.agents.registration", "abm.agents.health", "abm.agents.stays", "abm.agents.demography",
     "abm.agents.payments"),
    ("abm.agents.telehealth", "abm.agents.seeking", "abm.agents.visits"),
    ("abm.records",),
    ("abm.agents.professional", "abm.agents.general_practitioner", "abm.agents.specialist", "abm.agents.hospital",
     "abm.agents.patient", "abm.agents.education"),
    ("abm.agents.openings", "abm.agents.network"),
    ("abm.agents.decisions",),
    ("abm.illness",),
    ("abm.schedule", "abm.world"),
    ("abm.laws",),
    ("abm.indicators",),
    ("abm.model", "abm"),
    ("experiments", "calibration", "abm.app"),
]  # fmt: skip


def layer_of(module: str) -> int:
    """Return the place of a module's layer; a package stands for its modules unless they are named."""
    for name in (module, *(module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1))):
        for level, members in enumerate(LAYERS):
            if name in members:
                return level
    raise AssertionError(f"{module} belongs to no layer: give it one in {Path(__file__).name}")


def imports_of(path: Path) -> set[str]:
    """Return the modules of this project that a file imports when it runs (not those for type checkers only)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            folder = ROOT / node.module.replace(".", "/")
            found |= {f"{node.module}.{alias.name}" for alias in node.names if (folder / f"{alias.name}.py").is_file()}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("abm", "experiments", "calibration")}


FILES = sorted(p for top in ("abm", "experiments", "calibration") for p in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = layer_of(module)
    too_high = {name for name in imports_of(path) if layer_of(name) > own}
    assert not too_high, f"{module} imports {sorted(too_high)}"


def test_no_file_names_a_place_of_one_machine():
    for path in (p for p in ROOT.rglob("*") if p.suffix in {".py", ".md", ".yaml", ".toml", ".csv"}):
        if not any(part.startswith(".") or part == "outputs" for part in path.relative_to(ROOT).parts):
            text = path.read_text(encoding="utf-8")
            assert "/" + "work/" not in text and "/" + "root/" not in text, path
