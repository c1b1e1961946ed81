"""Results as research data: who made what, from which inputs, with which program? An RO-Crate of a results folder.

Owns the writing of `ro-crate-metadata.json` (RO-Crate 1.1, https://w3id.org/ro/crate/1.1): JSON-LD that archives and
catalogues read. Everything in it comes from `manifest.json` and the files themselves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abm.errors import InputError
from experiments.store import MANIFEST, digests, write_json

CRATE = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CONFORMS_TO = "https://w3id.org/ro/crate/1.1"
PROGRAM, ACTION = "#territoire", "#made"
FORMATS = {
    ".csv": "text/csv", ".json": "application/json", ".parquet": "application/vnd.apache.parquet",
    ".svg": "image/svg+xml", ".png": "image/png", ".html": "text/html",
}  # fmt: skip
LEFT_OUT = ("_lock", CRATE)


def write_crate(folder: str | Path) -> Path:
    """Describe a finished results folder as an RO-Crate; return the file, which is written anew each time.

    Raises
    ------
    InputError
        Nothing finished in this folder (no manifest).
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"holds no finished results (no {MANIFEST})", file=folder) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{MANIFEST} cannot be read: {error}", file=folder) from None
    write_json(folder / CRATE, crate(folder, manifest))
    return folder / CRATE


def crate(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a results folder.

    Parameters
    ----------
    manifest : as in `manifest.json`, of a run or of a sweep.
    """
    found: dict[str, str | None] = {**digests(folder), MANIFEST: None}
    files = [_file(folder, name, digest) for name, digest in found.items() if _is_part(name)]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": _title(manifest),
        "description": _description(manifest),
        "datePublished": manifest.get("ended"),
        "license": "The program: MIT. Data of the territory keep the licences named in the SOURCES.md of its pack.",
        "hasPart": [{"@id": entity["@id"]} for entity in files],
        "mentions": [{"@id": ACTION}],
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": CONFORMS_TO},
        "about": {"@id": "./"},
    }
    return {"@context": CONTEXT, "@graph": [descriptor, root, *files, _action(manifest), *_programs(manifest)]}


def _is_part(name: str) -> bool:
    return name not in LEFT_OUT and not any(piece.startswith("_") for piece in name.split("/"))


def _file(folder: Path, name: str, digest: str | None) -> dict[str, Any]:
    path = folder / name
    facts: dict[str, Any] = {"@id": name, "@type": "File", "name": path.name, "contentSize": str(path.stat().st_size)}
    facts["encodingFormat"] = FORMATS.get(path.suffix, "application/octet-stream")
    return facts | ({"sha256": digest} if digest else {})


def _title(manifest: dict[str, Any]) -> str:
    design = manifest.get("design")
    if isinstance(design, dict):
        return f"Sweep {design.get('title') or design.get('name') or ''}".strip()
    scenario = manifest["scenario"]
    return f"Simulation of scenario {scenario.get('title') or scenario['name']}"


def _description(manifest: dict[str, Any]) -> str:
    if isinstance(manifest.get("design"), dict):
        where, runs = ", ".join(manifest.get("territories", {})), manifest.get("runs", {})
        return f"{runs.get('done', 0):,} runs of an agent-based simulation of a health territory ({where})."
    title = manifest["territory"].get("title")
    return f"One run of an agent-based simulation of a health territory ({title}), seed {manifest['seed']}."


def _action(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the making of the results: with which program, on which machine, when, by which command."""
    return {
        "@id": ACTION,
        "@type": "CreateAction",
        "name": "simulation",
        "description": " ".join(str(word) for word in manifest.get("command", [])),
        "startTime": manifest.get("started"),
        "endTime": manifest.get("ended"),
        "instrument": [{"@id": entity["@id"]} for entity in _programs(manifest)],
        "result": {"@id": "./"},
        "object": {"@id": MANIFEST},
    }


def _programs(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return this program, in which version, and the packages it ran with."""
    code = manifest.get("code", {})
    version = " ".join(str(part) for part in (code.get("version"), code.get("commit")) if part)
    if code.get("is_modified"):
        version += " (modified)"
    own = {"@id": PROGRAM, "@type": "SoftwareApplication", "name": "territoire", "softwareVersion": version}
    packages = {"Python": manifest.get("python"), **manifest.get("packages", {})}
    others = [
        {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": number}
        for name, number in packages.items()
        if number
    ]
    return [own, *others]
