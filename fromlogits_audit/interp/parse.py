"""Modules as chunks: one top-level statement becomes a tree when it is first needed.

The standard library's parser is the quick pre-pass: it finds the spans of the top-level statements and
refuses what does not parse. Of a chunk that is run, libcst parses what can hold a loss construction
(:mod:`fromlogits_audit.interp.statements`), and positions are worked out only where a site or a trace stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.errors import SyntaxProblem
from fromlogits_audit.interp import outline
from fromlogits_audit.interp.interest import ANYTHING, NAMED_LOSSES, WORD
from fromlogits_audit.interp.transcript import Transcript
from fromlogits_audit.interp.written import Piece
from fromlogits_audit.ir import Location
from fromlogits_audit.source.python import check_syntax, parse_quick
from fromlogits_audit.source.text import Fault

if TYPE_CHECKING:
    from fromlogits_audit.interp.outline import Member
    from fromlogits_audit.interp.state import Frame
    from fromlogits_audit.interp.values import Place
    from fromlogits_audit.source.text import SourceFile


_FED = re.compile(r"^[ \t\f]*\f", re.M)
"""For Python a line's indentation starts anew behind a form feed; libcst makes it a block of its own."""
_CONTINUED = re.compile(r"\\\n\Z")
_OF_KERAS = r"(?:\w*keras\w*|tensorflow\w*|transformers|segmentation_models)\b"
_IS_KERAS = re.compile(_OF_KERAS)
_USES_KERAS = re.compile(
    rf"^[ \t]*(?:from|import)[ \t]+(?:[\w.]+[ \t]*,[ \t]*)*{_OF_KERAS}"
    r"|\btf\.|GradientTape|rossentropy|_with_logits|from_logits",
    re.M,
)
"""What code says that is about models. One that only has names for Keras (a tracker's options) is not."""
MARKS = ",()[]{}.:=+-*/\n"
"""What tokens stand between: their number tells how large a syntax tree becomes."""
MAX_MARKS = 60_000
MAX_MODULE_MARKS = 250_000
"""The longest hand-written modules have a fifth of it; libcst takes 3 KB for each."""
_TOO_LONG = "too long to be followed from here on"
MAX_CHUNKS = 50_000
"""So many statements are read one by one; what comes after them is one more."""
MAX_NESTED = 500
"""libcst needs seconds for a chain of a thousand attributes, calls or subscripts."""


class Chunk:
    """One top-level statement (or several that share lines) of a module."""

    def __init__(self, module: ParsedModule, first: int, text: str, statements: Sequence[ast.stmt]) -> None:
        self.module = module
        self.first = first
        self.text = text
        self.binds = outline.binds(statements)
        """Names that plain assignments of the chunk bind."""
        self.defined = outline.defined(statements)
        """The name of the function or class that the chunk defines, or an empty string."""
        self.defines = self.defined if outline.can_wait(statements) else None
        """The name where the chunk is one definition that can wait until it is asked for."""
        self.imports = tuple(s for s in statements if isinstance(s, (ast.Import, ast.ImportFrom)))
        """Where the chunk is nothing but imports: they need no libcst tree."""
        if len(self.imports) != len(statements):
            self.imports = ()
        self.is_main = outline.is_main(statements)
        """Whether it is what a module does where it is no import."""
        self.members = outline.members(statements, waits=self.defines is not None)
        """For a large class: its parts, whose nodes are made one by one."""
        self._statements = statements
        self._parts: list[Chunk] = []
        self._transcript: Transcript | None = None

    def part(self, member: Member) -> Chunk:
        """A part of a class body as a chunk of its own."""
        lines = self._lines[member.first - self.first : member.last - self.first + 1]
        part = Chunk(self.module, member.first, "\n".join(lines) + "\n", ())
        part._statements = (member.statement,)
        self._parts.append(part)
        return part

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def header(self) -> Chunk:
        """The class statement without its body."""
        first = self.members[0].first
        lines = self._lines[: first - self.first]
        indent = " " * (len(self._indent()) or 4)
        header = Chunk(self.module, self.first, "\n".join(lines) + f"\n{indent}pass\n", ())
        header._statements = [outline.without_body(statement, first) for statement in self._statements]
        return header

    def _indent(self) -> str:
        line = self._lines[self.members[0].first - self.first]
        return line[: len(line) - len(line.lstrip())]

    @property
    def names(self) -> frozenset[str]:
        return self.binds | {self.defined} if self.defined else self.binds

    @property
    def imported(self) -> Iterator[str]:
        """The modules that it imports, where it does nothing else; those of its own package left out."""
        for statement in self.imports:
            if isinstance(statement, ast.Import):
                yield from (alias.name for alias in statement.names)
            elif not statement.level:
                yield statement.module or ""

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.text))

    @cached_property
    def bases(self) -> frozenset[str]:
        """The words between a class's name and its body: what it derives from."""
        return frozenset(self._head) - {self.defined}

    @property
    def reopens(self) -> bool:
        """Whether a class derives from what had its name before."""
        return self._head.count(self.defined) > 1

    @cached_property
    def _head(self) -> list[str]:
        return WORD.findall(self.text.partition("class ")[2].partition(":\n")[0])

    def says_any(self, names: Set[str]) -> bool:
        """Whether one of some names occurs in it."""
        return bool(names) and not self.words.isdisjoint(names)

    @cached_property
    def bears(self) -> bool:
        """Whether the chunk can hold a site: its code says so, docstrings and comments left out."""
        return self.module.bears and self.module.holds_site(self.text)

    @property
    def body(self) -> tuple[cst.CSTNode, ...]:
        return self._read().body

    def _read(self) -> Transcript:
        if self._transcript is None:
            whole, nodes = self._within_bounds()
            try:
                self._transcript = Transcript(whole, self.module.lines, nodes, self._holds_site)
            except cst.ParserSyntaxError as error:
                line = self.first + error.raw_line - 1 - whole.inside
                raise SyntaxProblem(error.message, line=line) from error
        return self._transcript

    def _holds_site(self, text: str) -> bool:
        """Whether a part of the chunk can."""
        return self.bears and self.module.holds_site(text)

    def _within_bounds(self) -> tuple[Piece, Sequence[ast.stmt]]:
        """The chunk for libcst, and its statements where there are nodes to be made of them: libcst may take
        gigabytes, or time that grows with a power of the text.

        A table of data is left out: what it is assigned to is unknown then. Raises SyntaxProblem for others.
        """
        text, nodes = self.text, self._statements
        marks = sum(map(text.count, MARKS))
        if marks > MAX_MARKS and _data(nodes):
            return Piece(f"{' = '.join(sorted(self.binds))} = a_table_too_long_to_be_read", self.first), ()
        self.module.parsed += marks
        if marks > MAX_MARKS:
            raise SyntaxProblem(_TOO_LONG, line=self.first)
        if self.module.parsed > MAX_MODULE_MARKS:
            self.module.end = self.module.end or self.first
            raise SyntaxProblem(_TOO_LONG, line=self.module.end)
        if marks > MAX_NESTED and _depth(nodes) > MAX_NESTED:
            raise SyntaxProblem("nested too deeply to be followed", line=self.first)
        # Where form feeds were left out, the nodes stand elsewhere.
        return Piece(text, self.first, inside=text.startswith((" ", "\t"))), () if self.module.fed else nodes

    def release(self) -> None:
        """Let go of the trees."""
        self._transcript = None
        self.members = self.imports = self._statements = ()
        for part in self._parts:
            part.release()

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, on one line and cut to a readable length."""
        try:
            text = " ".join(self.code_of(node).split())
        except (AttributeError, RecursionError):
            return ""
        return text if len(text) <= 90 else text[:87] + "..."

    def holds_only(self, node: cst.CSTNode) -> bool:
        """Whether the chunk is this one definition (so that its text need not be generated)."""
        return len(self.body) == 1 and self.body[0] is node

    def code_of(self, node: cst.CSTNode) -> str:
        """The whole text of a node."""
        return self._read().code_of(node)

    def original(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """A node as libcst parses it, brackets and white space included; None where that takes too much."""
        return self._read().original(node)

    def will_locate(self, node: cst.CSTNode) -> None:
        """Say beforehand that the position of a node will be asked for: all those asked for cost one pass."""
        self._read().will_locate(node)

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """(line, column, end line, end column) in the module's text, from 1."""
        found = self._read().span(node)
        if found is None:
            return (self.first, 1, self.first, 1)
        first, column, last, end = found
        fed = self.module.fed
        return (first, column + fed.get(first, 0), last, end + fed.get(last, 0))


class ParsedModule:
    """A file of the project, ready to run. ``frame`` holds its globals once it has run."""

    def __init__(self, file: SourceFile, name: str, *, of_library: bool = False) -> None:
        """``of_library``: it defines what the catalogue describes. Only the losses that it names are looked
        at, and not what it is given, its activations or metrics: what builds parts for others is no model."""
        self.file = file
        self.name = name
        self.frame: Frame | None = None
        self._sought = (NAMED_LOSSES if of_library else ANYTHING).those_in(file.text)
        self.bears = any(self._sought)
        """Whether any of its text can hold a site."""
        self.tree_chunks: list[Chunk] | None = None
        self.parsed = 0
        """Marks in what was parsed of it so far (:data:`MARKS`)."""
        self.end: int | None = None
        """The line from which on nothing is followed: it stands for all statements that come after."""
        self.spent = 0
        """Statements executed for it, in all its runs that have ended."""
        self.errands = 0
        """Those executed beside them, for calls that have nothing to do with Keras."""
        self.cut = False
        """Whether its top level did not run to its end: what its globals hold is not certain."""

    @cached_property
    def is_apart(self) -> bool:
        """Whether it has nothing to do with Keras, as far as its code says."""
        imported = (name for chunk in self.tree_chunks or () for name in chunk.imported)
        if any(map(_IS_KERAS.match, imported)):
            return False  # its text need not be looked through
        return _USES_KERAS.search(outline.code(self.file.text)) is None

    def is_of_interest(self, text: str) -> bool:
        """Whether a part of it can hold a site by itself."""
        return self._sought.found_in(text)

    def holds_site(self, text: str) -> bool:
        """The same without what only its docstrings and comments say, which takes longer to find out."""
        return self.is_of_interest(text) and self.is_of_interest(outline.code(text))

    def parse(self) -> Fault | None:
        """What is wrong with the text, if it does not parse.

        A module that can hold no site by itself is split into chunks only when one is asked for.
        """
        if not self.bears:
            return check_syntax(self.file.text)
        tree = parse_quick(self.file.text)
        if isinstance(tree, Fault):
            return tree
        self.tree_chunks = list(_split(self, tree))
        return None

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.file.text))

    def says_any(self, names: Set[str]) -> bool:
        """Whether one of some names occurs in it."""
        return bool(names) and not self.words.isdisjoint(names)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.file.text.split("\n")

    @cached_property
    def fed(self) -> dict[int, int]:
        """By line, how many characters at its start the chunks lack because of a form feed."""
        lines = enumerate(self.lines, 1) if "\f" in self.file.text else ()
        return {number: found.end() for number, line in lines if (found := _FED.match(line))}

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
    lines = module.lines
    groups: list[tuple[int, int, list[ast.stmt]]] = []
    for statement in tree.body:
        first = outline.first_line(statement)
        last = statement.end_lineno or first
        if groups and (first <= groups[-1][1] or len(groups) == MAX_CHUNKS):
            begun, until, statements = groups[-1]
            statements.append(statement)
            groups[-1] = (begun, max(last, until), statements)
        else:
            groups.append((first, last, [statement]))
    for first, last, statements in groups:
        body = _FED.sub("", "\n".join(lines[first - 1 : last])).replace("\f", " ") + "\n"
        # A line continued into an empty one is complete for Python, not for libcst.
        yield Chunk(module, first, _CONTINUED.sub("\n", body), statements)


def _data(nodes: Sequence[ast.stmt]) -> bool:
    """Whether statements are one assignment of constants to names."""
    only = nodes[0] if len(nodes) == 1 else None
    return (
        isinstance(only, ast.Assign)
        and all(isinstance(target, ast.Name) for target in only.targets)
        and all(isinstance(node, _PLAIN) for node in ast.walk(only.value))
    )


_PLAIN = (
    ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.expr_context,
)  # fmt: skip


def _depth(nodes: Sequence[ast.AST]) -> int:
    """How deeply the nodes of trees lie in one another."""
    deepest, level = 0, nodes
    while level:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest
