"""How one file spells Keras, and who reads an expression: what a rewriting has to know of its surroundings.

It works on the standard library's tree of the file, which is built once and only where something
stands that a fix might touch. Every answer that is in doubt is the one that forbids a fix.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.catalogue.metrics import metric_class
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.python import parse_quick

Span = tuple[int, int, int, int]
"""(line, column, end line, end column) in the text, from 1."""

_FLAVOUR = re.compile(r"^(?:tensorflow\.(?:python\.)?keras|tf_keras|keras_core|keras)(?=\.|$)")
_KEYWORDS = {"losses": ("loss",), "metrics": ("metrics", "weighted_metrics")}
_POSITIONS = {"losses": (1,), "metrics": (2, 4)}
_LAST = 1 << 30
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Imported:
    """One name that an import binds, and the lines that see it."""

    name: str
    dotted: str
    line: int
    first: int = 1
    last: int = _LAST

    def visible(self, line: int, *, in_function: bool) -> bool:
        """Code in functions runs later than the module's own imports, wherever they stand."""
        inside = self.first <= line <= self.last
        return inside and (self.line < line or (in_function and self.last == _LAST))


class Spelling:
    """The imports and readers of one file. A file that does not parse has none."""

    def __init__(self, text: str) -> None:
        tree = parse_quick(text)
        self._lines = text.split("\n")
        self.tree = tree if isinstance(tree, ast.Module) else ast.Module([], [])
        self._walked: list[ast.AST] = [self.tree]
        """All nodes but contexts, level by level."""
        self._parents: dict[ast.AST, ast.AST] = {}
        self._walk()
        self._functions = [node for node in self._walked if isinstance(node, _FUNCTIONS)]
        self.imports = list(self._imports())
        self.stars = [
            node.module
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module and node.names[0].name == "*"
        ]

    def _walk(self) -> None:
        # As ast.walk() does, in a third of the time.
        walked, parents = self._walked, self._parents
        for node in walked:
            for value in node.__dict__.values():
                for child in value if type(value) is list else (value,):
                    if isinstance(child, ast.AST) and not isinstance(child, ast.expr_context):
                        parents[child] = node
                        walked.append(child)

    # -- names -----------------------------------------------------------------------------------
    def _imports(self) -> Iterator[Imported]:
        for node in self._walked:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    head = alias.name.partition(".")[0]
                    bound = (alias.asname, alias.name) if alias.asname else (head, head)
                    yield Imported(*bound, node.lineno, *self._scope(node.lineno))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    dotted = f"{node.module}.{alias.name}"
                    yield Imported(alias.asname or alias.name, dotted, node.lineno, *self._scope(node.lineno))

    def _scope(self, line: int) -> tuple[int, int]:
        around = self._around(line)
        return (around[-1].lineno, around[-1].end_lineno or _LAST) if around else (1, _LAST)

    def _around(self, line: int) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions whose body a line belongs to, outermost first."""
        return [f for f in self._functions if f.lineno < line <= (f.end_lineno or 0)]

    @cached_property
    def _assigned(self) -> frozenset[str]:
        """Names that something else than an import binds, anywhere."""
        return frozenset(name for node in self._walked if (name := _binds(node)) is not None)

    def _seen(self, line: int) -> dict[str, str]:
        """Imported names that can be used on a line: name to dotted name, inner scopes first."""
        in_function = bool(self._around(line))
        visible = (one for one in self._usable if one.visible(line, in_function=in_function))
        return {one.name: one.dotted for one in visible}

    @cached_property
    def _usable(self) -> list[Imported]:
        """Outer scopes first, so that an inner one has the last word."""
        found = [one for one in self.imports if one.name not in self._assigned]
        return sorted(found, key=lambda one: (one.first, one.line))

    def resolve(self, dotted: str, line: int) -> Iterator[str]:
        """The canonical names that a dotted name on a line may stand for, the likeliest first."""
        head, dot, rest = dotted.partition(".")
        seen = self._seen(line)
        if head in seen:
            yield canonical(seen[head] + dot + rest)
        elif head not in self._assigned:
            yield from (canonical(f"{star}.{dotted}") for star in reversed(self.stars))

    def prefix(self, module: str, line: int) -> str | None:
        """How the file spells ``keras.<module>.`` on a line; None where no import serves."""
        homes = {f"keras.{module}": "", "keras": f"{module}.", "tf": f"keras.{module}."}
        ways = {canonical(dotted): name for name, dotted in self._seen(line).items()}
        for home, rest in homes.items():
            if home in ways:
                return f"{ways[home]}.{rest}"
        direct = any(canonical(star) == f"keras.{module}" for star in self.stars)
        return "" if direct else None

    def names(self, module: str, line: int) -> tuple[tuple[str, str], ...]:
        """What of ``keras.<module>`` is imported by name: (name, what the file calls it)."""
        start = f"keras.{module}."
        found = ((canonical(dotted), name) for name, dotted in self._seen(line).items())
        return tuple((dotted[len(start) :], name) for dotted, name in found if dotted.startswith(start))

    def has_its_own(self, module: str) -> bool:
        """Whether the file calls something else by a name of ``keras.<module>``: an import would clash."""
        others = {one.name for one in self.imports if not canonical(one.dotted).startswith("keras.")}
        known = {"losses": loss_class, "metrics": metric_class}[module]
        return any(known(f"keras.{module}.{name}") is not None for name in self._assigned | others)

    # -- a new import ----------------------------------------------------------------------------
    @property
    def flavour(self) -> str | None:
        """The package that the file takes Keras from: ``tensorflow.keras``, ``keras`` ..."""
        dotted = [one.dotted for one in self.imports] + list(self.stars)
        matches = [match.group() for match in map(_FLAVOUR.match, dotted) if match]
        return matches[0] if matches else None

    @cached_property
    def import_line(self) -> int | None:
        """The line of the first import of Keras, else of the first statement that is no docstring."""
        body = [node for node in self.tree.body if not _leading(node)]
        of_keras = [
            node for node in body if isinstance(node, (ast.Import, ast.ImportFrom)) and _names_keras(node)
        ]
        first = next(iter([*of_keras, *body]), None)
        decorators = getattr(first, "decorator_list", [])
        return min(node.lineno for node in [first, *decorators]) if first is not None else None

    # -- readers ---------------------------------------------------------------------------------
    def parameters(self, line: int) -> frozenset[str]:
        """The parameters of the functions around a line."""
        spans = [f.args for f in self._around(line)]
        spans += [
            n.args
            for n in self._walked
            if isinstance(n, ast.Lambda) and n.lineno <= line <= (n.end_lineno or 0)
        ]
        return frozenset(a.arg for args in spans for a in [*args.posonlyargs, *args.args, *args.kwonlyargs])

    def node_at(self, span: Span) -> ast.expr | None:
        """The outermost expression with exactly this span."""
        start, end = self._bytes(span[0], span[1]), self._bytes(span[2], span[3])
        return next(
            (node for node in self._starting.get((span[0], start), []) if _ends(node, span[2], end)), None
        )

    @cached_property
    def _starting(self) -> dict[tuple[int, int], list[ast.expr]]:
        found: dict[tuple[int, int], list[ast.expr]] = {}
        for node in self._walked:
            if isinstance(node, ast.expr):
                found.setdefault((node.lineno, node.col_offset), []).append(node)
        return found

    def _bytes(self, line: int, column: int) -> int:
        """ast counts columns in bytes of UTF-8, from 0."""
        return len(self._lines[line - 1][: column - 1].encode("utf-8", "surrogatepass"))

    def _characters(self, line: int, offset: int) -> int:
        return (
            len(
                self._lines[line - 1]
                .encode("utf-8", "surrogatepass")[:offset]
                .decode("utf-8", "surrogatepass")
            )
            + 1
        )

    def exclusive(self, span: Span, module: str) -> bool:
        """Whether ``compile`` alone reads the expression, directly or through one name."""
        node = self.node_at(span)
        return node is not None and self._compiled(node, module, frozenset())

    def _compiled(self, node: ast.AST, module: str, named: frozenset[str]) -> bool:
        child, parent = node, self._parents.get(node)
        while isinstance(parent, (ast.List, ast.Tuple, ast.Dict, ast.IfExp, ast.Starred, ast.Subscript)):
            if _is_key(parent, child):
                return False
            child, parent = parent, self._parents.get(parent)
        if isinstance(parent, ast.Call):
            at = parent.args.index(child) if isinstance(child, ast.expr) and child in parent.args else -1
            return _is_compile(parent) and at in _POSITIONS[module]
        if isinstance(parent, ast.keyword):
            return self._by_keyword(parent, module, named)
        name = _bound_name(parent, child)
        return name is not None and name not in named and self._all_compiled(name, module, named | {name})

    def _by_keyword(self, keyword: ast.keyword, module: str, named: frozenset[str]) -> bool:
        call = self._parents[keyword]
        if not isinstance(call, ast.Call):
            return False
        fits = keyword.arg is None or keyword.arg in _KEYWORDS[module]
        if isinstance(call.func, ast.Name) and call.func.id == "dict" and fits:
            return self._compiled(call, module, named)
        return fits and _is_compile(call)

    def _all_compiled(self, name: str, module: str, named: frozenset[str]) -> bool:
        reads = [
            n
            for n in self._walked
            if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        ]
        return bool(reads) and all(self._compiled(read, module, named) for read in reads)

    def item(self, span: Span) -> Span | None:
        """The span that takes an element out of the list it stands in, None where it stands in none."""
        node = self.node_at(span)
        around = self._parents.get(node) if node is not None else None
        if node is None or not isinstance(around, ast.List) or len(around.elts) < 2:
            return None
        at = around.elts.index(node)
        if at:
            return (*self._end(around.elts[at - 1]), *self._end(node))
        after = around.elts[1]
        return (span[0], span[1], after.lineno, self._characters(after.lineno, after.col_offset))

    def _end(self, node: ast.expr) -> tuple[int, int]:
        line = node.end_lineno or node.lineno
        return line, self._characters(line, node.end_col_offset or 0)


def _binds(node: ast.AST) -> str | None:
    """The name that a node binds otherwise than by an import."""
    if isinstance(node, ast.Name):
        return node.id if not isinstance(node.ctx, ast.Load) else None
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else None


def _ends(node: ast.expr, line: int, column: int) -> bool:
    return (node.end_lineno, node.end_col_offset) == (line, column)


def _leading(node: ast.stmt) -> bool:
    """A docstring or ``from __future__ import ...``, which have to stay in front."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _names_keras(node: ast.Import | ast.ImportFrom) -> bool:
    named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return any(_FLAVOUR.match(name) for name in named)


def _is_key(parent: ast.AST, child: ast.AST) -> bool:
    """Whether a child is not the value that its parent hands on: a key, a condition, an index."""
    if isinstance(parent, ast.Dict):
        return child not in parent.values
    if isinstance(parent, ast.IfExp):
        return child is parent.test
    return isinstance(parent, ast.Subscript) and child is not parent.value


def _is_compile(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "compile"


def _bound_name(parent: ast.AST | None, value: ast.AST) -> str | None:
    """The one name that a statement or a parameter's default gives the value to."""
    target: ast.AST | None = None
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
    elif isinstance(parent, (ast.AnnAssign, ast.NamedExpr)):
        target = parent.target
    elif isinstance(parent, ast.arguments):
        return _defaulted(parent, value)
    return target.id if isinstance(target, ast.Name) else None


def _defaulted(arguments: ast.arguments, value: ast.AST) -> str | None:
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs: list[tuple[ast.arg, ast.expr | None]] = list(
        zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    )
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return next((arg.arg for arg, default in pairs if default is value), None)
