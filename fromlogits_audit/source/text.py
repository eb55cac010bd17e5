"""One Python text per file, and the way back from a place in it to a place in the file.

A ``.py`` file is its own text. A notebook's code cells are joined to one text whose lines
each know the cell and line they came from (:class:`LineOrigin`), and which columns were
cut out of them (prompts, indentation of the whole cell, ``%time``). Everything downstream
works on ``SourceFile.text`` and asks :meth:`SourceFile.locate` where that is.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.ir import Location
from fromlogits_audit.lean import dataclass
from fromlogits_audit.paths import shown_path as shown_path

if TYPE_CHECKING:
    from fromlogits_audit.source.stored import StoredNotebook


@dataclass(frozen=True)
class Fault:
    """Why a file, or one cell of it, cannot be used: one FLA001.

    ``line`` and ``column`` count from 1 in the file; in the cell where ``cell`` is given.
    """

    reason: str
    line: int = 1
    column: int = 1
    cell: int | None = None


UNREAD_CELL = "a_cell_that_cannot_be_read"
"""The value of what a cell sets that is no Python."""


@dataclass(frozen=True)
class LineOrigin:
    """Where one line of the text stands in its notebook.

    ``cell`` and ``line`` count from 1. ``cuts`` holds ``(column, shift)`` in rising order:
    from that 0-based column of the text on, the original column is ``shift`` larger.
    """

    cell: int
    line: int
    cuts: tuple[tuple[int, int], ...] = ()

    def column(self, column: int) -> int:
        """The original 1-based column of a 1-based column of the text."""
        shift = 0
        for start, amount in self.cuts:
            if start < column:
                shift = amount
        return column + shift


@dataclass(frozen=True)
class Cell:
    """A code cell: its position among all cells from 1, and its source as stored, joined."""

    number: int
    source: str

    @cached_property
    def lines(self) -> list[str]:
        """The original lines, without line ends; the units that an edit counts in."""
        return split_lines(self.source)


@dataclass(frozen=True)
class CellIndex:
    """The map from a text back to the cells. ``lines[i]`` is the origin of text line i + 1."""

    cells: tuple[Cell, ...]
    lines: tuple[LineOrigin, ...]

    def origin(self, line: int) -> LineOrigin:
        """The origin of a 1-based text line; a line past the end counts as the last."""
        if not self.lines:
            return LineOrigin(1, 1)
        return self.lines[min(max(line, 1), len(self.lines)) - 1]

    @cached_property
    def by_number(self) -> dict[int, Cell]:
        return {cell.number: cell for cell in self.cells}


@dataclass(frozen=True)
class WrittenCell:
    """A ``%%writefile name`` cell. ``text`` begins on line ``first_line`` of the cell."""

    cell: int
    name: str
    text: str
    first_line: int = 2
    append: bool = False


@dataclass(frozen=True)
class SourceFile:
    """One file as Python text: line ends are ``\\n``, there is no BOM.

    ``shown`` is the path as a report prints it. ``runs`` lists ``%run`` targets as
    ``(line of the text, target)``, ``written`` the files that cells write.
    """

    path: Path
    shown: str
    text: str
    cells: CellIndex | None = None
    faults: tuple[Fault, ...] = ()
    runs: tuple[tuple[int, str], ...] = ()
    written: tuple[WrittenCell, ...] = ()

    def locate(self, line: int, column: int, end_line: int, end_column: int) -> Location:
        """The place in the file of a span of ``text``.

        All four count from 1, columns in characters; ``end_column`` is the one after the last.
        A span never leaves its cell: an end beyond it becomes the end of the first line.
        """
        if self.cells is None:
            return Location(self.shown, None, line, column, end_line, end_column)
        start, end = self.cells.origin(line), self.cells.origin(end_line)
        first = min(start.column(column), self._width(start))
        last = self._end_column(end, end_column, empty=(line, column) == (end_line, end_column))
        if end.cell != start.cell:
            end, last = start, self._width(start)
        return Location(self.shown, start.cell, start.line, first, end.line, last)

    def line_at(self, location: Location) -> str:
        """The first line of a location as it stands in the file; empty where there is none."""
        return next(iter(self.lines_at(location)), "")

    def lines_at(self, location: Location) -> list[str]:
        """All lines of a location as they stand in the file (for a notebook: in the cell)."""
        lines = self._lines_of(location.cell)
        first = max(location.line, 1)
        return lines[first - 1 : max(location.end_line, first)]

    def stored(self, location: Location) -> Location:
        """A place of this file in the file as it is stored: for a cell, in the notebook's JSON.

        Where the file can't be read any more, or has changed, it has no line (``line`` is 0).
        """
        if location.cell is None or self._json is None:
            return location if location.cell is None else Location(location.path)
        start = self._json.position(location.cell, location.line, location.column)
        end = self._json.position(location.cell, location.end_line, location.end_column)
        if start is None or end is None:
            return Location(location.path)
        return Location(location.path, None, *start, *max(start, end))

    @cached_property
    def _json(self) -> StoredNotebook | None:
        from fromlogits_audit.source.stored import StoredNotebook

        try:
            return StoredNotebook(self.path.read_bytes().decode("utf-8-sig"))
        except (OSError, ValueError, IndexError, RecursionError):
            return None

    @cached_property
    def lines(self) -> list[str]:
        """The lines of ``text``, without line ends."""
        return self.text.split("\n")

    def _lines_of(self, cell: int | None) -> list[str]:
        if self.cells is None or cell is None:
            return self.lines
        found = self.cells.by_number.get(cell)
        return found.lines if found else []

    def _width(self, origin: LineOrigin) -> int:
        """The column after the last character of the original line."""
        lines = self._lines_of(origin.cell)
        return len(lines[origin.line - 1]) + 1 if origin.line <= len(lines) else 1

    def _end_column(self, origin: LineOrigin, column: int, *, empty: bool) -> int:
        # The last character decides: what was cut right after it is not part of the span.
        mapped = origin.column(column) if empty or column <= 1 else origin.column(column - 1) + 1
        return min(mapped, self._width(origin))


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them: ``\\n``, ``\\r\\n`` and ``\\r`` end one, form feeds do not."""
    return unify_newlines(text).split("\n")


def unify_newlines(text: str) -> str:
    """Every line end as ``\\n``; lines keep their numbers, characters their columns."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
