"""Modules as chunks: one top-level statement is parsed by libcst when it is first needed.

``ast`` is the quick pre-pass: it finds the spans of the top-level statements and refuses what
does not parse, before libcst sees anything. libcst then parses single statements, and positions
are resolved for a chunk only when a site or a trace stands in it (libcst resolves about 4,000
lines a second; ``ast`` parses 110,000).
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from fromlogits_audit.errors import SyntaxProblem
from fromlogits_audit.ir import Location

if TYPE_CHECKING:
    from fromlogits_audit.interp.state import Frame
    from fromlogits_audit.interp.values import Place
    from fromlogits_audit.source.text import SourceFile

_WORD = re.compile(r"[^\W\d]\w*")


class Chunk:
    """One top-level statement (or several that share lines) of a module."""

    __slots__ = ("_body", "_positions", "_wrapper", "binds", "defines", "first", "module", "text")

    def __init__(
        self,
        module: ParsedModule,
        first: int,
        text: str,
        defines: tuple[str, str] | None,
        binds: frozenset[str] = frozenset(),
    ) -> None:
        self.binds = binds
        """Names that plain assignments of the chunk bind."""
        self.module = module
        self.first = first
        self.text = text
        self.defines = defines
        """("def" | "class", name) where the chunk is one definition without decorators."""
        self._body: tuple[cst.BaseStatement | cst.BaseSmallStatement, ...] | None = None
        self._wrapper: MetadataWrapper | None = None
        self._positions: dict[cst.CSTNode, tuple[int, int, int, int]] | None = None

    @property
    def body(self) -> tuple[cst.CSTNode, ...]:
        if self._body is None:
            try:
                tree = cst.parse_module(self.text)
            except cst.ParserSyntaxError as error:
                raise SyntaxProblem(error.message, line=self.first + error.raw_line - 1) from error
            self._wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
            self._body = tuple(tree.body)
        return self._body

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, on one line and cut to a readable length."""
        try:
            text = " ".join(self.code_of(node).split())
        except (AttributeError, RecursionError):
            return ""
        return text if len(text) <= 90 else text[:87] + "..."

    def code_of(self, node: cst.CSTNode) -> str:
        """The whole text of a node."""
        return cst.Module([]).code_for_node(node)

    def words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.text))

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """(line, column, end line, end column) in the module's text, from 1."""
        if self._positions is None:
            assert self._wrapper is not None
            ranges = self._wrapper.resolve(PositionProvider)
            shift = self.first - 1
            self._positions = {
                node: (r.start.line + shift, r.start.column + 1, r.end.line + shift, r.end.column + 1)  # type: ignore[union-attr]
                for node, r in ranges.items()
            }
        return self._positions.get(node, (self.first, 1, self.first, 1))


class ParsedModule:
    """A file of the project, ready to run. ``frame`` holds its globals once it has run."""

    def __init__(self, file: SourceFile, name: str) -> None:
        self.file = file
        self.name = name
        self.frame: Frame | None = None
        self.running = False
        self.package: str = ""
        self.tree_chunks: list[Chunk] | None = None

    def chunks(self) -> list[Chunk]:
        if self.tree_chunks is None:
            self.tree_chunks = list(_split(self))
        return self.tree_chunks

    def locate(self, place: Place) -> Location:
        return self.file.locate(*place.chunk.span(place.node))


def _split(module: ParsedModule) -> Iterator[Chunk]:
    text = module.file.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    lines = text.split("\n")
    groups: list[tuple[int, int, list[ast.stmt]]] = []
    for statement in tree.body:
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        last = statement.end_lineno or first
        if groups and first <= groups[-1][1]:
            groups[-1] = (groups[-1][0], max(last, groups[-1][1]), [*groups[-1][2], statement])
        else:
            groups.append((first, last, [statement]))
    for first, last, statements in groups:
        body = "\n".join(lines[first - 1 : last]).replace("\f", " ") + "\n"
        yield Chunk(module, first, body, _definition(statements), _binds(statements))


def _binds(statements: list[ast.stmt]) -> frozenset[str]:
    targets = [t for s in statements if isinstance(s, ast.Assign) for t in s.targets]
    return frozenset(t.id for t in targets if isinstance(t, ast.Name))


def _definition(statements: list[ast.stmt]) -> tuple[str, str] | None:
    if len(statements) != 1:
        return None
    statement = statements[0]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and not statement.decorator_list:
        return ("def", statement.name)
    if isinstance(statement, ast.ClassDef) and not statement.decorator_list:
        return ("class", statement.name)
    return None
