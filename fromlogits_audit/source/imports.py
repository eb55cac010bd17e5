"""What a file imports, from a search over its bytes: so that files that belong together are found
without a syntax tree.

It may name modules that the file does not import (an example in a docstring); who has to know exactly
what was read asks the interpreter afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.triage import might_matter

_IMPORT = re.compile(rb"import(?:\w+[ \t]*\(|(?<=\wimport)[ \t]*\(|(?:(?<!\wimport)|(?<=\\nimport))\b)")
"""Begins with a literal, which is searched for several times as fast as a boundary."""
_FROM = re.compile(rb"(?:\b|(?<=\\n))from[ \t]+([.\w]+)[ \t\\\r\n]*\Z")
_BEFORE = re.compile(rb"(?:\A|[;:\"]|\\n)[ \t]*\Z")
"""What may stand on the line before an ``import``: nothing, another statement, or a notebook's JSON."""
_DOTTED = re.compile(r"[^\W\d][\w.]*")
_ALIAS = re.compile(r"\bas\s+\w+")
_QUOTED = re.compile(rb"\s*\\?[\"'](\.*)([\w.]+)\\?[\"']")
_RUN = re.compile(rb"%run[ \t]+(?:-i[ \t]+)?(?:\.{1,2}/)*([A-Za-z_][\w/]*)\b", re.ASCII)
_IN_TESTS = (re.compile(rb"def test\w*\((?!\s*(?:self\s*)?\))"), re.compile(rb"fixture\b"))
"""Where pytest gives functions their arguments, or a file of fixtures. A pattern for both would begin with no
literal, and take ten times as long."""
MAX_LIST = 4096
"""Bytes of one list of imported names that are looked at."""
MAX_HEAD = 256
"""Bytes of a line before ``import`` that are looked at: the name of a package."""


@dataclass(frozen=True)
class Import:
    """``import module``, seen from a file; ``level`` counts leading dots."""

    module: str
    level: int = 0


FIXTURES = Import("conftest", -1)
"""No import that is written: pytest brings the fixtures of the ``conftest.py`` above to a file of tests."""


@dataclass(frozen=True)
class Sketch:
    """What a search over a file's bytes shows: whether it has to be parsed, and what it imports."""

    matters: bool
    imports: tuple[Import, ...] = ()


def sketch(data: bytes) -> Sketch:
    """The sketch of a ``.py`` file or a notebook."""
    imports = [*_imports(data), *_run(data), *([FIXTURES] if speaks_of_fixtures(data) else [])]
    return Sketch(might_matter(data), tuple(dict.fromkeys(imports)))


def _run(data: bytes) -> Iterator[Import]:
    """The scripts that the cells of a notebook run, whose names are theirs afterwards."""
    for match in _RUN.finditer(data):
        yield Import(match[1].decode("ascii").replace("/", "."))


def speaks_of_fixtures(data: bytes) -> bool:
    """Whether a file may take or give pytest's fixtures."""
    return any(pattern.search(data) for pattern in _IN_TESTS)


def _imports(data: bytes) -> Iterator[Import]:
    done = 0
    """Where what has been read ends: each byte is read for one import at most."""
    for match in _IMPORT.finditer(data):
        if match.start() < done:
            continue
        if match.group().endswith(b"("):
            yield from _by_call(data, match.end())
            continue
        first = max(0, match.start() - MAX_HEAD)
        head = data[max(first, data.rfind(b"\n", first, match.start()) + 1) : match.start()]
        origin = _FROM.search(head) if head else None
        if origin is None and head and not _BEFORE.search(head):
            continue
        done = _end(data, match.end())
        names = _names(data[match.end() : done])
        if origin is not None:
            yield from _from(origin[1].decode("utf-8", "replace"), names)
        else:
            yield from (found for dotted in names for found in _with_parents(dotted))


def _by_call(data: bytes, at: int) -> Iterator[Import]:
    """``importlib.import_module("a.b")``, also behind a function of one's own: ``try_import("a.b")``."""
    match = _QUOTED.match(data, at)
    if match is not None:
        yield Import(match[2].decode("utf-8", "replace"), len(match[1]))


def _from(origin: str, names: list[str]) -> list[Import]:
    """``from origin import names``: each name may be a module too."""
    module = origin.lstrip(".")
    level = len(origin) - len(module)
    prefix = module + "." if module else ""
    return [Import(module, level), *[Import(prefix + name, level) for name in names]]


def _with_parents(dotted: str) -> Iterator[Import]:
    """``import a.b`` binds ``a``, from which the code reaches the rest."""
    parts = dotted.split(".")
    yield from (Import(".".join(parts[:count])) for count in range(1, len(parts) + 1))


def _names(data: bytes) -> list[str]:
    return _DOTTED.findall(_ALIAS.sub("", data.decode("utf-8", "replace").replace("\\n", " ")))


def _end(data: bytes, at: int) -> int:
    """Where the names after an ``import`` end: with its line or its bracket, or where the next one begins."""
    last = min(at + MAX_LIST, len(data))
    if _BRACKET.match(data, at) is None:
        found = _ENDED.search(data, at, last)
        return found.start() if found else last
    closed = data.find(b")", at, last)
    if closed < 0:
        following = data.find(b"import", at, last)
        return following if following >= 0 else last
    found = _STATEMENT.search(data, at, closed)
    return found.start() if found else closed


_BRACKET = re.compile(rb"[ \t]*\(")
_ENDED = re.compile(rb"\n(?<!\\\n)(?<!\\\r\n)|(?<!\\)\\n|[;#]|\bimport\b")
"""The end of a line, as it is or as JSON writes it; no other statement and no comment goes on behind it."""
_STATEMENT = re.compile(rb"\n[ \t]*\"?(?:from|import)\b|\\n[ \t]*(?:from|import)\b")
"""A line that can't stand between the brackets of a list of names."""
