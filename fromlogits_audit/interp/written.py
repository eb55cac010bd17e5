"""Parts of a text that libcst parses, all in one go, and where their nodes stand in the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import field
from itertools import accumulate
from typing import Any

from fromlogits_audit import cst
from fromlogits_audit.interp.positions import Positions, Span
from fromlogits_audit.lean import dataclass


@dataclass
class Piece:
    """Some whole statements of a text."""

    text: str
    line: int
    """The line of the text that it begins on, from 1."""
    column: int = 0
    """How many characters of that line stand before it."""
    inside: bool = False
    """Whether its lines are indented: it is parsed as the body of something else."""
    block: list[Any] = field(default_factory=list)
    """The statements that it belongs to, at ``index``."""
    index: int = 0

    @property
    def source(self) -> str:
        return f"if _:\n{self.text}\n" if self.inside else f"{self.text}\n"

    def node(self, parsed: Any) -> Any:
        """The statement, of what is parsed of its source."""
        return parsed.body.body[0] if self.inside else parsed


class Written:
    """Pieces of a text as libcst's trees, put in their places.

    Raises:
        libcst.ParserSyntaxError: they are no Python for libcst.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        sources = [piece.source for piece in pieces]
        self._pieces = pieces
        self._starts = [0, *accumulate(source.count("\n") for source in sources)]
        """How many lines of what is parsed stand before each piece."""
        self.tree = cst.parse("".join(sources))
        self._positions: Positions | None = None
        for piece, parsed in zip(pieces, self.tree.body, strict=False):  # a single one may be many statements
            if piece.block:
                piece.block[piece.index] = piece.node(parsed)

    @property
    def body(self) -> Sequence[Any]:
        """The statements, where there is one piece."""
        top: Sequence[Any] = self.tree.body
        return top[0].body.body if self._pieces[0].inside else top

    def span(self, node: cst.CSTNode, wanted: Collection[cst.CSTNode] = ()) -> Span | None:
        """(line, column, end line, end column) in the text, from 1; None for a node of something else.

        ``wanted`` are the nodes that will be asked for: up to the last of them costs one pass.
        """
        if self._positions is None:
            self._positions = Positions(self.tree, wanted)
        found = self._positions.span(node)
        return None if found is None else (*self._place(*found[:2]), *self._place(*found[2:]))

    def _place(self, line: int, column: int) -> tuple[int, int]:
        number = min(bisect_right(self._starts, line - 1), len(self._pieces)) - 1
        piece = self._pieces[number]
        lines = line - 1 - self._starts[number] - piece.inside
        return piece.line + lines, column if lines else column + piece.column
