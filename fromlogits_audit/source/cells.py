"""Working lines of a notebook cell: text that remembers which columns were cut out of it.

Also the scanner that tells which physical lines begin a statement, because ``%`` and ``!``
mean magic only there, not inside brackets, strings or after a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class Line:
    """One line of a cell. ``cuts`` as in :class:`fromlogits_audit.source.text.LineOrigin`."""

    text: str
    cuts: tuple[tuple[int, int], ...] = ()

    def cut(self, start: int, length: int) -> Line:
        """Without ``length`` characters from the 0-based column ``start`` on."""
        if not length:
            return self
        stop = start + length
        before = tuple(c for c in self.cuts if c[0] < start)
        shift = next((amount for column, amount in reversed(self.cuts) if column <= stop), 0)
        after = tuple((column - length, amount + length) for column, amount in self.cuts if column > stop)
        return Line(self.text[:start] + self.text[stop:], (*before, (start, shift + length), *after))

    def replaced(self, text: str) -> Line:
        """Other text at the same place; columns before what was replaced stay right."""
        return Line(text, self.cuts)

    @property
    def indent(self) -> str:
        return self.text[: len(self.text) - len(self.text.lstrip())]

    @property
    def is_code(self) -> bool:
        """Neither blank nor a comment alone."""
        return bool(self.text.strip()) and not self.text.lstrip().startswith("#")


_TOKEN = re.compile(
    r"""
    (?P<comment> \#.* )
  | (?P<triple> \"{3} | '{3} )
  | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
  | (?P<open> [(\[{] )
  | (?P<close> [)\]}] )
  | (?P<broken> "(?:[^"\\]|\\.)*\\$ | '(?:[^'\\]|\\.)*\\$ )
  | (?P<continued> \\\s*$ )
  | (?P<endless> ["'].* )
    """,
    re.VERBOSE,
)
_ENDS = {quote: re.compile(rf"(?:[^\\]|\\.)*?(?:{quote})") for quote in ('"""', "'''", '"', "'")}


class Scanner:
    """Follows brackets, strings and backslashes from line to line, leniently: it never fails."""

    def __init__(self) -> None:
        self._depth = 0
        self._quote: str | None = None
        self._continued = False

    @property
    def at_statement(self) -> bool:
        """Whether the next line begins a statement."""
        return self._depth == 0 and self._quote is None and not self._continued

    def feed(self, text: str) -> None:
        """Take in one line of Python."""
        self._continued = False
        position = self._leave_string(text) if self._quote else 0
        while position is not None and (match := _TOKEN.search(text, position)):
            position = match.end()
            if match.lastgroup == "triple":
                self._quote = match.group()
                position = self._leave_string(text, position)
            else:
                self._token(match.lastgroup or "", match.group())

    def _token(self, kind: str, text: str) -> None:
        if kind == "open":
            self._depth += 1
        elif kind == "close":
            self._depth = max(self._depth - 1, 0)
        elif kind == "broken":
            self._quote = text[0]
        elif kind == "continued":
            self._continued = True

    def _leave_string(self, text: str, position: int = 0) -> int | None:
        """Where the open string ends on this line; None where it goes on."""
        quote = self._quote or ""
        match = _ENDS[quote].match(text, position)
        if match:
            self._quote = None
            return match.end()
        if len(quote) == 1 and not text.endswith("\\"):
            self._quote = None  # A syntax error; don't take the rest of the cell for a string.
        return None


def statements(lines: list[Line]) -> Iterator[int]:
    """Indices of the lines that begin a statement. ``lines`` may change while this runs:
    what a line holds when the next index is asked for is what counts."""
    scanner = Scanner()
    for index in range(len(lines)):
        if scanner.at_statement:
            yield index
        scanner.feed(lines[index].text)
