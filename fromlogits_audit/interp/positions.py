"""Where nodes stand: one pass of libcst's code generation that counts characters.

libcst's own PositionProvider builds a position object for every node and visits the tree twice;
this keeps two integers a node, and turns them into lines and columns for the few that are asked
for. The positions are the same (a test compares them): without surrounding white space, as the
nodes themselves say through ``record_syntactic_position``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst
from libcst._nodes.internal import CodegenState

Span = tuple[int, int, int, int]


class _Offsets(CodegenState):
    """Code generation that notes at which character each node begins and ends."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
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
        start = self._starts.pop()
        self.spans.setdefault(id(node), (start, self.at))

    @contextmanager
    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Iterator[None]:
        start = self.at
        yield
        first = self.spans[id(start_node)][0] if start_node is not None else start
        last = self.spans[id(end_node)][1] if end_node is not None else self.at
        self.spans[id(node)] = (first, last)


class Positions:
    """Lines and columns, both from 1, of the nodes of one module."""

    def __init__(self, module: cst.Module) -> None:
        state = _Offsets(module)
        module._codegen(state)
        text = "".join(state.tokens)
        self._spans = state.spans
        self._lines = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]

    def span(self, node: cst.CSTNode) -> Span | None:
        """(line, column, end line, end column), None for a node of another module."""
        found = self._spans.get(id(node))
        return None if found is None else (*self._place(found[0]), *self._place(found[1]))

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1
