"""The statements of a chunk as nodes, and the way back from a node to its text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from fromlogits_audit import cst
from fromlogits_audit.interp.expressions import Unlike, end, start
from fromlogits_audit.interp.outline import first_line
from fromlogits_audit.interp.positions import Span
from fromlogits_audit.interp.statements import Statements
from fromlogits_audit.interp.walk import nodes
from fromlogits_audit.interp.written import Piece, Written


class Transcript:
    """Statements of a text as nodes: ``body``.

    Raises:
        libcst.ParserSyntaxError: they are no Python for libcst.
    """

    def __init__(
        self,
        whole: Piece,
        lines: Sequence[str] = (),
        statements: Sequence[ast.stmt] = (),
        bears: Callable[[str], bool] = lambda text: True,
    ) -> None:
        """``lines`` are those of the text, ``statements`` what the standard library makes of it, ``bears``
        whether a simple one, given as text, can hold a loss construction. Without statements all is left to
        libcst, as the ``whole`` piece."""
        self._statements = Statements(lines, bears)
        self._stands = self._statements.stands
        self._whole = whole
        self._written: list[Written] = []
        self._wanted: list[cst.CSTNode] = []
        self._originals: dict[int, cst.CSTNode | None] = {}
        self.body = (self._made(statements) if statements else None) or self._parsed_whole()

    def _made(self, statements: Sequence[ast.stmt]) -> tuple[Any, ...] | None:
        try:
            with cst.unchecked():
                body = self._statements.block(statements)
            if self._statements.pieces:
                self._written.append(Written(self._statements.pieces))
        except (Unlike, RecursionError, cst.ParserSyntaxError):
            self._stands.clear()
            self._statements.made.clear()
            return None
        return tuple(body)

    def _parsed_whole(self) -> tuple[Any, ...]:
        self._written = [Written([self._whole])]
        return tuple(self._written[0].body)

    def will_locate(self, node: cst.CSTNode) -> None:
        """Say beforehand that the position of a node will be asked for: all those asked for cost one pass."""
        if id(node) not in self._stands:
            self._wanted.append(node)

    def span(self, node: cst.CSTNode) -> Span | None:
        """(line, column, end line, end column) in the text, from 1, None for a node of something else."""
        where = self._stands.get(id(node))
        if where is not None:
            first, last = start(where), end(where)
            column, end_column = self._statements.characters(first), self._statements.characters(last)
            return first[0], column + 1, last[0], end_column + 1
        spans = (written.span(node, self._wanted) for written in self._written)
        return next((span for span in spans if span is not None), None)

    def code_of(self, node: cst.CSTNode) -> str:
        """The text of a node."""
        where = self._stands.get(id(node))
        if where is None:
            return cst.Module([]).code_for_node(node)
        return self._statements.between(start(where), end(where))

    def original(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """A node as libcst parses it, with its brackets and white space; None where it stands in the head
        of something that can't be parsed without the rest."""
        if id(node) not in self._stands:
            return node
        if id(node) not in self._originals:
            self._originals[id(node)] = self._parsed(node)
        return self._originals[id(node)]

    def _parsed(self, node: cst.CSTNode) -> cst.CSTNode | None:
        span, piece = self.span(node), self._around(self._stands[id(node)])
        if piece is None:
            return None
        try:
            written = Written([piece])
        except cst.ParserSyntaxError:
            return None
        same = (n for n in nodes(written.tree) if type(n) is type(node) and written.span(n) == span)
        found = next(same, None)
        if found is not None:
            self._written.append(written)
        return found

    def _around(self, where: Any) -> Piece | None:
        """The simple statement around a place, or the head of the compound one."""
        made = self._statements.made
        around = [s for s in made if (first_line(s), 0) <= start(where) and end(where) <= end(s)]
        return self._statements.piece_of(max(around, key=start)) if around else None
