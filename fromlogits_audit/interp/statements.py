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
    NODES,
    Expressions,
    Signs,
    Unlike,
    Where,
    end,
    start,
)
from fromlogits_audit.interp.outline import first_line
from fromlogits_audit.interp.written import Piece

_IN_PLACE = Signs(
    {
        ast.Add: cst.AddAssign, ast.Sub: cst.SubtractAssign, ast.Mult: cst.MultiplyAssign,
        ast.Div: cst.DivideAssign, ast.FloorDiv: cst.FloorDivideAssign, ast.Mod: cst.ModuloAssign,
        ast.Pow: cst.PowerAssign, ast.MatMult: cst.MatrixMultiplyAssign, ast.LShift: cst.LeftShiftAssign,
        ast.RShift: cst.RightShiftAssign, ast.BitAnd: cst.BitAndAssign, ast.BitOr: cst.BitOrAssign,
        ast.BitXor: cst.BitXorAssign,
    }
)  # fmt: skip


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
                self._leave(block, self._part(nodes[at], nodes[last]))
            else:
                self._statement(block, nodes[at])
            at = last + 1
        return block

    def _statement(self, block: list[Any], node: ast.stmt) -> None:
        marks = len(self.stands), len(self.pieces), len(self.made)
        simple = _SIMPLE.get(type(node))
        may_hold = simple is not None and type(node) not in _HOLDS_NOTHING
        if may_hold and self._bears(self.between(start(node), end(node))):
            self._leave(block, self._part(node, node))
            return
        try:
            if simple is not None:
                made = simple(self, node)
                block[-1] = NODES[cst.SimpleStatementLine]([made])
                self.stands[id(block[-1])] = node
            else:
                made = block[-1] = self._compound(node)
        except Unlike:
            self._forget(*marks)
            self._leave(block, self._part(node, node) if simple is not None else self._whole(node))
            return
        self.stands[id(made)] = node
        self.made.append(node)

    def _forget(self, stands: int, pieces: int, made: int) -> None:
        """Let go of the parts of something that is left to libcst: other nodes may get their identity."""
        while len(self.stands) > stands:
            self.stands.popitem()
        del self.pieces[pieces:], self.made[made:]

    # -- for libcst --------------------------------------------------------------------------
    def _leave(self, block: list[Any], piece: Piece) -> None:
        """Leave the last place of a block to a piece."""
        piece.block, piece.index = block, len(block) - 1
        self.pieces.append(piece)

    def piece_of(self, node: ast.stmt) -> Piece:
        """A statement by itself, a compound one with nothing in its body."""
        body = getattr(node, "body", None)
        if body is None:
            return self._part(node, node)
        return self._whole(node, first_line(body[0]) - 1, f"{' ' * (node.col_offset + 1)}pass")

    def _part(self, first: ast.stmt, last: ast.stmt) -> Piece:
        """The text from one simple statement to another."""
        text = self.between(start(first), end(last))
        return Piece(text, first.lineno, self.characters(start(first)))

    def _whole(self, node: ast.stmt, last: int | None = None, *more: str) -> Piece:
        """The lines of a compound statement, up to the ``last`` and with some ``more``."""
        first = first_line(node)
        text = "\n".join([*self.lines[first - 1 : last or node.end_lineno], *more])
        return Piece(text, first, inside=node.col_offset > 0)

    # -- simple statements -------------------------------------------------------------------
    def _expr(self, node: ast.Expr) -> Any:
        return cst.Expr(self.expression(node.value))

    def _assign(self, node: ast.Assign) -> Any:
        targets = [NODES[cst.AssignTarget](target) for target in self.several(node.targets)]
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
        cause = None if node.cause is None else NODES[cst.From](self.expression(node.cause))
        return cst.Raise(self.maybe(node.exc), cause)

    def _assert(self, node: ast.Assert) -> Any:
        return NODES[cst.Assert](self.expression(node.test), self.maybe(node.msg))

    def _delete(self, node: ast.Delete) -> Any:
        targets = self.several(node.targets)
        if len(targets) == 1:
            return NODES[cst.Del](targets[0])
        return NODES[cst.Del](cst.Tuple([cst.Element(target) for target in targets], lpar=(), rpar=()))

    def _declared(self, node: ast.Global | ast.Nonlocal) -> Any:
        kind = cst.Global if isinstance(node, ast.Global) else cst.Nonlocal
        return NODES[kind]([cst.NameItem(cst.Name(name)) for name in node.names])

    def _import(self, node: ast.Import) -> Any:
        return NODES[cst.Import]([self._alias(alias) for alias in node.names])

    def _import_from(self, node: ast.ImportFrom) -> Any:
        star = node.names[0].name == "*"
        names = cst.ImportStar() if star else [self._alias(alias) for alias in node.names]
        module = _dotted(node.module) if node.module else None
        return NODES[cst.ImportFrom](module, names, relative=[cst.Dot()] * node.level)

    def _alias(self, alias: ast.alias) -> Any:
        asname = None if alias.asname is None else NODES[cst.AsName](cst.Name(alias.asname))
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
        made = NODES[cst.IndentedBlock](self.block(nodes))
        self.stands[id(made)] = Where(first_line(nodes[0]), 0, *end(nodes[-1]))
        return made

    def _else(self, nodes: Sequence[ast.stmt]) -> Any:
        if not nodes:
            return None
        body = self._indented(nodes)
        made = NODES[cst.Else](body)
        self.stands[id(made)] = self.stands[id(body)]
        return made

    def _if(self, node: ast.If) -> Any:
        test = self.expression(node.test)
        return NODES[cst.If](test, self._indented(node.body), self._otherwise(node.orelse))

    def _otherwise(self, nodes: Sequence[ast.stmt]) -> Any:
        first = nodes[0] if len(nodes) == 1 else None
        if isinstance(first, ast.If) and self.lines[first.lineno - 1].startswith("elif", first.col_offset):
            made = self._if(first)
            self.stands[id(made)] = first
            return made
        return self._else(nodes)

    def _for(self, node: ast.For | ast.AsyncFor) -> Any:
        return NODES[cst.For](
            self.expression(node.target),
            self.expression(node.iter),
            self._indented(node.body),
            self._else(node.orelse),
            cst.Asynchronous() if isinstance(node, ast.AsyncFor) else None,
        )

    def _while(self, node: ast.While) -> Any:
        return NODES[cst.While](
            self.expression(node.test), self._indented(node.body), self._else(node.orelse)
        )

    def _with(self, node: ast.With | ast.AsyncWith) -> Any:
        items = [self._item(item) for item in node.items]
        asynchronous = cst.Asynchronous() if isinstance(node, ast.AsyncWith) else None
        return NODES[cst.With](items, self._indented(node.body), asynchronous)

    def _item(self, item: ast.withitem) -> Any:
        bound = None if item.optional_vars is None else NODES[cst.AsName](self.expression(item.optional_vars))
        return cst.WithItem(self.expression(item.context_expr), bound)

    def _try(self, node: ast.Try) -> Any:
        return NODES[cst.Try](
            self._indented(node.body),
            [self._handler(handler) for handler in node.handlers],
            self._else(node.orelse),
            NODES[cst.Finally](self._indented(node.finalbody)) if node.finalbody else None,
        )

    def _handler(self, handler: ast.ExceptHandler) -> Any:
        name = None if handler.name is None else NODES[cst.AsName](cst.Name(handler.name))
        return NODES[cst.ExceptHandler](self._indented(handler.body), self.maybe(handler.type), name)

    # -- definitions -------------------------------------------------------------------------
    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        return NODES[cst.FunctionDef](
            cst.Name(node.name),
            self.parameters(node.args),
            self._indented(node.body),
            self._decorators(node.decorator_list),
            self.annotation(node.returns),
            cst.Asynchronous() if isinstance(node, ast.AsyncFunctionDef) else None,
        )

    def _class(self, node: ast.ClassDef) -> Any:
        return NODES[cst.ClassDef](
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
        made = NODES[cst.Decorator](self.expression(node))
        self.stands[id(made)] = Where(node.lineno, at, *end(node))
        return made


def _dotted(name: str) -> Any:
    head, *rest = name.split(".")
    made: Any = cst.Name(head)
    for part in rest:
        made = NODES[cst.Attribute](made, cst.Name(part))
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
    ast.Global: Statements._declared,
    ast.Nonlocal: Statements._declared,
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
