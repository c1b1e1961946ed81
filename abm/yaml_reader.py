"""Where in a YAML file does each value stand, so that a message can name the line?

Owns the one way YAML is read here: safely, keys as text, no duplicate keys, no anchors, `1e-3` a number.
It knows nothing about what a file means.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from abm.errors import InputError

KeyPath = tuple[str | int, ...]
PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with floats as in YAML 1.2: PyYAML reads `1e-3` as text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9]*(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass(frozen=True)
class YamlDocument:
    """The content of one YAML file and the line of every key and list item.

    Parameters
    ----------
    file : the file read.
    data : its content, a mapping; empty when the file is.
    lines : key path, e.g. ("levers", "teleconsultation"), to line, counted from 1.
    """

    file: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def line(self, *path: str | int) -> int:
        """Return the line of a key path, or of the nearest enclosing key that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, message: str, *path: str | int) -> InputError:
        """Return (not raise) the error that points at a key path of this file."""
        return InputError(message, file=self.file, line=self.line(*path))


def read_yaml(file: Path | str) -> YamlDocument:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    InputError
        No such file, not UTF-8, not YAML, a duplicate key, an anchor, a tag, a value that cannot be (30 February).
    """
    file = Path(file)
    return parse_yaml(file, read_text(file))


def parse_yaml(file: Path, text: str) -> YamlDocument:
    """Return what the text of a YAML file says; `file` is for the messages. Raises as `read_yaml`."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        data = _Builder(file, loader, lines).build(node, ()) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        raise InputError(_reason(error), file=file, line=_line(error)) from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {error}".splitlines()[0], file=file) from None
    except RecursionError:
        raise InputError("nested too deeply to be read", file=file) from None
    if not isinstance(data, dict):
        raise InputError(f"found a {_kind(data)}, expected keys with values", file=file, line=1)
    return YamlDocument(file, data, lines)


def read_text(file: Path) -> str:
    """Read a UTF-8 text file.

    Raises
    ------
    InputError
        The file cannot be opened or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from None


class _Builder:
    """Turns YAML nodes into values and notes their lines."""

    def __init__(self, file: Path, loader: _Loader, lines: dict[KeyPath, int]) -> None:
        self.file, self.loader, self.lines = file, loader, lines
        self.seen: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the value of a node standing at `path`."""
        self.lines.setdefault(path, _node_line(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self.seen:
            raise self._error("anchors and aliases are not read: write the value out", node)
        self.seen.add(id(node))
        if node.tag not in PLAIN_TAGS:
            raise self._error(f"the tag '{node.tag}' is not read", node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error("found a list or mapping as a key, expected a name", key)
            name = str(key.value)
            if name in values:
                raise self._error(f"the key '{name}' stands twice, first in line {self.lines[(*path, name)]}", key)
            self.lines[(*path, name)] = _node_line(key)
            values[name] = self.build(value, (*path, name))
        return values

    def _scalar(self, node: yaml.ScalarNode) -> Hashable:
        try:
            return self.loader.construct_object(node)
        except ValueError as error:
            raise self._error(f"'{node.value}' cannot be read: {error}", node) from None

    def _error(self, message: str, node: yaml.Node) -> InputError:
        return InputError(message, file=self.file, line=_node_line(node))


def _node_line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else None


def _reason(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"not YAML: {', '.join(parts)}"


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else f"single value ({value!r})"
