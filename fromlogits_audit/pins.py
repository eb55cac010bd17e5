"""Which Keras a project pins, read from its requirements without resolving anything.

TensorFlow 2.16 is the release whose ``tf.keras`` became Keras 3, so a bound on TensorFlow pins Keras
too, unless ``tf_keras`` is asked for beside it (https://keras.io/getting_started/). Extras and
dependency groups say what may be installed, not what is: they count where the requirements proper name
neither Keras nor TensorFlow, and where all of them that pin something pin the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fromlogits_audit import regex
from fromlogits_audit.lean import dataclass
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
Requirement = tuple[str, str]
"""A normalised name and its version specifiers."""


@dataclass(frozen=True)
class Stated:
    """The requirements that the files of one folder state: ``optional`` are those of each extra or group."""

    required: tuple[Requirement, ...] = ()
    optional: tuple[tuple[Requirement, ...], ...] = ()

    @property
    def pin(self) -> int | None:
        """What they pin together."""
        if _names_keras(self.required):
            return pinned_by(self.required)
        return _only({pin for group in self.optional for pin in _pins(group)})

    @property
    def names_keras(self) -> bool:
        """Whether any of them is about Keras or TensorFlow."""
        return any(map(_names_keras, (self.required, *self.optional)))


Requirements = Callable[[Path], Stated]
"""The requirements that the files of one folder state."""


def pinned_runtime(root: Path, read: Requirements | None = None) -> int | None:
    """The major version of Keras (2 or 3) that the project around ``root`` pins, or None.

    The nearest folder, from ``root`` upwards to the repository's root, whose requirements name
    Keras or TensorFlow at all decides. Who asks for many folders gives a ``read`` that remembers.
    """
    for folder in (root, *root.parents):
        stated = (read or requirements_in)(folder)
        if stated.names_keras:
            return stated.pin
        if (folder / ".git").exists():
            return None
    return None


def _names_keras(requirements: Iterable[Requirement]) -> bool:
    return any(name == "tf-keras" or name in _FIRST_WITH_KERAS_3 for name, _ in requirements)


def pinned_by(requirements: Iterable[Requirement]) -> int | None:
    """What requirements pin that hold together."""
    return _only(_pins(requirements))


def _pins(requirements: Iterable[Requirement]) -> set[int]:
    """All that they pin, which may contradict each other. Keras itself says more than TensorFlow does."""
    pins: dict[str, set[int]] = {"keras": set(), "tensorflow": set(), "tf-keras": set()}
    for name, specifiers in requirements:
        if name == "tf-keras":
            pins[name].add(2)
        elif name in _FIRST_WITH_KERAS_3 and (pin := _side(specifiers, _FIRST_WITH_KERAS_3[name])):
            pins[name].add(pin)
    return (pins["keras"] | pins["tf-keras"]) or pins["tensorflow"]


def _only(pins: set[int]) -> int | None:
    """The one pin; None for none, and for several that contradict each other."""
    return next(iter(pins)) if len(pins) == 1 else None


def parse_requirement(line: str) -> Requirement | None:
    """The requirement that a line states; None for any other line."""
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


def requirements_in(folder: Path) -> Stated:
    """What the files of one folder state; files that can't be read state nothing."""
    read = list(_files(folder))
    return Stated(
        tuple(one for stated in read for one in stated.required),
        tuple(group for stated in read for group in stated.optional),
    )


def _files(folder: Path) -> Iterator[Stated]:
    for path in (*(folder / name for name in _FILES), *sorted(folder.glob("requirements*.txt"))):
        try:
            if path.is_file():
                yield _in_file(path)
        except (OSError, ValueError):
            # Other tools complain about a broken file; here it only means that nothing is pinned.
            continue


def _in_file(path: Path) -> Stated:
    if path.name == "pyproject.toml":
        return _in_pyproject(read_toml(path))
    text = path.read_text(encoding="utf-8-sig")
    return _in_setup_cfg(text) if path.name == "setup.cfg" else Stated(_parsed(text.splitlines()))


def _parsed(lines: object) -> tuple[Requirement, ...]:
    """The requirements of a list of lines; what is no such list states none."""
    texts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return tuple(pair for line in texts if (pair := parse_requirement(line)))


def _in_setup_cfg(text: str) -> Stated:
    import configparser  # Few projects have a setup.cfg.

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    extras = "options.extras_require"
    groups = parser[extras].values() if parser.has_section(extras) else ()
    return Stated(
        _parsed(parser.get("options", "install_requires", fallback="").splitlines()),
        tuple(_parsed(lines.splitlines()) for lines in groups),
    )


def _in_pyproject(document: dict[str, Any]) -> Stated:
    tables = (_at(document, "project", "optional-dependencies"), _at(document, "dependency-groups"))
    groups = [lines for table in tables if isinstance(table, dict) for lines in table.values()]
    return Stated(
        (*_parsed(_at(document, "project", "dependencies")), *_of_poetry(document)),
        tuple(map(_parsed, groups)),
    )


def _of_poetry(document: dict[str, Any]) -> Iterator[Requirement]:
    poetry = _at(document, "tool", "poetry", "dependencies")
    for name, value in poetry.items() if isinstance(poetry, dict) else []:
        version = value.get("version", "") if isinstance(value, dict) else value
        yield _normalised(name), version if isinstance(version, str) else ""


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
