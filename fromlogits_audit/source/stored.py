"""Where a notebook's code stands in the file as it is stored: lines and columns of the JSON.

Services that annotate a pull request know files and lines, no cells. For them a place in a cell is
mapped to the line of the ``.ipynb`` file that holds it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.text import unify_newlines

_BLANK = re.compile(r"[ \t\n\r]*")
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class _Part:
    """One JSON string of a cell's source: where its opening quote stands, and what it says."""

    start: int
    value: str


class StoredNotebook:
    """A notebook's JSON text, which is known to be one, and the way from its cells into it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.end() for match in re.finditer("\n", text)]
        self._cells = [list(_parts(text, start)) for start in _cells(text)]

    def position(self, cell: int, line: int, column: int) -> tuple[int, int] | None:
        """(line, column) in the JSON of a place in a cell, all from 1; None where there is none."""
        offset = self.offset(cell, line, column)
        if offset is None:
            return None
        row = bisect_right(self._breaks, offset)
        return row + 1, offset - (self._breaks[row - 1] if row else 0) + 1

    def offset(self, cell: int, line: int, column: int) -> int | None:
        """The index into the JSON text of a place in a cell, None where there is none.

        The place after the last character of a part belongs to the next one, if there is one.
        """
        if not 1 <= cell <= len(self._cells):
            return None
        parts = self._cells[cell - 1]
        source = "".join(part.value for part in parts)
        wanted = offset_of(source, line, column)
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            if wanted < len(part.value) or (last and wanted <= len(part.value)):
                return self._inside(part, wanted)
            wanted -= len(part.value)
        return None

    def separator(self, cell: int) -> str | None:
        """What stands between two lines of a cell whose source is a list; None where it is one text."""
        parts = self._cells[cell - 1] if 1 <= cell <= len(self._cells) else []
        before = self._text[: parts[0].start].rstrip() if parts else ""
        if not before.endswith("["):
            return None
        if len(parts) == 1:
            return "," + self._text[len(before) : parts[0].start]
        _, end = _DECODER.raw_decode(self._text, parts[0].start)
        return self._text[end : parts[1].start]

    def _inside(self, part: _Part, index: int) -> int:
        at = part.start + 1
        for _ in range(index):
            unit = _UNIT.match(self._text, at)
            assert unit is not None
            at = unit.end()
        return at


def offset_of(source: str, line: int, column: int) -> int:
    """The index of a place, from 1, in a text whose lines may end in any way."""
    ends = [match.end() for match in re.finditer("\r\n|\r|\n", source)]
    lines = unify_newlines(source).split("\n")
    row = min(max(line, 1), len(lines))
    start = ends[row - 2] if row > 1 else 0
    return start + min(max(column, 1) - 1, len(lines[row - 1]))


def _cells(text: str) -> Iterator[int]:
    """Where each cell's object begins, in the order in which cells are numbered."""
    top = dict(_members(text, _skip(text, 0)))
    if "cells" in top:
        yield from _items(text, top["cells"])
    elif "worksheets" in top:
        for sheet in _items(text, top["worksheets"]):
            inner = dict(_members(text, sheet))
            if "cells" in inner:
                yield from _items(text, inner["cells"])


def _parts(text: str, cell: int) -> Iterator[_Part]:
    members = dict(_members(text, cell))
    start = members.get("source", members.get("input"))
    if start is None:
        return
    for at in _items(text, start) if text[start] == "[" else (start,):
        value, _ = _DECODER.raw_decode(text, at)
        if isinstance(value, str):
            yield _Part(at, value)


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Keys of the object at ``start`` and where their values begin; nothing for another kind."""
    at = _skip(text, start + 1)
    while text[start] == "{" and text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        yield key, value
        at = _next(text, value)


def _items(text: str, start: int) -> Iterator[int]:
    """Where the items of the list at ``start`` begin; nothing for another kind."""
    at = _skip(text, start + 1)
    while text[start] == "[" and text[at] != "]":
        yield at
        at = _next(text, at)


def _next(text: str, value: int) -> int:
    """Past a value, and the comma after it if there is one."""
    _, at = _DECODER.raw_decode(text, value)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
