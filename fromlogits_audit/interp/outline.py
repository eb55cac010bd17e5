"""What the standard library's tree shows of a top-level statement, before libcst sees any of it: what it
binds, whether it can wait until it is asked for, which parts of a class do, and what its code says.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Sequence
from typing import Any

from fromlogits_audit.lean import dataclass

SMALL_CLASS = 40
"""Lines up to which a class is parsed whole."""


@dataclass(frozen=True)
class Member:
    """A statement of a class body and its lines in the module. What it defines is run when somebody asks
    for ``name``; without a name it is run with the class."""

    name: str
    first: int
    last: int
    idle: bool
    """Whether running it would do nothing: a docstring or ``pass``."""
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


def is_main(statements: Sequence[ast.stmt]) -> bool:
    """``if __name__ == "__main__":``"""
    test = statements[0].test if len(statements) == 1 and isinstance(statements[0], ast.If) else None
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    said = {getattr(side, "id", getattr(side, "value", None)) for side in sides}
    return (
        said == {"__name__", "__main__"} and isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq)
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


def without_body(node: Any, first: int) -> ast.stmt:
    """A class with nothing but ``pass`` in the place of its body, which begins on line ``first``."""
    column = node.body[0].col_offset
    ending = {"end_lineno": first, "end_col_offset": column}
    nothing = ast.Pass(lineno=first, col_offset=column, **ending)
    return ast.ClassDef(**{**vars(node), **ending, "body": [nothing]})


def first_line(statement: ast.stmt) -> int:
    """The line of a statement or of its first decorator."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return decorators[0].lineno if decorators else statement.lineno


def _member(statement: ast.stmt, *, waits: bool) -> Member:
    first, name = first_line(statement), ""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        name = "" if any(map(_registers, statement.decorator_list)) else statement.name
    elif waits and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        name = target.id if isinstance(target, ast.Name) else ""
    return Member(name, first, statement.end_lineno or first, _says_nothing(statement), statement)


def can_wait(statements: Sequence[ast.stmt]) -> bool:
    """Whether running a definition can wait: it reads nothing that may change meanwhile."""
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    if not all(_transparent(decorator) for decorator in statement.decorator_list):
        return False
    if isinstance(statement, ast.ClassDef):
        plain = all(
            getattr(k.value, "attr", getattr(k.value, "id", "")) == "ABCMeta" for k in statement.keywords
        )
        return plain and all(_inert(inner) for inner in statement.body)
    arguments = statement.args
    defaults = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    return all(_constant(default) for default in defaults)


def _inert(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return statement.value is None or _constant(statement.value)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.FunctionDef):
        return statement.name != "__init_subclass__" and not any(map(_registers, statement.decorator_list))
    return isinstance(statement, (ast.AsyncFunctionDef, ast.Pass, ast.ClassDef))


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


def _registers(decorator: ast.expr) -> bool:
    """Whether a decorator enters what it decorates under the function of another name: ``@make.register``."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(target, ast.Attribute) and target.attr == "register"


def _transparent(decorator: ast.expr) -> bool:
    """Whether a decorator only wraps or marks: one of the project's own may register what it decorates."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name in _TRANSPARENT


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def code(text: str) -> str:
    """A text of Python without its comments and without what is no name: docstrings and messages."""
    return _ASIDE.sub(_kept, text)


def _kept(match: re.Match[str]) -> str:
    said = match.group()
    if said[0] == "#":
        return ""
    formatted = _FORMATTED.search(match.string, max(0, match.start() - 3), match.start())
    return said if formatted or _ALIAS.fullmatch(said) else ""


_ASIDE = re.compile(
    r"""
    \#[^\n]*
    | \"{3} [^"\\]* (?: (?: \\. | \"(?!\"\") ) [^"\\]* )* \"{3}
    | '{3} [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* '{3}
    | " [^"\\\n]* (?: \\. [^"\\\n]* )* "
    | ' [^'\\\n]* (?: \\. [^'\\\n]* )* '
    """,
    re.VERBOSE | re.DOTALL,
)
_FORMATTED = re.compile(r"\b(?:[fF][rR]?|[rR][fF])\Z")
"""What stands before a string that holds code."""
_ALIAS = re.compile(r"\S{,200}")
"""What the name of a loss, a metric or an activation, or a part of one, looks like."""
