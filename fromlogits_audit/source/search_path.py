"""Folders that a file says it puts on ``sys.path``, from a search over its bytes.

Parents of the file are searched anyway; what counts is the folder that is named: ``"../lib"``,
``os.path.join(here, "..", "lib")``, and the last parts of a path on somebody's machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.contents import content

_ADDED = re.compile(rb"sys\.path\.(?:append|insert|extend)[ \t]*\(")
_QUOTED = re.compile(rb"""["']([\w ./-]+)\\?["']""")
_BRACKETS = re.compile(rb"[()]")
MAX_CALL = 400
MAX_FOLDERS = 20
MAX_PARTS = 16


@dataclass(frozen=True)
class Told:
    """A folder by the names that lead to it. ``abroad``: from the root of a machine, so that only the last of
    them may be the project's."""

    names: tuple[str, ...]
    abroad: bool

    def tails(self) -> Iterator[tuple[str, ...]]:
        """What may lead to it within the project, the longest first."""
        for first in range(len(self.names) if self.abroad else 1):
            yield self.names[first:]


def told_by(path: Path) -> tuple[Told, ...]:
    """The folders that a file names for ``sys.path``."""
    data = content(path) or b""
    return tuple(dict.fromkeys(_folders(data)))[:MAX_FOLDERS] if b"sys.path." in data else ()


def _folders(data: bytes) -> Iterator[Told]:
    for match in _ADDED.finditer(data):
        given = _to_its_end(data[match.end() : match.end() + MAX_CALL])
        quoted = [part.decode("ascii", "replace") for part in _QUOTED.findall(given)]
        names: list[str] = []
        for name in "/".join(quoted).split("/"):
            if name == "..":
                del names[-1:]
            elif name not in ("", "."):
                names.append(name)
        if 0 < len(names) <= MAX_PARTS:
            yield Told(tuple(names), quoted[0].startswith("/"))


def _to_its_end(text: bytes) -> bytes:
    """What stands between the brackets of a call, behind the first of them; nothing where they stay open."""
    depth = 1
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket.group() == b"(" else -1
        if depth == 0:
            return text[: bracket.start()]
    return b""
