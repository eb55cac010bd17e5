"""Operators as tables. Constants fold within bounds, tensors go to the Keras semantics."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp import dicts, sets
from fromlogits_audit.interp.choice import choose, is_none, product
from fromlogits_audit.interp.equality import contains, equal, identity
from fromlogits_audit.interp.items import DATA, sequence
from fromlogits_audit.interp.keras_values import LossV, TensorV
from fromlogits_audit.interp.keys import FORMATTED, begins
from fromlogits_audit.interp.values import (
    FALSE,
    Choice,
    Const,
    DictV,
    ExternalV,
    InstanceV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
    plain,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_ARITHMETIC: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    cst.Add: ("+", operator.add),
    cst.Subtract: ("-", operator.sub),
    cst.Multiply: ("*", operator.mul),
    cst.Divide: ("/", operator.truediv),
    cst.FloorDivide: ("//", operator.floordiv),
    cst.Modulo: ("%", operator.mod),
    cst.Power: ("**", operator.pow),
    cst.MatrixMultiply: ("@", operator.matmul),
    cst.BitAnd: ("&", operator.and_),
    cst.BitOr: ("|", operator.or_),
    cst.BitXor: ("^", operator.xor),
    cst.LeftShift: ("<<", operator.lshift),
    cst.RightShift: (">>", operator.rshift),
}
_ARITHMETIC |= {getattr(cst, f"{sign.__name__}Assign"): how for sign, how in _ARITHMETIC.items()}
_COMPARISON: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    cst.Equal: ("==", operator.eq),
    cst.NotEqual: ("!=", operator.ne),
    cst.LessThan: ("<", operator.lt),
    cst.LessThanEqual: ("<=", operator.le),
    cst.GreaterThan: (">", operator.gt),
    cst.GreaterThanEqual: (">=", operator.ge),
}
MAX_TEXT = 20_000
MAX_FORMATTED = 16
"""Values that are put into one text."""
MAX_NUMBER = 2**128
_WIDTH = re.compile(r"\*|\d{4}")
"""A width or precision in a format that is not known or not small."""


def put_together(run: Run) -> Unknown:
    """A text made of parts that are not all known."""
    unknown = run.state.fresh(Why.RUNTIME, "a formatted string")
    return Unknown(unknown.reason, (FORMATTED, unknown.key))


def bounded(run: Run, value: object, place: Place | None = None) -> Value:
    """A constant, or unknown where a number or text has grown too large to carry along."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        return run.state.fresh(Why.LIMIT, "a number too large")
    if isinstance(value, (str, bytes)) and len(value) > MAX_TEXT:
        return run.state.fresh(Why.LIMIT, "a text too long")
    return Const(value, place)


def unary(run: Run, op: cst.BaseUnaryOp, value: Value) -> Value:
    if isinstance(op, cst.Not):
        from fromlogits_audit.interp.truth import asked, condition, truth

        value = asked(run, value)
        known = truth(run.state, value)
        if known is not None:
            return Const(not known)
        found = condition(value)
        key: Hashable = found[0] if found else identity(value)
        negated = key if found is not None and not found[1] else ("not", key)
        reason = value.reason if isinstance(value, Unknown) else Undecided(Why.RUNTIME, "a condition")
        return Unknown(reason, negated)
    if isinstance(value, Const):
        table: dict[type, Callable[[Any], Any]] = {
            cst.Minus: operator.neg,
            cst.Plus: operator.pos,
            cst.BitInvert: operator.invert,
        }
        try:
            return Const(table[type(op)](value.value))
        except (TypeError, KeyError):
            return run.state.fresh(Why.UNSUPPORTED, "operator")
    if isinstance(value, TensorV):
        return run.keras.negate(run, value)
    if isinstance(value, Unknown):
        return Unknown(value.reason, (type(op).__name__, value.key))
    return run.state.fresh(Why.UNSUPPORTED, "operator")


def binary(run: Run, op: cst.CSTNode, left: Value, right: Value, place: Place) -> Value:
    """An arithmetic operation over all alternatives."""
    symbol, function = _ARITHMETIC[type(op)]
    return choose(
        [
            (guard, _binary(run, symbol, function, a, b, place))
            for guard, (a, b) in product([left, right], run.state.guard)
        ]
    )


def _binary(
    run: Run, symbol: str, function: Callable[[Any, Any], Any], a: Value, b: Value, place: Place
) -> Value:
    if isinstance(a, TensorV) or isinstance(b, TensorV):
        return run.keras.arithmetic(run, symbol, a, b, place)
    if isinstance(a, (LossV, ExternalV)) or isinstance(b, (LossV, ExternalV)):
        made = run.keras.combined_losses(symbol, a, b, place)
        if made is not None:
            return made
    a, b = plain(a), plain(b)
    if isinstance(a, Const) and isinstance(b, Const):
        return _fold(run, symbol, function, a.value, b.value)
    if symbol == "+" and isinstance(a, (ListV, TupleV)) and isinstance(b, (ListV, TupleV)):
        return _concatenate(run, a, b)
    if sets.is_operation(symbol, a, b) and isinstance(a, (ListV, TupleV)) and isinstance(b, (ListV, TupleV)):
        made = sets.combined(run, symbol, a, b)
        return made if made is not None else run.state.fresh(Why.RUNTIME, "a set")
    if symbol == "*":
        repeated = _repeat(a, b) or _repeat(b, a)
        if repeated is not None:
            return repeated
    if symbol == "|" and isinstance(a, DictV) and isinstance(b, DictV):
        return dicts.union(run, a, b)
    if symbol == "%" and isinstance(a, Const) and isinstance(a.value, str):
        given = [item.value for item in b.items if isinstance(item, Const)] if isinstance(b, TupleV) else []
        if isinstance(b, TupleV) and len(given) == len(b.items) <= MAX_FORMATTED:
            return _fold(run, symbol, function, a.value, tuple(given))
        return put_together(run)
    special = run.call_special(a, f"__{_DUNDER.get(symbol, '')}__", (b,), place)
    if special is None:
        special = run.call_special(b, f"__r{_DUNDER.get(symbol, '')}__", (a,), place)
    if special is not None:
        return special
    for value in (a, b):
        if isinstance(value, Unknown):
            return Unknown(value.reason, (symbol, identity(a), identity(b)))
    return run.state.fresh(Why.UNSUPPORTED, f"operator {symbol}")


_DUNDER = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow",
    "@": "matmul", "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift",
}  # fmt: skip


def in_place(run: Run, op: cst.CSTNode, left: Value, right: Value, place: Place) -> Value | None:
    """``left += right`` where it changes ``left`` itself, None where it is ``left = left + right``."""
    symbol = _ARITHMETIC[type(op)][0]
    if isinstance(left, DictV) and symbol == "|":
        dicts.update(run, left, right)
        return left
    if isinstance(left, ListV) and sets.is_operation(symbol, left, left):
        made = binary(run, op, left, right, place)
        run.state.write(left, "items", made.slots["items"] if isinstance(made, ListV) else made)
        return left
    return run.call_special(left, f"__i{_DUNDER.get(symbol, '')}__", (right,), place)


def _fold(run: Run, symbol: str, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Value:
    if (
        symbol == "**"
        and isinstance(a, (int, float))
        and isinstance(b, (int, float))
        and (abs(b) > 128 or abs(a) > 2**32)
    ):
        return run.state.fresh(Why.LIMIT, "a number too large")
    if symbol == "*" and (isinstance(a, (str, bytes)) or isinstance(b, (str, bytes))):
        size = len(a) * b if isinstance(a, (str, bytes)) and isinstance(b, int) else MAX_TEXT + 1
        if size > MAX_TEXT:
            return run.state.fresh(Why.LIMIT, "a text too long")
    if symbol == "%" and isinstance(a, (str, bytes)) and _WIDTH.search(str(a)):
        return run.state.fresh(Why.LIMIT, "a text too long")
    if symbol == "<<" and not (isinstance(b, int) and b < 128):
        return run.state.fresh(Why.LIMIT, "a number too large")
    try:
        result = function(a, b)
    except Exception:
        return run.state.fresh(Why.RUNTIME, "an operation that raises")
    return bounded(run, result)


def _content(value: Value) -> TupleV | None:
    content = value.slots["items"] if isinstance(value, ListV) else value
    return content if isinstance(content, TupleV) else None


def _concatenate(run: Run, a: Value, b: Value) -> Value:
    first, second = _content(a), _content(b)
    if first is None or second is None:
        pairs = product(
            [a.slots["items"] if isinstance(a, ListV) else a, b.slots["items"] if isinstance(b, ListV) else b]
        )
        joined = [
            (g, sequence(x.items + y.items, x.open or y.open))
            for g, (x, y) in pairs
            if isinstance(x, TupleV) and isinstance(y, TupleV)
        ]
        result: Value = choose(list(joined)) if joined else run.state.fresh(Why.UNSUPPORTED, "a list")
    else:
        result = sequence(first.items + second.items, first.open or second.open)
    if isinstance(a, TupleV):
        return result
    made = ListV()
    made.slots["items"] = result
    return made


def _repeat(sequence: Value, times: Value) -> Value | None:
    content = _content(sequence) if isinstance(sequence, (ListV, TupleV)) else None
    if content is None:
        return None
    if (
        isinstance(times, Const)
        and isinstance(times.value, int)
        and 0 <= times.value * max(len(content.items), 1) <= 256
    ):
        items, is_open = content.items * times.value, content.open
    else:
        items, is_open = content.items, True
    return ListV(items, is_open) if isinstance(sequence, ListV) else TupleV(items, is_open)


def compare(run: Run, op: cst.CSTNode, left: Value, right: Value, place: Place) -> Value:
    """A comparison over all alternatives."""
    if not isinstance(left, Choice) and not isinstance(right, Choice):
        return _compare(run, op, left, right, place)
    with run.recorder.together():
        rows = product([left, right], run.state.guard)
        return choose([(guard, _compare(run, op, a, b, place)) for guard, (a, b) in rows])


_METHODS: dict[type, str] = {
    cst.Equal: "__eq__",
    cst.NotEqual: "__eq__",
    cst.LessThan: "__lt__",
    cst.GreaterThan: "__gt__",
    cst.LessThanEqual: "__le__",
    cst.GreaterThanEqual: "__ge__",
    cst.In: "__contains__",
    cst.NotIn: "__contains__",
}


def _by_method(run: Run, op: cst.CSTNode, a: Value, b: Value, place: Place) -> Value | None:
    """What a class of the program makes of a comparison, None where it has no say."""
    name = _METHODS.get(type(op), "")
    owner, other = (b, a) if name == "__contains__" else (a, b)
    answer = run.call_special(owner, name, (other,), place)
    negated = isinstance(op, (cst.NotEqual, cst.NotIn))
    return unary(run, cst.Not(), answer) if answer is not None and negated else answer


def _compare(run: Run, op: cst.CSTNode, a: Value, b: Value, place: Place) -> Value:
    if isinstance(a, InstanceV) or isinstance(b, InstanceV):
        answer = _by_method(run, op, a, b, place)
        if answer is not None:
            return answer
        a, b = plain(a), plain(b)
        b = b.slots.get(DATA, b) if isinstance(b, InstanceV) and isinstance(op, (cst.In, cst.NotIn)) else b
    if type(op) in _COMPARISON:
        symbol, function = _COMPARISON[type(op)]
        if (isinstance(a, TensorV) or isinstance(b, TensorV)) and (
            symbol not in ("==", "!=") or not (is_none(a) or is_none(b))
        ):
            return run.keras.compare(run, symbol, a, b, place)
        if isinstance(a, Const) and isinstance(b, Const):
            return _fold(run, symbol, function, a.value, b.value)
        return _relation(run, symbol, a, b)
    if isinstance(op, (cst.Is, cst.IsNot)):
        if _are_others(a, b):
            return Const(isinstance(op, cst.IsNot))
        return _relation(run, "==" if isinstance(op, cst.Is) else "!=", a, b)
    if isinstance(op, (cst.In, cst.NotIn)):
        found = contains(a, b)
        if found is not None:
            return Const(found == isinstance(op, cst.In))
        key: Hashable = ("in", identity(a), identity(b))
        return Unknown(
            Undecided(Why.RUNTIME, "a membership test"), key if isinstance(op, cst.In) else ("not", key)
        )
    return run.state.fresh(Why.UNSUPPORTED, "comparison")


def _are_others(a: Value, b: Value) -> bool:
    """Whether two objects are certainly not one: ``1 is True``, two lists."""
    if isinstance(a, Const) and isinstance(b, Const):
        return type(a.value) is not type(b.value)
    return isinstance(a, (ListV, DictV)) and isinstance(b, (ListV, DictV)) and a is not b


def _relation(run: Run, symbol: str, a: Value, b: Value) -> Value:
    # Other unknowns may stand for several things: the items of a sequence are one.
    if isinstance(a, Unknown) and begins(a.key, "-") and a.key == identity(b):
        return Const(symbol in ("==", "<=", ">="))
    if symbol in ("==", "!="):
        same = equal(a, b)
        if same is not None:
            return Const(same == (symbol == "=="))
    if symbol in _INVERSE:
        inverse = _relation(run, _INVERSE[symbol], a, b)
        return Unknown(inverse.reason, ("not", inverse.key)) if isinstance(inverse, Unknown) else inverse
    if isinstance(a, Const):
        # The constant stands on the right: ``2 < n`` is ``n > 2``.
        a, b, symbol = b, a, _FLIPPED.get(symbol, symbol)
    left, right = identity(a), identity(b)
    if isinstance(b, Const):
        run.constants[right] = b
    for value in (a, b):
        if isinstance(value, Unknown):
            return Unknown(value.reason, (symbol, left, right))
    return Unknown(Undecided(Why.RUNTIME, "a comparison"), (symbol, left, right))


_INVERSE = {"!=": "==", "<=": ">", ">=": "<"}
_FLIPPED = {"<": ">", ">": "<"}


def both(run: Run, a: Value, b: Value) -> Value:
    """The conjunction of a chained comparison."""
    from fromlogits_audit.interp.truth import conditions, truth

    first, second = truth(run.state, a), truth(run.state, b)
    if first is False or second is False:
        return FALSE
    if first:
        return b
    yes, no = conditions(run.state, a)
    return choose([(yes, b), (no, FALSE)])
