"""Which code, inputs and machine gave these results?

Owns the manifest of a run, and the comparison of a manifest with what is here now.
"""

from __future__ import annotations

import datetime as dt
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import abm
from abm.errors import InputError

if TYPE_CHECKING:
    from abm.environment.territory import Territory
    from abm.parameters import Parameters

FORMAT = 1
CODE_FOLDERS = ("abm", "experiments", "calibration")
PACKAGES = (
    "mesa", "numba", "llvmlite", "numpy", "scipy", "pandas", "pyarrow", "networkx", "matplotlib", "pydantic", "PyYAML",
    "holidays", "SALib", "typer", "rich",
)  # fmt: skip


def now() -> str:
    """Return the present time, UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@cache
def code_version() -> dict[str, Any]:
    """Return the version of this code and, in a checkout, its commit and whether its files differ from it."""
    root = Path(abm.__file__).parents[1]
    facts: dict[str, Any] = {"version": abm.__version__, "commit": None, "is_modified": None}
    if not (root / ".git").exists():
        return facts
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", *CODE_FOLDERS)
    return facts | {"commit": commit, "is_modified": None if changes is None else bool(changes)}


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that can change a number or a file."""
    return {name: found for name in PACKAGES if (found := _version(name)) is not None}


def machine() -> dict[str, Any]:
    """Return what is known of the machine."""
    return {"python": platform.python_version(), "platform": platform.platform(), "processor": platform.machine()}


def territory_facts(territory: Territory) -> dict[str, Any]:
    """Return how to find the same territory again; `path` is null for a built-in one."""
    from abm.environment.territory import BUILT_IN_FOLDER

    folder = territory.folder.resolve()
    is_built_in = folder.parent == BUILT_IN_FOLDER.resolve()
    return {
        "name": territory.name,
        "title": territory.title,
        "path": None if is_built_in else str(folder),
        "digest": territory.digest,
        "communes": territory.n_communes,
        "population": territory.population,
        "is_invented": bool(territory.description.get("invented")),
        "map_credit": map_credit(territory),
    }


def map_credit(territory: Territory) -> str:
    """Return what must be written beside a map of this territory, the year of its road data included."""
    credits = [str(line) for line in territory.description.get("credits") or []]
    year = (territory.description.get("years") or {}).get("roads")
    dated = [f"road data of {year}"] if year and credits else []
    return "; ".join([*credits, *dated])


def parameter_facts(parameters: Parameters) -> dict[str, Any]:
    """Return the digest of all numbers, those that differ from the registry, and how many are assumptions."""
    numbers = [row for row in parameters.rows if row.value is not None]
    return {
        "digest": parameters.digest,
        "overridden": parameters.overridden,
        "registered": len(numbers),
        "assumptions": sum(row.grade == "C" for row in numbers),
    }


def common_facts() -> dict[str, Any]:
    """Return the part of a manifest that does not depend on what was run."""
    facts = {"format": FORMAT, "code": code_version(), "packages": package_versions()}
    return facts | machine() | {"command": sys.argv}


def changes_since(manifest: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Return in words what differs between two manifests of what should be the same run."""
    names = {
        "the territory's files": ("territory", "digest"),
        "the registered parameters": ("parameters", "digest"),
        "the version of the code": ("code", "version"),
        "the commit of the code": ("code", "commit"),
        "Python": ("python",),
        "the machine": ("processor",),
    }
    changed = [name for name, path in names.items() if _at(manifest, path) != _at(present, path)]
    old, new = manifest.get("packages", {}), present.get("packages", {})
    return changed + [f"{name} {old[name]} -> {new.get(name)}" for name in sorted(old) if old[name] != new.get(name)]


def check_manifest(content: Any, file: Path) -> dict[str, Any]:
    """Return the content of a manifest if a run can be made from it.

    Raises
    ------
    InputError
        It is not the manifest of a run, or one of a later version of this program.
    """
    expected = {"format": int, "scenario": dict, "territory": dict, "seed": int}
    if not isinstance(content, dict):
        raise InputError("is not the manifest of a run: an object expected", file=file)
    for key, kind in expected.items():
        if not isinstance(content.get(key), kind):
            raise InputError(f"is not the manifest of a run: '{key}' is missing or of another kind", file=file)
    if content["format"] > FORMAT:
        raise InputError(f"format {content['format']} found, at most {FORMAT} is known to this version", file=file)
    return content


def _at(content: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = content
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git answers about a checkout, or None without git."""
    try:
        answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
