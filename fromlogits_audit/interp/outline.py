"""What the standard library's tree shows of a top-level statement, before libcst sees any of it: what it
binds, whether it can wait until it is asked for, which parts of a class do, and whether it can hold a site.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fromlogits_audit.interp.interest import bears

SMALL_CLASS = 40
"""Lines up to which a class is parsed whole."""
_ALIAS = re.compile(r"\S{,200}\Z")
"""What the name of a loss, a metric or an activation, or a part of one, looks like."""


@dataclass(frozen=True)
class Member:
    """A statement of a class body and its lines in the module. What it defines is run when somebody asks
    for ``name``; without a name it is run with the class."""

    name: str
    first: int
    last: int
    statement: ast.stmt


def binds(statements: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that plain assignments bind."""
    targets = [t for s in statements if isinstance(s, ast.Assign) for t in s.targets]
    return frozenset(t.id for t in targets if isinstance(t, ast.Name))


def defined(statements: Sequence[ast.stmt]) -> str:
    """The name of the function or class where that is all there is, or an empty string."""
    statement = statements[0] if len(statements) == 1 else None
    return (
        statement.name if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else ""
    )


def members(statements: Sequence[ast.stmt], *, waits: bool) -> tuple[Member, ...]:
    """The parts of a large class, none of anything else. ``waits``: its constants can wait too."""
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, ast.ClassDef) or statement.end_lineno is None:
        return ()
    if statement.end_lineno - statement.lineno < SMALL_CLASS:
        return ()
    found = tuple(_member(inner, waits=waits) for inner in statement.body)
    spread_out = (
        all(a.last < b.first for a, b in itertools.pairwise(found)) and found[0].first > statement.lineno
    )
    return found if spread_out else ()


def _member(statement: ast.stmt, *, waits: bool) -> Member:
    first, name = statement.lineno, ""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        first = min([first, *(decorator.lineno for decorator in statement.decorator_list)])
        name = statement.name
    elif isinstance(statement, ast.ClassDef):
        first = min([first, *(decorator.lineno for decorator in statement.decorator_list)])
    elif waits and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        name = target.id if isinstance(target, ast.Name) else ""
    return Member(name, first, statement.end_lineno or first, statement)


def can_wait(statements: Sequence[ast.stmt]) -> bool:
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


def says_nothing(statement: ast.stmt) -> bool:
    """Whether running it would do nothing: a docstring or ``pass``."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def can_hold_site(statements: Sequence[ast.stmt]) -> bool:
    """Whether the code says what a site has to say: comments, docstrings and messages left out."""
    return bears("\n".join(word for statement in statements for word in _words(statement)))


def _words(root: ast.AST) -> Iterator[str]:
    pending: list[ast.AST] = [root]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind in _PLAIN:
            continue
        if kind is ast.Expr and isinstance(node.value, ast.Constant):  # type: ignore[attr-defined]
            continue
        if kind is ast.Name:
            yield node.id  # type: ignore[attr-defined]
            continue
        if kind is ast.Constant:
            value = node.value  # type: ignore[attr-defined]
            if type(value) is str and _ALIAS.match(value):
                yield value
            continue
        if kind is ast.Attribute:
            yield node.attr  # type: ignore[attr-defined]
        elif kind is ast.Call and getattr(node.func, "attr", "") == "compile":  # type: ignore[attr-defined]
            yield ".compile("
        elif kind is ast.Compare and _with_half(node):  # type: ignore[arg-type]
            yield "> 0.5"
        elif kind in _NAMED:
            yield getattr(node, _NAMED[kind]) or ""
        for value in node.__dict__.values():
            # As ast.iter_child_nodes() does, in a third of the time.
            if type(value) is list:
                pending.extend(value)
            else:
                pending.append(value)


_PLAIN = frozenset([int, str, float, bytes, type(None), ast.Load, ast.Store, ast.Del])
_NAMED: dict[type[ast.AST], str] = {
    ast.keyword: "arg", ast.arg: "arg", ast.alias: "name", ast.ImportFrom: "module",
    ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name",
}  # fmt: skip


def _with_half(node: ast.Compare) -> bool:
    return any(
        isinstance(side, ast.Constant) and type(side.value) is float and side.value == 0.5
        for side in (node.left, *node.comparators)
    )
