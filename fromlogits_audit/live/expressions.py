"""Where in the user's text the value stands that ``compile`` was given: the string, the reference, the call.

The text is read, never run. A name is followed to what it was bound to as long as there is no doubt: a
parameter to the argument of the call that was under way, a local or global name to its only binding above.
"""

from __future__ import annotations

import ast
import functools
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeGuard

from fromlogits_audit.ir import Location
from fromlogits_audit.live.spots import Spot, kind_of
from fromlogits_audit.paths import shown_path

MAX_HOPS = 24
Path = tuple[Any, ...]
"""Keys and positions that lead from a structure of losses to one of them."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Text:
    """One file of the user's: its lines, and its tree where it parses."""

    def __init__(self, file: str) -> None:
        self.file = file
        try:
            with tokenize.open(file) as handle:
                text = handle.read()
            self.tree: ast.Module | None = ast.parse(text)
        except (OSError, SyntaxError, UnicodeError, ValueError, RecursionError):
            text, self.tree = "", None
        self.lines = text.split("\n")

    def column(self, line: int, offset: int) -> int:
        """A column from 1 in characters, of an offset in UTF-8 bytes."""
        if not 0 < line <= len(self.lines):
            return offset + 1
        return len(self.lines[line - 1].encode()[:offset].decode("utf-8", "replace")) + 1

    def nodes(self) -> Iterator[Any]:
        return ast.walk(self.tree) if self.tree is not None else iter(())

    def calls(self, spot: Spot) -> list[ast.Call]:
        """The calls that a frame may be in, the likeliest first."""
        found = [one for one in self.nodes() if isinstance(one, ast.Call) and _covers(one, spot.line)]
        exact = [one for one in found if spot.span is not None and _span(one) == spot.span]
        return exact or sorted(found, key=lambda one: (one.lineno != spot.line, one.col_offset))

    def calls_at(self, location: Location) -> list[ast.Call]:
        """The calls that begin at a place."""
        found = (one for one in self.nodes() if isinstance(one, ast.Call))
        start = location.line, location.column
        return [one for one in found if (one.lineno, self.column(one.lineno, one.col_offset)) == start]

    def imported(self, node: Any) -> tuple[str, str] | None:
        """The module and the name there that ``LOSS`` or ``constants.LOSS`` is imported from."""
        base = node.value if isinstance(node, ast.Attribute) else node
        for one in self.nodes():
            if isinstance(one, ast.ImportFrom) and isinstance(base, ast.Name):
                module = self._absolute(one)
                for alias in one.names:
                    if (alias.asname or alias.name) == base.id:
                        whole = isinstance(node, ast.Attribute)
                        return (f"{module}.{alias.name}", node.attr) if whole else (module, alias.name)
            elif isinstance(one, ast.Import) and isinstance(node, ast.Attribute):
                for alias in one.names:
                    if (alias.asname or alias.name) == ast.unparse(base):
                        return alias.name, node.attr
        return None

    def _absolute(self, node: ast.ImportFrom) -> str:
        """The module of a ``from ... import``, relative to the package that this file was imported as."""
        if not node.level:
            return node.module or ""
        loaded = [one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == self.file]
        package = str(getattr(loaded[0], "__package__", "") if loaded else "")
        base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
        return f"{base}.{node.module}" if node.module else base

    def scopes(self, spot: Spot) -> list[Any]:
        """The function that a frame runs, then the module."""
        functions = [
            one
            for one in self.nodes()
            if isinstance(one, _FUNCTIONS) and one.lineno <= spot.line <= (one.end_lineno or 0)
        ]
        inner = sorted(functions, key=lambda one: -one.lineno)
        return [*inner, self.tree] if self.tree is not None else []


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _covers(node: Any, line: int) -> bool:
    return bool(node.lineno <= line <= node.end_lineno)


class Expressions:
    """The texts of a program, and the places in them."""

    def __init__(self, cwd: FilePath) -> None:
        self._cwd = cwd
        self._texts: dict[str, Text] = {}

    def text(self, file: str) -> Text:
        if file not in self._texts:
            self._texts[file] = Text(file)
        return self._texts[file]

    # -- places ------------------------------------------------------------------------------
    def of_spot(self, spot: Spot, name: str | None = None) -> Location:
        """The call that a frame is in; ``name`` is what is called, where Python does not say which."""
        text = self.text(spot.file)
        if spot.span is not None:
            line, end, column, last = spot.span
            return self._location(text, line, end, column, last)
        calls = text.calls(spot)
        named = [one for one in calls if name is not None and _called(one.func) == name]
        for node in (named or calls)[:1]:
            return self._of_node(text, node)
        return Location(shown_path(FilePath(spot.file), self._cwd), None, spot.line, 1, spot.line, 1)

    def bools(self, spot: Spot) -> list[bool | None]:
        """The arguments by position of the call that a frame is in; None for what is no bool as it stands."""
        return [_bool(one) for call in self._call(spot) for one in call.args]

    def names(self, spot: Spot, argument: str) -> bool:
        """Whether the call that a frame is in, or a ``**`` in it, may give an argument by name."""
        return any(one.arg in (argument, None) for call in self._call(spot) for one in call.keywords)

    def _call(self, spot: Spot) -> list[ast.Call]:
        return self.text(spot.file).calls(spot)[:1]

    def _of_node(self, text: Text, node: Any) -> Location:
        return self._location(text, node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)

    def _location(self, text: Text, line: int, end: int, column: int, last: int) -> Location:
        path = shown_path(FilePath(text.file), self._cwd)
        return Location(path, None, line, text.column(line, column), end, text.column(end, last))

    # -- arguments ---------------------------------------------------------------------------
    def of_literal(self, stack: Sequence[Spot], value: Any) -> Location | None:
        """The only place where a string stands in the innermost file that has one."""
        found = (self._literal(self.text(file), value) for file in dict.fromkeys(one.file for one in stack))
        return next((one for one in found if one is not None), None)

    def of_argument(
        self, stack: Sequence[Spot], names: Sequence[str], argument: str, path: Path, value: Any
    ) -> Location | None:
        """The expression that yields ``value``, which is at ``path`` in an argument of the call that
        ``stack`` begins with. ``names`` are the parameters of what is called."""
        found = self._argument(stack, 0, names, argument)
        if found is None:
            return None
        node, at = found
        return self._followed(stack, at, node, path, value, MAX_HOPS)

    def _argument(
        self, stack: Sequence[Spot], at: int, names: Sequence[str], argument: str
    ) -> tuple[Any, int] | None:
        """The expression given for a parameter by the call that frame ``at`` is in."""
        if at >= len(stack):
            return None
        for call in self.text(stack[at].file).calls(stack[at]):
            for keyword in call.keywords:
                if keyword.arg == argument:
                    return keyword.value, at
            index = list(names).index(argument) if argument in names else len(call.args)
            plain = not any(isinstance(one, ast.Starred) for one in call.args[: index + 1])
            if index < len(call.args) and plain:
                return call.args[index], at
            if stack[at].span is not None:
                break
        return None

    def _followed(
        self, stack: Sequence[Spot], at: int, node: Any, path: Path, value: Any, left: int
    ) -> Location:
        """The place of ``value`` in an expression, as far as it can be followed."""
        text = self.text(stack[at].file)
        here = self._of_node(text, node)
        if left <= 0:
            return here
        step = _inside(node, path, value)
        if step is not None:
            return self._followed(stack, at, step[0], step[1], value, left - 1)
        if isinstance(node, ast.Name):
            bound = self._bound(stack, at, node, value)
            if bound is not None:
                return self._followed(stack, bound[1], bound[0], path, value, left - 1)
        if isinstance(node, (ast.Name, ast.Attribute)):
            imported = self._imported(text, node, path, value)
            if imported is not None:
                return imported
        if isinstance(node, ast.Attribute) and isinstance(value, str):
            given = _attribute(text, node.attr)
            if given is not None:
                return self._followed(stack, at, given, path, value, left - 1)
        if isinstance(node, ast.Call) and isinstance(value, functools.partial) and not _is_partial(node):
            inner = (self._followed(stack, at, one, path, value, left - 1) for one in node.args)
            made = [one for one in inner if any(_is_partial(call) for call in text.calls_at(one))]
            return made[0] if len(made) == 1 else here
        return here if _is(node, value) else self._literal(text, value) or here

    def _literal(self, text: Text, value: Any) -> Location | None:
        """The only place in a file where a string stands."""
        found = [one for one in text.nodes() if isinstance(value, str) and _is(one, value)]
        return self._of_node(text, found[0]) if len(found) == 1 else None

    def _imported(self, text: Text, node: Any, path: Path, value: Any) -> Location | None:
        """The place of a value that another file of the user's binds to a name."""
        found = text.imported(node)
        if found is None or not isinstance(value, str):
            return None
        module, name = found
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is None or kind_of(file) != "user":
            return None
        other = self.text(file)
        bindings = list(_bindings(other.tree, name, 0, value)) if other.tree is not None else []
        if len(bindings) != 1 or bindings[0] is None:
            return None
        line = bindings[0].lineno
        return self._followed([Spot(file, line)], 0, bindings[0], path, value, MAX_HOPS // 2)

    def _bound(self, stack: Sequence[Spot], at: int, name: ast.Name, value: Any) -> tuple[Any, int] | None:
        """What a name was bound to, and the frame whose expression that is; None where there is doubt."""
        text, spot = self.text(stack[at].file), stack[at]
        for scope in text.scopes(spot):
            bindings = list(_bindings(scope, name.id, spot.line, value))
            if len(bindings) > 1 or (bindings and bindings[0] is None):
                return None
            if bindings:
                return bindings[0], at
            if isinstance(scope, _FUNCTIONS):
                index = _parameter(scope, name.id)
                if index is not None:
                    return self._given(stack, at, scope, name.id, index)
        return None

    def _given(
        self, stack: Sequence[Spot], at: int, function: Any, name: str, index: int
    ) -> tuple[Any, int] | None:
        """The argument for a parameter in the call that frame ``at`` came from, else its default."""
        names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        bound = names[1:] if names[:1] in (["self"], ["cls"]) else names
        found = self._argument(stack, at + 1, bound, name)
        if found is not None:
            return found
        default = _default(function, name)
        return (default, at) if default is not None else None


def _called(function: Any) -> str | None:
    """The last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _inside(node: Any, path: Path, value: Any) -> tuple[Any, Path] | None:
    """One step into an expression: an item of a display, the branch that was taken."""
    if isinstance(node, ast.Dict):
        key = path[0] if path else None
        keys = [one for one, item in zip(node.keys, node.values, strict=True) if _is(one, key)]
        if path and len(keys) == 1:
            return node.values[node.keys.index(keys[0])], path[1:]
        return _only(node.values, path, value)
    if isinstance(node, (ast.List, ast.Tuple)):
        if path and isinstance(path[0], int) and path[0] < len(node.elts):
            return node.elts[path[0]], path[1:]
        return _only(node.elts, path, value)
    if isinstance(node, ast.IfExp):
        return _only([node.body, node.orelse], path, value)
    if isinstance(node, ast.BoolOp):
        return _only(node.values, path, value)
    if isinstance(node, ast.NamedExpr):
        return node.value, path
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.value, (node.slice.value, *path)
    return None


def _only(nodes: Sequence[Any], path: Path, value: Any) -> tuple[Any, Path] | None:
    """The one among several expressions that is the value as it stands."""
    fitting = [one for one in nodes if isinstance(value, str) and _is(one, value)]
    return (fitting[0], path) if len(fitting) == 1 else None


def _bool(node: Any) -> bool | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, bool) else None


def _is_partial(node: Any) -> bool:
    return isinstance(node, ast.Call) and _called(node.func) == "partial"


def _is(node: Any, value: Any) -> TypeGuard[ast.Constant]:
    return value is not None and isinstance(node, ast.Constant) and node.value == value


def _bindings(scope: Any, name: str, line: int, value: Any = None) -> Iterator[Any]:
    """What is bound to a name directly in a scope; None for a binding that is no plain assignment.

    The only one that is ``value`` as it stands is meant. Else in a function only what stands above ``line``
    counts, and of several in a row the last.
    """
    found: list[Any] = []
    for node in _own(scope):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                found.append(node.value)
            elif any(_names(one, name) for one in targets):
                found.append(None)
        elif isinstance(node, (ast.For, ast.With, ast.AugAssign)) and _rebinds(node, name):
            found.append(None)
    meant = [one for one in found if isinstance(value, str) and _is(one, value)]
    if len(meant) == 1:
        return iter(meant)
    if isinstance(scope, _FUNCTIONS):
        above = [one for one in found if one is not None and one.lineno <= line]
        return iter(above[-1:] if None not in found else found)
    return iter(found)


def _rebinds(node: Any, name: str) -> bool:
    if isinstance(node, ast.With):
        return any(one.optional_vars is not None and _names(one.optional_vars, name) for one in node.items)
    return _names(node.target, name)


def _names(node: Any, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _own(scope: Any) -> Iterator[Any]:
    """The statements of a scope, those of functions and classes inside it left out."""
    body = scope.body if isinstance(scope.body, list) else []
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        yield node
        waiting.extend(reversed([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)]))


def _parameter(function: Any, name: str) -> int | None:
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return names.index(name) if name in names else None


def _default(function: Any, name: str) -> Any:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next((default for one, default in pairs if one.arg == name), None)


def _attribute(text: Text, name: str) -> Any:
    """The only expression of a file that gives an attribute of that name its value."""
    found = []
    for node in text.nodes():
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Attribute) and one.attr == name for one in targets):
                found.append(node.value)
        elif isinstance(node, ast.ClassDef):
            found += [value for value in _bindings(node, name, 0) if value is not None]
        elif isinstance(node, ast.Call):
            found += [one.value for one in node.keywords if one.arg == name]
    return found[0] if len(found) == 1 else None
