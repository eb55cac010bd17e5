"""Where nodes stand: one pass of libcst's code generation that counts characters.

libcst's own PositionProvider builds a position object for every node and visits the tree twice;
this keeps two integers a node, and turns them into lines and columns for the few that are asked
for. The positions are the same (a test compares them): without surrounding white space, as the
nodes themselves say through ``record_syntactic_position``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from fromlogits_audit import cst

Span = tuple[int, int, int, int]


class _Offsets(cst.CodegenState):
    """Code generation that notes at which character each node begins and ends."""

    def __init__(self, module: cst.Module, wanted: Iterable[cst.CSTNode]) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
        self._wanted = set(map(id, wanted))
        self.at = 0
        self.spans: dict[int, tuple[int, int]] = {}
        self._starts: list[int] = []

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.at += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(self.at)

    def after_codegen(self, node: cst.CSTNode) -> None:
        start, key = self._starts.pop(), id(node)
        self.spans.setdefault(key, (start, self.at))
        if key in self._wanted:
            self._wanted.remove(key)
            if not self._wanted:
                raise _Enough

    def record_syntactic_position(  # type: ignore[override]  # libcst only enters and leaves it
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> _Recorded:
        return _Recorded(self, node, start_node, end_node)


class _Enough(Exception):
    """All that was wanted is found."""


class _Recorded:
    """Notes where the code of a node begins and ends that is generated meanwhile."""

    __slots__ = ("_end", "_first", "_node", "_start", "_state")

    def __init__(
        self, state: _Offsets, node: cst.CSTNode, start: cst.CSTNode | None, end: cst.CSTNode | None
    ) -> None:
        self._state, self._node, self._start, self._end = state, node, start, end

    def __enter__(self) -> None:
        self._first = self._state.at

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            return
        spans = self._state.spans
        first = spans[id(self._start)][0] if self._start is not None else self._first
        last = spans[id(self._end)][1] if self._end is not None else self._state.at
        spans[id(self._node)] = (first, last)


class Positions:
    """Lines and columns, both from 1, of the nodes of one module."""

    def __init__(self, module: cst.Module, wanted: Iterable[cst.CSTNode] = ()) -> None:
        """Where it is known which nodes will be asked for, the code is generated up to the last of them."""
        self._module = module
        self._generate(wanted)

    def _generate(self, wanted: Iterable[cst.CSTNode]) -> None:
        state = _Offsets(self._module, wanted)
        self._whole = True
        try:
            self._module._codegen(state)
        except _Enough:
            self._whole = False
        self._spans = state.spans
        self._lines = [0, *accumulate(len(line) + 1 for line in "".join(state.tokens).split("\n"))]

    def span(self, node: cst.CSTNode) -> Span | None:
        """(line, column, end line, end column), None for a node of another module."""
        if id(node) not in self._spans and not self._whole:
            self._generate(())
        found = self._spans.get(id(node))
        return None if found is None else (*self._place(found[0]), *self._place(found[1]))

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1
