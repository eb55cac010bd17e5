"""Modules as chunks: one top-level statement is parsed by libcst when it is first needed.

``ast`` is the quick pre-pass: it finds the spans of the top-level statements and refuses what
does not parse, before libcst sees anything. libcst then parses single statements, and positions
are resolved for a chunk only when a site or a trace stands in it (libcst resolves about 4,000
lines a second; ``ast`` parses 110,000).
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from fromlogits_audit.errors import SyntaxProblem
from fromlogits_audit.interp.interest import BEARS, WORD, bears
from fromlogits_audit.interp.positions import Positions
from fromlogits_audit.ir import Location
from fromlogits_audit.source.python import parse_quick
from fromlogits_audit.source.text import Fault

if TYPE_CHECKING:
    from fromlogits_audit.interp.state import Frame
    from fromlogits_audit.interp.values import Place
    from fromlogits_audit.source.text import SourceFile


_CONTINUED = re.compile(r"\\\n\Z")
MARKS = ",()[]{}.:=+-*/\n"
"""What tokens stand between: their number tells how large a syntax tree becomes."""
MAX_MARKS = 60_000
MAX_MODULE_MARKS = 250_000
"""The longest hand-written modules have a fifth of it; libcst takes 3 KB for each."""
MAX_NESTED = 500
"""libcst needs seconds for a chain of a thousand attributes, calls or subscripts."""
SMALL_CLASS = 40
"""Lines up to which a class is parsed whole."""


@dataclass(frozen=True)
class Member:
    """A method or constant in a class body: its name and lines in the module."""

    name: str
    first: int
    last: int


class Chunk:
    """One top-level statement (or several that share lines) of a module."""

    def __init__(self, module: ParsedModule, first: int, text: str, statements: list[ast.stmt]) -> None:
        self.module = module
        self.first = first
        self.text = text
        self.binds = _binds(statements)
        """Names that plain assignments of the chunk bind."""
        self.defined = _defined(statements)
        """The name of the function or class that the chunk defines, or an empty string."""
        self.defines = self.defined if _can_wait(statements) else None
        """The name where the chunk is one definition that can wait until it is asked for."""
        self.imports = tuple(s for s in statements if isinstance(s, (ast.Import, ast.ImportFrom)))
        """Where the chunk is nothing but imports: they need no libcst tree."""
        if len(self.imports) != len(statements):
            self.imports = ()
        self.members = _members(statements) if self.defines else ()
        """For a class whose parts can be parsed one by one: those parts."""
        self._docs = _docstrings(statements) if module.bears else []
        self._body: tuple[cst.BaseStatement | cst.BaseSmallStatement, ...] | None = None
        self._tree: cst.Module | None = None
        self._positions: Positions | None = None

    def part(self, first: int, last: int) -> Chunk:
        """A part of a class body as a chunk of its own, wrapped in a class so that it parses."""
        lines = self.text.split("\n")[first - self.first : last - self.first + 1]
        return Chunk(self.module, first - 1, "class _:\n" + "\n".join(lines) + "\n", [])

    def header(self) -> Chunk:
        """The class statement without its body."""
        lines = self.text.split("\n")[: self.members[0].first - self.first]
        indent = " " * (len(self._indent()) or 4)
        return Chunk(self.module, self.first, "\n".join(lines) + f"\n{indent}pass\n", [])

    def _indent(self) -> str:
        line = self.text.split("\n")[self.members[0].first - self.first]
        return line[: len(line) - len(line.lstrip())]

    @property
    def names(self) -> frozenset[str]:
        return self.binds | {self.defined} if self.defined else self.binds

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.text))

    @cached_property
    def bases(self) -> frozenset[str]:
        """The words between a class's name and its body: what it derives from."""
        head = self.text.partition("class ")[2].partition(":\n")[0]
        return frozenset(WORD.findall(head)) - {self.defined}

    @cached_property
    def bears(self) -> bool:
        """Whether the chunk can hold a site: its code says so, docstrings left out."""
        if not self.module.bears or not BEARS.search(self.text):
            return False
        if not self._docs:
            return True
        lines = self.text.split("\n")
        for first, last in self._docs:
            lines[first - self.first : last - self.first + 1] = [""] * (last - first + 1)
        return bears("\n".join(lines))

    @property
    def body(self) -> tuple[cst.CSTNode, ...]:
        if self._body is None:
            text = self._within_bounds()
            try:
                tree = cst.parse_module(text)
            except cst.ParserSyntaxError as error:
                raise SyntaxProblem(error.message, line=self.first + error.raw_line - 1) from error
            self._tree = tree
            self._body = tuple(tree.body)
        return self._body

    def _within_bounds(self) -> str:
        """The text for libcst, which may take gigabytes, or time that grows with a power of the text.

        A table of data is left out: what it is assigned to is unknown then. Raises SyntaxProblem for others.
        """
        text = self.text
        marks = sum(map(text.count, MARKS))
        tree = parse_quick(text) if marks > MAX_NESTED else None
        if marks > MAX_MARKS and isinstance(tree, ast.Module) and _data(tree):
            return f"{' = '.join(sorted(self.binds))} = a_table_too_long_to_be_read\n"
        self.module.parsed += marks
        if marks > MAX_MARKS or self.module.parsed > MAX_MODULE_MARKS:
            raise SyntaxProblem("too long to be followed from here on", line=self.first)
        if tree is not None and _depth(tree) > MAX_NESTED:
            raise SyntaxProblem("nested too deeply to be followed", line=self.first)
        return text

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, on one line and cut to a readable length."""
        try:
            text = " ".join(self.code_of(node).split())
        except (AttributeError, RecursionError):
            return ""
        return text if len(text) <= 90 else text[:87] + "..."

    def holds_only(self, node: cst.CSTNode) -> bool:
        """Whether the chunk is this one definition (so that its text need not be generated)."""
        body = self.body
        if len(body) != 1:
            return False
        inner = body[0]
        if isinstance(inner, cst.ClassDef) and inner.name.value == "_":
            return len(inner.body.body) == 1 and inner.body.body[0] is node
        return inner is node

    def code_of(self, node: cst.CSTNode) -> str:
        """The whole text of a node."""
        return cst.Module([]).code_for_node(node)

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """(line, column, end line, end column) in the module's text, from 1."""
        if self._positions is None:
            assert self._tree is not None
            self._positions = Positions(self._tree)
        found = self._positions.span(node)
        if found is None:
            return (self.first, 1, self.first, 1)
        shift = self.first - 1
        return (found[0] + shift, found[1], found[2] + shift, found[3])


class ParsedModule:
    """A file of the project, ready to run. ``frame`` holds its globals once it has run."""

    def __init__(self, file: SourceFile, name: str) -> None:
        self.file = file
        self.name = name
        self.frame: Frame | None = None
        self.bears = BEARS.search(file.text) is not None
        """Whether any of its text can hold a site."""
        self.tree_chunks: list[Chunk] | None = None
        self.parsed = 0
        """Marks in what was parsed of it so far (:data:`MARKS`)."""
        self.spent = 0
        """Statements executed for it, in all its runs that have ended."""
        self.cut = False
        """Whether its top level did not run to its end: what its globals hold is not certain."""

    def parse(self) -> Fault | None:
        """What is wrong with the text, if it does not parse.

        A module that can hold no site by itself is split into chunks only when one is asked for.
        """
        tree = parse_quick(self.file.text)
        if isinstance(tree, Fault):
            return tree
        if self.bears:
            self.tree_chunks = list(_split(self, tree))
        return None

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.file.text))

    def mentions(self, name: str) -> int:
        """How often the text says a name."""
        return len(re.findall(rf"\b{re.escape(name)}\b", self.file.text))

    def chunks(self) -> list[Chunk]:
        """The top-level statements, in order; none where the text does not parse."""
        if self.tree_chunks is None:
            tree = parse_quick(self.file.text)
            self.tree_chunks = [] if isinstance(tree, Fault) else list(_split(self, tree))
        return self.tree_chunks

    def locate(self, place: Place) -> Location:
        return self.file.locate(*place.chunk.span(place.node))


def _split(module: ParsedModule, tree: ast.Module) -> Iterator[Chunk]:
    lines = module.file.text.split("\n")
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
        # A line continued into an empty one is complete for Python, not for libcst.
        yield Chunk(module, first, _CONTINUED.sub("\n", body), statements)


def _data(tree: ast.Module) -> bool:
    """Whether a tree is one assignment of constants to names."""
    body = tree.body[0] if len(tree.body) == 1 else None
    return (
        isinstance(body, ast.Assign)
        and all(isinstance(target, ast.Name) for target in body.targets)
        and all(isinstance(node, _PLAIN) for node in ast.walk(body.value))
    )


_PLAIN = (
    ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.expr_context,
)  # fmt: skip


def _depth(tree: ast.Module | Fault) -> int:
    """How deeply the nodes of a tree lie in one another."""
    deepest, level = 0, [tree] if isinstance(tree, ast.Module) else []
    while level:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]  # type: ignore[misc]
    return deepest


def _binds(statements: list[ast.stmt]) -> frozenset[str]:
    targets = [t for s in statements if isinstance(s, ast.Assign) for t in s.targets]
    return frozenset(t.id for t in targets if isinstance(t, ast.Name))


def _defined(statements: list[ast.stmt]) -> str:
    statement = statements[0] if len(statements) == 1 else None
    return (
        statement.name if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else ""
    )


def _members(statements: list[ast.stmt]) -> tuple[Member, ...]:
    """The parts of a class body that can be run one by one, on demand; none where they cannot."""
    statement = statements[0]
    if not isinstance(statement, ast.ClassDef) or statement.end_lineno is None:
        return ()
    if statement.end_lineno - statement.lineno < SMALL_CLASS:
        return ()
    found = []
    for inner in statement.body:
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([inner.lineno, *(d.lineno for d in inner.decorator_list)])
            found.append(Member(inner.name, first, inner.end_lineno or first))
        elif (
            isinstance(inner, ast.Assign)
            and len(inner.targets) == 1
            and isinstance(inner.targets[0], ast.Name)
        ):
            found.append(Member(inner.targets[0].id, inner.lineno, inner.end_lineno or inner.lineno))
        elif isinstance(inner, (ast.Expr, ast.Pass)):
            found.append(Member("", inner.lineno, inner.end_lineno or inner.lineno))
        else:
            return ()
    spread_out = (
        all(a.last < b.first for a, b in itertools.pairwise(found)) and found[0].first > statement.lineno
    )
    return tuple(found) if spread_out else ()


def _docstrings(statements: list[ast.stmt]) -> list[tuple[int, int]]:
    """First and last lines of the docstrings in definitions."""
    found = []
    for statement in statements:
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        first = statement.body[0]
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            found.append((first.lineno, first.end_lineno or first.lineno))
        found += _docstrings(statement.body)
    return found


def _can_wait(statements: list[ast.stmt]) -> bool:
    """Whether running a definition can wait: it reads nothing that may change meanwhile."""
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    if not all(_transparent(decorator) for decorator in statement.decorator_list):
        return False
    if isinstance(statement, ast.ClassDef):
        return all(_inert(inner) for inner in statement.body)
    arguments = statement.args
    defaults = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    return all(_constant(default) for default in defaults)


def _inert(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return statement.value is None or _constant(statement.value)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Pass, ast.ClassDef))


def _constant(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(_constant(element) for element in node.elts)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and _constant(node.operand))


_TRANSPARENT = frozenset(
    [
        "dataclass",
        "function",
        "jit",
        "njit",
        "property",
        "contextmanager",
        "register_keras_serializable",
        "lru_cache",
        "cache",
        "wraps",
        "abstractmethod",
        "staticmethod",
        "classmethod",
        "fixture",
        "total_ordering",
        "keras_export",
        "tf_export",
    ]
)


def _transparent(decorator: ast.expr) -> bool:
    """Whether a decorator only wraps or marks: one of the project's own may register what it decorates."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name in _TRANSPARENT
