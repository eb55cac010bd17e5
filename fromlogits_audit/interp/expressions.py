"""Expressions as libcst's nodes, made from the standard library's tree.

libcst takes 400 microseconds for a line of Python, the standard library 10 and this a hundred. What is made
here has no white space of its own, and is never turned into text again: what it says stands in the file.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import partial, reduce
from typing import Any, NamedTuple

from fromlogits_audit import cst


class Unlike(Exception):
    """Something whose nodes take more than this to make: libcst has to parse it."""


class Where(NamedTuple):
    """A place as the standard library counts it: lines from 1, columns from 0 and in bytes of UTF-8."""

    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int


class _Nodes(dict[Any, Callable[..., Any]]):
    """By class of nodes: what makes one, whose white space, brackets and signs are always the same ones."""

    def __missing__(self, node: Any) -> Callable[..., Any]:
        made = {f.name: f.default_factory() for f in fields(node) if f.default_factory is not MISSING}
        self[node] = partial(node, **made) if made else node
        return self[node]


NODES = _Nodes()


class Signs(dict[type[ast.AST], Any]):
    """By class of operators: libcst's node, which is always the same one."""

    def __init__(self, classes: Mapping[type[ast.AST], Any]) -> None:
        super().__init__()
        self._classes = classes

    def __missing__(self, operator: type[ast.AST]) -> Any:
        self[operator] = self._classes[operator]()
        return self[operator]


_OPERATORS = Signs(
    {
        ast.Add: cst.Add, ast.Sub: cst.Subtract, ast.Mult: cst.Multiply, ast.Div: cst.Divide,
        ast.FloorDiv: cst.FloorDivide, ast.Mod: cst.Modulo, ast.Pow: cst.Power,
        ast.MatMult: cst.MatrixMultiply, ast.LShift: cst.LeftShift, ast.RShift: cst.RightShift,
        ast.BitAnd: cst.BitAnd, ast.BitOr: cst.BitOr, ast.BitXor: cst.BitXor, ast.And: cst.And,
        ast.Or: cst.Or, ast.Not: cst.Not, ast.USub: cst.Minus, ast.UAdd: cst.Plus,
        ast.Invert: cst.BitInvert, ast.Eq: cst.Equal, ast.NotEq: cst.NotEqual, ast.Lt: cst.LessThan,
        ast.LtE: cst.LessThanEqual, ast.Gt: cst.GreaterThan, ast.GtE: cst.GreaterThanEqual, ast.Is: cst.Is,
        ast.IsNot: cst.IsNot, ast.In: cst.In, ast.NotIn: cst.NotIn,
    }
)  # fmt: skip


class Expressions:
    """Makes the expressions of one text. Each method raises Unlike for what it does not know."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.stands: dict[int, Any] = {}
        """By the identity of a node made here: where it stands (something with a Where's attributes)."""

    def expression(self, node: ast.AST) -> Any:
        make = _EXPRESSIONS.get(type(node))
        if make is None:
            raise Unlike
        made = make(self, node)
        self.stands[id(made)] = node
        return made

    def several(self, nodes: Sequence[ast.AST]) -> list[Any]:
        return [self.expression(node) for node in nodes]

    def maybe(self, node: ast.AST | None) -> Any:
        return None if node is None else self.expression(node)

    # -- names and constants -----------------------------------------------------------------
    def _name(self, node: ast.Name) -> Any:
        return cst.Name(node.id)

    def _constant(self, node: ast.Constant) -> Any:
        value: Any = node.value
        kind = type(value)
        if kind is str or kind is bytes:
            return cst.SimpleString(_quoted(value))
        if kind is int and -(10**18) < value < 10**18:
            return cst.Integer(str(value))
        if kind is float:
            return cst.Float(repr(value))
        if value is None or kind is bool:
            return cst.Name(str(value))
        if value is Ellipsis:
            return cst.Ellipsis()
        raise Unlike

    def _formatted(self, node: ast.JoinedStr) -> Any:
        # Some versions of Python put an empty text around what stands in a format.
        parts = [part for part in node.values if getattr(part, "value", None) != ""]
        return cst.FormattedString([self._formatted_part(part) for part in parts])

    def _formatted_part(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return cst.FormattedStringText(str(node.value).replace("{", "{{").replace("}", "}}"))
        if not isinstance(node, ast.FormattedValue) or not self._stands_there(node.value):
            raise Unlike
        spec = node.format_spec
        return NODES[cst.FormattedStringExpression](
            self.expression(node.value),
            conversion=chr(node.conversion) if node.conversion >= 0 else None,
            format_spec=self._formatted(spec).parts if isinstance(spec, ast.JoinedStr) else None,
        )

    def _stands_there(self, node: ast.expr) -> bool:
        """Whether an expression in a string stands where the tree says: not always so before Python 3.12."""
        try:
            return self.between(start(node), end(node)) == ast.unparse(node)
        except (IndexError, UnicodeDecodeError):
            return False

    def _attribute(self, node: ast.Attribute) -> Any:
        return NODES[cst.Attribute](self.expression(node.value), cst.Name(node.attr))

    # -- calls and subscripts ----------------------------------------------------------------
    def _call(self, node: ast.Call) -> Any:
        return NODES[cst.Call](self.expression(node.func), self.arguments(node.args, node.keywords))

    def arguments(self, args: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> list[Any]:
        if args and keywords and start(args[-1]) > start(keywords[0]):
            raise Unlike  # f(a=1, *b): they are kept apart here, and were written in another order
        made = [
            NODES[cst.Arg](self.expression(arg.value), star="*")
            if type(arg) is ast.Starred
            else NODES[cst.Arg](self.expression(arg))
            for arg in args
        ]
        return made + [self._keyword(keyword) for keyword in keywords]

    def _keyword(self, keyword: ast.keyword) -> Any:
        value = self.expression(keyword.value)
        return (
            NODES[cst.Arg](value, star="**")
            if keyword.arg is None
            else NODES[cst.Arg](value, cst.Name(keyword.arg))
        )

    def _subscript(self, node: ast.Subscript) -> Any:
        index = node.slice
        parts = index.elts if isinstance(index, ast.Tuple) and not self._bracketed(index) else [index]
        if len(parts) < 2 and parts != [index]:
            raise Unlike  # x[a,]
        return NODES[cst.Subscript](
            self.expression(node.value), [cst.SubscriptElement(self._index(part)) for part in parts]
        )

    def _index(self, node: ast.expr) -> Any:
        if not isinstance(node, ast.Slice):
            return cst.Index(self.expression(node))
        return NODES[cst.Slice](self.maybe(node.lower), self.maybe(node.upper), self.maybe(node.step))

    def _bracketed(self, node: ast.Tuple) -> bool:
        """Whether a tuple has brackets of its own: those before its first element close behind a comma."""
        if not node.elts:
            return True
        first, second = node.elts[0], node.elts[1] if len(node.elts) > 1 else None
        before = self.between((node.lineno, node.col_offset), start(first))
        after = self.between(end(first), start(second) if second is not None else end(node))
        if "#" in before or "#" in after:
            raise Unlike
        return before.count("(") > after.partition(",")[0].count(")")

    def between(self, first: tuple[int, int], last: tuple[int, int]) -> str:
        """The text from one place to another."""
        lines = list(self.lines[first[0] - 1 : last[0]])
        lines[-1] = lines[-1][: self.characters(last)]
        lines[0] = lines[0][self.characters(first) :]
        return "\n".join(lines)

    def characters(self, place: tuple[int, int]) -> int:
        """How many characters of its line stand before a place."""
        line, offset = self.lines[place[0] - 1], place[1]
        return offset if line.isascii() else len(line.encode()[:offset].decode())

    # -- displays and comprehensions ---------------------------------------------------------
    def _display(self, node: ast.List | ast.Set | ast.Tuple) -> Any:
        return NODES[_DISPLAYS[type(node)]]([self._element(element) for element in node.elts])

    def _element(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Starred):
            return NODES[cst.StarredElement](self.expression(node.value))
        return cst.Element(self.expression(node))

    def _dict(self, node: ast.Dict) -> Any:
        pairs = zip(node.keys, node.values, strict=True)
        return NODES[cst.Dict](
            [
                NODES[cst.StarredDictElement](self.expression(value))
                if key is None
                else NODES[cst.DictElement](self.expression(key), self.expression(value))
                for key, value in pairs
            ]
        )

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        return NODES[_COMPREHENSIONS[type(node)]](self.expression(node.elt), self._clauses(node.generators))

    def _dict_comprehension(self, node: ast.DictComp) -> Any:
        clauses = self._clauses(node.generators)
        return NODES[cst.DictComp](self.expression(node.key), self.expression(node.value), clauses)

    def _clauses(self, generators: Sequence[ast.comprehension]) -> Any:
        first, rest = generators[0], generators[1:]
        return NODES[cst.CompFor](
            self.expression(first.target),
            self.expression(first.iter),
            [NODES[cst.CompIf](test) for test in self.several(first.ifs)],
            self._clauses(rest) if rest else None,
            cst.Asynchronous() if first.is_async else None,
        )

    # -- operators ---------------------------------------------------------------------------
    def _unary(self, node: ast.UnaryOp) -> Any:
        return cst.UnaryOperation(_OPERATORS[type(node.op)], self.expression(node.operand))

    def _binary(self, node: ast.BinOp) -> Any:
        left = self.expression(node.left)
        return cst.BinaryOperation(left, _OPERATORS[type(node.op)], self.expression(node.right))

    def _boolean(self, node: ast.BoolOp) -> Any:
        operator = _OPERATORS[type(node.op)]
        return reduce(lambda a, b: cst.BooleanOperation(a, operator, b), self.several(node.values))

    def _comparison(self, node: ast.Compare) -> Any:
        left = self.expression(node.left)
        sides = zip(node.ops, node.comparators, strict=True)
        targets = [cst.ComparisonTarget(_OPERATORS[type(op)], self.expression(side)) for op, side in sides]
        return cst.Comparison(left, targets)

    def _if_expression(self, node: ast.IfExp) -> Any:
        return NODES[cst.IfExp](
            self.expression(node.test), self.expression(node.body), self.expression(node.orelse)
        )

    def _named(self, node: ast.NamedExpr) -> Any:
        return NODES[cst.NamedExpr](self.expression(node.target), self.expression(node.value))

    def _await(self, node: ast.Await) -> Any:
        return NODES[cst.Await](self.expression(node.value))

    def _yield(self, node: ast.Yield) -> Any:
        return cst.Yield(self.maybe(node.value))

    def _yield_from(self, node: ast.YieldFrom) -> Any:
        return cst.Yield(NODES[cst.From](self.expression(node.value)))

    # -- functions ---------------------------------------------------------------------------
    def _lambda(self, node: ast.Lambda) -> Any:
        return NODES[cst.Lambda](self.parameters(node.args), self.expression(node.body))

    def parameters(self, node: ast.arguments) -> Any:
        positional = [*node.posonlyargs, *node.args]
        defaults = [None] * (len(positional) - len(node.defaults)) + self.several(node.defaults)
        made = [self._parameter(arg, default) for arg, default in zip(positional, defaults, strict=True)]
        only = [
            self._parameter(arg, self.maybe(default))
            for arg, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)
        ]
        count = len(node.posonlyargs)
        return cst.Parameters(
            params=made[count:],
            star_arg=self._star(node),
            kwonly_params=only,
            star_kwarg=self._parameter(node.kwarg, None, "**") if node.kwarg is not None else None,
            posonly_params=made[:count],
            posonly_ind=cst.ParamSlash() if count else cst.MaybeSentinel.DEFAULT,
        )

    def _star(self, node: ast.arguments) -> Any:
        if node.vararg is not None:
            return self._parameter(node.vararg, None, "*")
        return cst.ParamStar() if node.kwonlyargs else cst.MaybeSentinel.DEFAULT

    def _parameter(self, arg: ast.arg, default: Any, star: str = "") -> Any:
        return NODES[cst.Param](
            cst.Name(arg.arg), self.annotation(arg.annotation), default=default, star=star
        )

    def annotation(self, node: ast.expr | None) -> Any:
        return None if node is None else NODES[cst.Annotation](self.expression(node))


def start(node: Any) -> tuple[int, int]:
    """Where a node of the standard library begins."""
    return node.lineno, node.col_offset


def end(node: Any) -> tuple[int, int]:
    """Where a node of the standard library ends."""
    return node.end_lineno, node.end_col_offset


def _quoted(value: str | bytes) -> str:
    """A literal of a string; mostly one whose value is what stands between its quotes."""
    if isinstance(value, str) and value.isascii() and not any(sign in value for sign in '\\"\r\0'):
        return f'"""{value}"""'
    return repr(value)


_DISPLAYS = {ast.List: cst.List, ast.Set: cst.Set, ast.Tuple: cst.Tuple}
_COMPREHENSIONS = {ast.ListComp: cst.ListComp, ast.SetComp: cst.SetComp, ast.GeneratorExp: cst.GeneratorExp}
_EXPRESSIONS: dict[type[ast.AST], Callable[[Expressions, Any], Any]] = {
    ast.Name: Expressions._name,
    ast.Constant: Expressions._constant,
    ast.JoinedStr: Expressions._formatted,
    ast.Attribute: Expressions._attribute,
    ast.Call: Expressions._call,
    ast.Subscript: Expressions._subscript,
    ast.List: Expressions._display,
    ast.Set: Expressions._display,
    ast.Tuple: Expressions._display,
    ast.Dict: Expressions._dict,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._dict_comprehension,
    ast.UnaryOp: Expressions._unary,
    ast.BinOp: Expressions._binary,
    ast.BoolOp: Expressions._boolean,
    ast.Compare: Expressions._comparison,
    ast.IfExp: Expressions._if_expression,
    ast.NamedExpr: Expressions._named,
    ast.Await: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield_from,
    ast.Lambda: Expressions._lambda,
}
