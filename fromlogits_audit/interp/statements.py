"""Statements as libcst's nodes: those that can hold a loss construction are left to libcst, the others made
from the standard library's tree.

A loss construction is found and edited as libcst reads it, brackets and comments included. What stands around
it is run and never edited; nine tenths of a text are that.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from fromlogits_audit import cst
from fromlogits_audit.interp.expressions import (
    ASYNCHRONOUS,
    Expressions,
    Unlike,
    Where,
    end,
    start,
    with_defaults,
)
from fromlogits_audit.interp.written import Piece

_line = with_defaults(cst.SimpleStatementLine)
_block = with_defaults(cst.IndentedBlock)
_assign_target = with_defaults(cst.AssignTarget)
_from = with_defaults(cst.From)
_assert = with_defaults(cst.Assert)
_del = with_defaults(cst.Del)
_global = with_defaults(cst.Global)
_nonlocal = with_defaults(cst.Nonlocal)
_import = with_defaults(cst.Import)
_import_from = with_defaults(cst.ImportFrom)
_as_name = with_defaults(cst.AsName)
_attribute = with_defaults(cst.Attribute)
_if = with_defaults(cst.If)
_else = with_defaults(cst.Else)
_for = with_defaults(cst.For)
_while = with_defaults(cst.While)
_with = with_defaults(cst.With)
_try = with_defaults(cst.Try)
_handler = with_defaults(cst.ExceptHandler)
_finally = with_defaults(cst.Finally)
_function = with_defaults(cst.FunctionDef)
_class = with_defaults(cst.ClassDef)
_decorator = with_defaults(cst.Decorator)
_DOT = cst.Dot()

_IN_PLACE: dict[type[ast.AST], Any] = {
    ast.Add: cst.AddAssign(), ast.Sub: cst.SubtractAssign(), ast.Mult: cst.MultiplyAssign(),
    ast.Div: cst.DivideAssign(), ast.FloorDiv: cst.FloorDivideAssign(), ast.Mod: cst.ModuloAssign(),
    ast.Pow: cst.PowerAssign(), ast.MatMult: cst.MatrixMultiplyAssign(), ast.LShift: cst.LeftShiftAssign(),
    ast.RShift: cst.RightShiftAssign(), ast.BitAnd: cst.BitAndAssign(), ast.BitOr: cst.BitOrAssign(),
    ast.BitXor: cst.BitXorAssign(),
}  # fmt: skip


class Statements(Expressions):
    """Makes the statements of one text. What is left to libcst is in ``pieces``, its places still empty."""

    def __init__(self, lines: Sequence[str], bears: Callable[[str], bool]) -> None:
        """``bears``: whether a simple statement, given as text, can hold a loss construction."""
        super().__init__(lines)
        self._bears = bears
        self.pieces: list[Piece] = []
        self.made: list[ast.stmt] = []
        """The statements that were made here."""

    def block(self, nodes: Sequence[ast.stmt]) -> list[Any]:
        """Statements with the same indentation."""
        before = self.lines[nodes[0].lineno - 1][: nodes[0].col_offset]
        if before and not before.isspace():
            raise Unlike  # if a: b
        block: list[Any] = []
        at = 0
        while at < len(nodes):
            last = at
            while last + 1 < len(nodes) and nodes[last + 1].lineno == nodes[last].end_lineno:
                last += 1  # a; b
            block.append(None)
            if last > at:
                self._leave(block, self.between(start(nodes[at]), end(nodes[last])), nodes[at])
            else:
                self._statement(block, nodes[at])
            at = last + 1
        return block

    def _statement(self, block: list[Any], node: ast.stmt) -> None:
        marks = len(self.stands), len(self.pieces), len(self.made)
        simple = _SIMPLE.get(type(node))
        if simple is not None and type(node) not in _HOLDS_NOTHING:
            text = self.between(start(node), end(node))
            if self._bears(text):
                self._leave(block, text, node)
                return
        try:
            if simple is not None:
                made = simple(self, node)
                block[-1] = _line([made])
                self.stands[id(block[-1])] = node
            else:
                made = block[-1] = self._compound(node)
        except Unlike:
            self._forget(*marks)
            if simple is not None:
                self._leave(block, self.between(start(node), end(node)), node)
            else:
                self._leave_lines(block, node)
            return
        self.stands[id(made)] = node
        self.made.append(node)

    def _forget(self, stands: int, pieces: int, made: int) -> None:
        """Let go of the parts of something that is left to libcst: other nodes may get their identity."""
        while len(self.stands) > stands:
            self.stands.popitem()
        del self.pieces[pieces:], self.made[made:]

    def piece_of(self, node: ast.stmt) -> Piece:
        """A statement for libcst, a compound one with nothing in its body."""
        body = getattr(node, "body", None)
        if body is None:
            return Piece(self.between(start(node), end(node)), node.lineno, self.characters(start(node)))
        first, last = first_line(node), first_line(body[0]) - 1
        indented = " " * (node.col_offset + 1)
        text = "\n".join([*self.lines[first - 1 : last], f"{indented}pass"])
        return Piece(text, first, inside=node.col_offset > 0)

    def _leave(self, block: list[Any], text: str, node: ast.stmt) -> None:
        column = self.characters(start(node))
        self.pieces.append(Piece(text, node.lineno, column, block=block, index=len(block) - 1))

    def _leave_lines(self, block: list[Any], node: ast.stmt) -> None:
        first = first_line(node)
        text = "\n".join(self.lines[first - 1 : node.end_lineno])
        inside = node.col_offset > 0
        self.pieces.append(Piece(text, first, inside=inside, block=block, index=len(block) - 1))

    # -- simple statements -------------------------------------------------------------------
    def _expr(self, node: ast.Expr) -> Any:
        return cst.Expr(self.expression(node.value))

    def _assign(self, node: ast.Assign) -> Any:
        targets = [_assign_target(target) for target in self.several(node.targets)]
        return cst.Assign(targets, self.expression(node.value))

    def _annotated(self, node: ast.AnnAssign) -> Any:
        annotation = self.annotation(node.annotation)
        return cst.AnnAssign(self.expression(node.target), annotation, self.maybe(node.value))

    def _augmented(self, node: ast.AugAssign) -> Any:
        target = self.expression(node.target)
        return cst.AugAssign(target, _IN_PLACE[type(node.op)], self.expression(node.value))

    def _return(self, node: ast.Return) -> Any:
        return cst.Return(self.maybe(node.value))

    def _raise(self, node: ast.Raise) -> Any:
        cause = None if node.cause is None else _from(self.expression(node.cause))
        return cst.Raise(self.maybe(node.exc), cause)

    def _assert(self, node: ast.Assert) -> Any:
        return _assert(self.expression(node.test), self.maybe(node.msg))

    def _delete(self, node: ast.Delete) -> Any:
        targets = self.several(node.targets)
        if len(targets) == 1:
            return _del(targets[0])
        return _del(cst.Tuple([cst.Element(target) for target in targets], lpar=(), rpar=()))

    def _global(self, node: ast.Global) -> Any:
        return _global([cst.NameItem(cst.Name(name)) for name in node.names])

    def _nonlocal(self, node: ast.Nonlocal) -> Any:
        return _nonlocal([cst.NameItem(cst.Name(name)) for name in node.names])

    def _import(self, node: ast.Import) -> Any:
        return _import([self._alias(alias) for alias in node.names])

    def _import_from(self, node: ast.ImportFrom) -> Any:
        star = node.names[0].name == "*"
        names = cst.ImportStar() if star else [self._alias(alias) for alias in node.names]
        module = _dotted(node.module) if node.module else None
        return _import_from(module, names, relative=[_DOT] * node.level)

    def _alias(self, alias: ast.alias) -> Any:
        asname = None if alias.asname is None else _as_name(cst.Name(alias.asname))
        return cst.ImportAlias(_dotted(alias.name), asname)

    def _pass(self, node: ast.Pass) -> Any:
        return cst.Pass()

    def _break(self, node: ast.Break) -> Any:
        return cst.Break()

    def _continue(self, node: ast.Continue) -> Any:
        return cst.Continue()

    # -- compound statements -----------------------------------------------------------------
    def _compound(self, node: ast.stmt) -> Any:
        make = _COMPOUND.get(type(node))
        if make is None or getattr(node, "type_params", None):
            raise Unlike
        return make(self, node)

    def _indented(self, nodes: Sequence[ast.stmt]) -> Any:
        made = _block(self.block(nodes))
        self.stands[id(made)] = Where(first_line(nodes[0]), 0, *end(nodes[-1]))
        return made

    def _else(self, nodes: Sequence[ast.stmt]) -> Any:
        if not nodes:
            return None
        body = self._indented(nodes)
        made = _else(body)
        self.stands[id(made)] = self.stands[id(body)]
        return made

    def _if(self, node: ast.If) -> Any:
        test = self.expression(node.test)
        return _if(test, self._indented(node.body), self._otherwise(node.orelse))

    def _otherwise(self, nodes: Sequence[ast.stmt]) -> Any:
        first = nodes[0] if len(nodes) == 1 else None
        if isinstance(first, ast.If) and self.lines[first.lineno - 1].startswith("elif", first.col_offset):
            made = self._if(first)
            self.stands[id(made)] = first
            return made
        return self._else(nodes)

    def _for(self, node: ast.For | ast.AsyncFor) -> Any:
        return _for(
            self.expression(node.target),
            self.expression(node.iter),
            self._indented(node.body),
            self._else(node.orelse),
            ASYNCHRONOUS if isinstance(node, ast.AsyncFor) else None,
        )

    def _while(self, node: ast.While) -> Any:
        return _while(self.expression(node.test), self._indented(node.body), self._else(node.orelse))

    def _with(self, node: ast.With | ast.AsyncWith) -> Any:
        items = [self._item(item) for item in node.items]
        asynchronous = ASYNCHRONOUS if isinstance(node, ast.AsyncWith) else None
        return _with(items, self._indented(node.body), asynchronous)

    def _item(self, item: ast.withitem) -> Any:
        bound = None if item.optional_vars is None else _as_name(self.expression(item.optional_vars))
        return cst.WithItem(self.expression(item.context_expr), bound)

    def _try(self, node: ast.Try) -> Any:
        return _try(
            self._indented(node.body),
            [self._handler(handler) for handler in node.handlers],
            self._else(node.orelse),
            _finally(self._indented(node.finalbody)) if node.finalbody else None,
        )

    def _handler(self, handler: ast.ExceptHandler) -> Any:
        name = None if handler.name is None else _as_name(cst.Name(handler.name))
        return _handler(self._indented(handler.body), self.maybe(handler.type), name)

    # -- definitions -------------------------------------------------------------------------
    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        return _function(
            cst.Name(node.name),
            self.parameters(node.args),
            self._indented(node.body),
            self._decorators(node.decorator_list),
            self.annotation(node.returns),
            ASYNCHRONOUS if isinstance(node, ast.AsyncFunctionDef) else None,
        )

    def _class(self, node: ast.ClassDef) -> Any:
        return _class(
            cst.Name(node.name),
            self._indented(node.body),
            self.arguments(node.bases, ()),
            self.arguments((), node.keywords),
            self._decorators(node.decorator_list),
        )

    def _decorators(self, nodes: Sequence[ast.expr]) -> list[Any]:
        return [self._decorator(node) for node in nodes]

    def _decorator(self, node: ast.expr) -> Any:
        at = self.lines[node.lineno - 1].rfind("@", 0, node.col_offset)
        if at < 0:
            raise Unlike  # a bracket and a line end between the two
        made = _decorator(self.expression(node))
        self.stands[id(made)] = Where(node.lineno, at, *end(node))
        return made


def first_line(node: ast.stmt) -> int:
    """The line of a statement or of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _dotted(name: str) -> Any:
    head, *rest = name.split(".")
    made: Any = cst.Name(head)
    for part in rest:
        made = _attribute(made, cst.Name(part))
    return made


_SIMPLE: dict[type[ast.AST], Callable[[Statements, Any], Any]] = {
    ast.Expr: Statements._expr,
    ast.Assign: Statements._assign,
    ast.AnnAssign: Statements._annotated,
    ast.AugAssign: Statements._augmented,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Assert: Statements._assert,
    ast.Delete: Statements._delete,
    ast.Global: Statements._global,
    ast.Nonlocal: Statements._nonlocal,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
    ast.Pass: Statements._pass,
    ast.Break: Statements._break,
    ast.Continue: Statements._continue,
}
_HOLDS_NOTHING = frozenset(
    [ast.Delete, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.Pass, ast.Break, ast.Continue]
)
_COMPOUND: dict[type[ast.AST], Callable[[Statements, Any], Any]] = {
    ast.If: Statements._if,
    ast.For: Statements._for,
    ast.AsyncFor: Statements._for,
    ast.While: Statements._while,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements._try,
    ast.FunctionDef: Statements._function,
    ast.AsyncFunctionDef: Statements._function,
    ast.ClassDef: Statements._class,
}
