"""Which Keras a project pins, read from its requirements without resolving anything.

TensorFlow 2.16 is the release whose ``tf.keras`` became Keras 3, so a bound on TensorFlow pins Keras
too, unless ``tf_keras`` is asked for beside it (https://keras.io/getting_started/). Optional extras
do not count: they say what may be installed, not what is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fromlogits_audit import regex
from fromlogits_audit.toml import read_toml

_REQUIREMENT = regex.later(
    r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?(?P<spec>[^;#@)]*)"
)
_CLAUSE = regex.later(r"(?P<op>===|~=|==|!=|<=|>=|<|>|\^|~)?\s*v?(?P<version>\d+(?:\.\d+)*)(?P<rest>[^\s,]*)")
_TENSORFLOW = {"tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "tensorflow-intel"}
_FIRST_WITH_KERAS_3 = {"keras": (3,), "tensorflow": (2, 16)}
_DIGITS = 18
_FILES = ("pyproject.toml", "setup.cfg")

Version = tuple[int, ...]


Requirements = Callable[[Path], Sequence[tuple[str, str]]]
"""The requirements that the files of one folder state."""


def pinned_runtime(root: Path, read: Requirements | None = None) -> int | None:
    """The major version of Keras (2 or 3) that the project around ``root`` pins, or None.

    The nearest folder, from ``root`` upwards to the repository's root, whose requirements name
    Keras or TensorFlow at all decides. Who asks for many folders gives a ``read`` that remembers.
    """
    for folder in (root, *root.parents):
        requirements = (read or requirements_in)(folder)
        if any(name == "tf-keras" or name in _FIRST_WITH_KERAS_3 for name, _ in requirements):
            return pinned_by(requirements)
        if (folder / ".git").exists():
            return None
    return None


def pinned_by(requirements: Iterable[tuple[str, str]]) -> int | None:
    """What (name, version specifiers) pairs pin. Keras itself says more than TensorFlow does."""
    pins: dict[str, set[int]] = {"keras": set(), "tensorflow": set(), "tf-keras": set()}
    for name, specifiers in requirements:
        if name == "tf-keras":
            pins[name].add(2)
        elif name in _FIRST_WITH_KERAS_3 and (pin := _side(specifiers, _FIRST_WITH_KERAS_3[name])):
            pins[name].add(pin)
    by_keras = pins["keras"] | pins["tf-keras"]
    return _only(by_keras) if by_keras else _only(pins["tensorflow"])


def _only(pins: set[int]) -> int | None:
    """The one pin; None for none, and for several that contradict each other."""
    return next(iter(pins)) if len(pins) == 1 else None


def parse_requirement(line: str) -> tuple[str, str] | None:
    """A requirement's normalised name and its version specifiers; None for any other line."""
    match = _REQUIREMENT.match(line)
    if match is None:
        return None
    return _normalised(match["name"]), match["spec"].strip()


def _normalised(name: str) -> str:
    plain = re.sub(r"[-_.]+", "-", name).lower()
    return "tensorflow" if plain in _TENSORFLOW else plain


def _side(specifiers: str, boundary: Version) -> int | None:
    """2 where every allowed version is below ``boundary``, 3 where none is, else None."""
    if "||" in specifiers:
        return None
    bounds = [bound for clause in _CLAUSE.finditer(specifiers) for bound in _bounds(clause)]
    if any(_is_below(bound, boundary) for bound in bounds):
        return 2
    if any(kind == "from" and _trimmed(version) >= boundary for kind, version in bounds):
        return 3
    return None


def _bounds(clause: re.Match[str]) -> Iterator[tuple[str, Version]]:
    """A clause as bounds: ``from`` (inclusive), ``before`` (exclusive), ``upto`` (inclusive)."""
    # Compared with small numbers; Python refuses to count thousands of digits.
    version = tuple(int(part.lstrip("0")[:_DIGITS] or 0) for part in clause["version"].split("."))
    match clause["op"] or "==":
        case ">=" | ">":
            yield "from", version
        case "<":
            yield "before", version
        case "<=":
            yield "upto", version
        case "==" | "===":
            yield "from", version
            yield ("before", _next(version)) if clause["rest"].startswith(".*") else ("upto", version)
        case "~=":
            yield "from", version
            yield "before", _next(version[:-1] or version)
        case "^":
            yield "from", version
            yield "before", _next(version[:1])
        case "~":
            yield "from", version
            yield "before", _next(version[:2])


def _next(version: Version) -> Version:
    return (*version[:-1], version[-1] + 1)


def _trimmed(version: Version) -> Version:
    """Without trailing zeros: 2.16.0 is 2.16."""
    while len(version) > 1 and version[-1] == 0:
        version = version[:-1]
    return version


def _is_below(bound: tuple[str, Version], boundary: Version) -> bool:
    kind, version = bound[0], _trimmed(bound[1])
    return (kind == "before" and version <= boundary) or (kind == "upto" and version < boundary)


def requirements_in(folder: Path) -> list[tuple[str, str]]:
    """Every requirement that the files of one folder state; files that can't be read state none."""
    return list(_requirements(folder))


def _requirements(folder: Path) -> Iterator[tuple[str, str]]:
    for path in (*(folder / name for name in _FILES), *sorted(folder.glob("requirements*.txt"))):
        try:
            yield from _in_file(path)
        except (OSError, ValueError):
            # Other tools complain about a broken file; here it only means that nothing is pinned.
            continue


def _in_file(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    if path.name == "pyproject.toml":
        return list(_in_pyproject(read_toml(path)))
    text = path.read_text(encoding="utf-8-sig")
    lines = _setup_cfg_lines(text) if path.name == "setup.cfg" else text.splitlines()
    return [pair for line in lines if (pair := parse_requirement(line))]


def _setup_cfg_lines(text: str) -> list[str]:
    import configparser  # Few projects have a setup.cfg.

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    return parser.get("options", "install_requires", fallback="").splitlines()


def _in_pyproject(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    dependencies = _at(document, "project", "dependencies")
    for line in dependencies if isinstance(dependencies, list) else []:
        if isinstance(line, str) and (pair := parse_requirement(line)):
            yield pair
    poetry = _at(document, "tool", "poetry", "dependencies")
    for name, value in poetry.items() if isinstance(poetry, dict) else []:
        version = value.get("version", "") if isinstance(value, dict) else value
        yield _normalised(name), version if isinstance(version, str) else ""


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
