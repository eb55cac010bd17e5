"""Expressions: a libcst node in a frame to a value. Nothing here knows Keras."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp import comprehend, faults, operators, texts
from fromlogits_audit.interp.attributes import get_attribute
from fromlogits_audit.interp.calls import call
from fromlogits_audit.interp.choice import choose, lift
from fromlogits_audit.interp.dicts import set_entry, update, update_items
from fromlogits_audit.interp.equality import dict_key
from fromlogits_audit.interp.excluded import run_excluded
from fromlogits_audit.interp.functions import make_function
from fromlogits_audit.interp.items import a_set, get_item, spread
from fromlogits_audit.interp.names import lookup
from fromlogits_audit.interp.reflection import attributes_of, names_in
from fromlogits_audit.interp.spreading import arguments, elements
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.truth import asked, conditions, truth
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    ExternalV,
    Guard,
    ListV,
    ModuleV,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Handler = Callable[["Run", Frame, Any], Value]
MAX_NESTING = 150
"""Expressions nested deeper than this are not followed."""


def evaluate(run: Run, frame: Frame, node: cst.CSTNode) -> Value:
    """The value of an expression."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return run.state.fresh(Why.UNSUPPORTED, type(node).__name__)
    if run.nesting > MAX_NESTING:
        return run.state.fresh(Why.LIMIT, "expression nested too deeply")
    run.nesting += 1
    try:
        return handler(run, frame, node)
    finally:
        run.nesting -= 1


def _name(run: Run, frame: Frame, node: cst.Name) -> Value:
    return lookup(run, frame, node.value, Place(frame.chunk, node))


def _attribute(run: Run, frame: Frame, node: cst.Attribute) -> Value:
    base = evaluate(run, frame, node.value)
    return get_attribute(run, base, node.attr.value, Place(frame.chunk, node))


def _call(run: Run, frame: Frame, node: cst.Call) -> Value:
    if (
        isinstance(node.func, cst.Name)
        and node.func.value in _FRAME_CALLS
        and node.func.value not in frame.slots
    ):
        return _FRAME_CALLS[node.func.value](run, frame, node)
    function = evaluate(run, frame, node.func)
    place = Place(frame.chunk, node)
    rows = arguments(run, frame, node.args, evaluate)
    if len(rows) > 1:
        return _call_by_rows(run, function, rows, place)
    called = faults.followed if run.state.catchers else call
    return called(run, function, rows[0][1], place)


def _call_by_rows(run: Run, function: Value, rows: list[tuple[Guard, Args]], place: Place) -> Value:
    """A call that is given other arguments under other assumptions."""
    with run.recorder.together():
        return run.state.fork(rows, lambda args: call(run, function, args, place))


def _super(run: Run, frame: Frame, node: cst.Call) -> Value:
    return run.super_of(frame)


def _vars(run: Run, frame: Frame, node: cst.Call) -> Value:
    """``vars()`` is ``locals()``; ``vars(args)`` the attributes of ``args``."""
    if len(node.args) != 1:
        return _locals(run, frame, node)
    return attributes_of(run, evaluate(run, frame, node.args[0].value))


def _locals(run: Run, frame: Frame, node: cst.Call) -> Value:
    scope = frame.root if isinstance(node.func, cst.Name) and node.func.value == "globals" else frame
    return names_in(scope)


_FRAME_CALLS: dict[str, Handler] = {"super": _super, "locals": _locals, "globals": _locals, "vars": _vars}


def _subscript(run: Run, frame: Frame, node: cst.Subscript) -> Value:
    base = evaluate(run, frame, node.value)
    if isinstance(base, ExternalV) and base.name == "sys.modules" and _is_this_module(node):
        return ModuleV(frame.module)
    return get_item(run, base, index_of(run, frame, node))


def _is_this_module(node: cst.Subscript) -> bool:
    """Whether what stands between the brackets is ``__name__``."""
    part = node.slice[0].slice
    return isinstance(part, cst.Index) and isinstance(part.value, cst.Name) and part.value.value == "__name__"


def index_of(run: Run, frame: Frame, node: cst.Subscript) -> Value:
    """What stands between the brackets."""
    indices = [_slice(run, frame, element.slice) for element in node.slice]
    if len(indices) == 1 and node.slice[0].comma is cst.MaybeSentinel.DEFAULT:
        return indices[0]
    return TupleV(tuple(indices))


def _slice(run: Run, frame: Frame, node: cst.BaseSlice) -> Value:
    if isinstance(node, cst.Index):
        return evaluate(run, frame, node.value)
    if isinstance(node, cst.Slice):
        parts = [NONE if p is None else evaluate(run, frame, p) for p in (node.lower, node.upper, node.step)]
        return SliceV(*parts)
    return run.state.fresh(Why.UNSUPPORTED, "slice")


def _number(run: Run, frame: Frame, node: cst.Integer | cst.Float | cst.Imaginary) -> Value:
    if type(node) is cst.Integer and node.value.isdecimal() and len(node.value) < 10:
        # Most numbers: libcst would parse each of them once more.
        return Const(int(node.value))
    try:
        value = float(node.value) if type(node) is cst.Float else node.evaluated_value
        return operators.bounded(run, value)
    except (ValueError, OverflowError):
        return run.state.fresh(Why.LIMIT, "a number too large")


def _concatenated(run: Run, frame: Frame, node: cst.ConcatenatedString) -> Value:
    return texts.concatenated(run, frame, node, evaluate)


def _formatted(run: Run, frame: Frame, node: cst.FormattedString) -> Value:
    return texts.formatted(run, frame, node, evaluate)


def _list(run: Run, frame: Frame, node: cst.List | cst.Set) -> Value:
    rows = elements(run, frame, node.elements, evaluate)
    if isinstance(node, cst.Set):
        return choose([(guard, a_set(row.items, row.open)) for guard, row in rows])
    made = ListV()
    made.slots["items"] = choose(rows)
    return made


def _tuple(run: Run, frame: Frame, node: cst.Tuple) -> Value:
    return choose(elements(run, frame, node.elements, evaluate))


def _dict(run: Run, frame: Frame, node: cst.Dict) -> Value:
    made = DictV()
    items: dict[Any, tuple[Value, Value]] = {}
    for element in node.elements:
        value = evaluate(run, frame, element.value)
        if isinstance(element, cst.StarredDictElement):
            update_items(run, made, items)
            items = {}
            update(run, made, value)
            continue
        key = evaluate(run, frame, element.key)  # type: ignore[attr-defined]
        constant = dict_key(key)
        if constant is not None:
            items[constant] = (key, value)
            continue
        update_items(run, made, items)
        items = {}
        set_entry(run, made, key, value)
    update_items(run, made, items)
    return made


def _if_expression(run: Run, frame: Frame, node: cst.IfExp) -> Value:
    test = asked(run, evaluate(run, frame, node.test))
    known = truth(run.state, test)
    if known is not None:
        taken, other = (node.body, node.orelse) if known else (node.orelse, node.body)
        if not isinstance(test, Unknown):
            run_excluded(run, frame, [other], lambda: evaluate(run, frame, other))
        return evaluate(run, frame, taken)
    yes, no = conditions(run.state, test)
    return _fork(run, frame, [(yes, node.body), (no, node.orelse)])


def _fork(run: Run, frame: Frame, sides: list[tuple[Guard, cst.CSTNode]]) -> Value:
    return run.state.fork(sides, lambda side: evaluate(run, frame, side))


def _boolean(run: Run, frame: Frame, node: cst.BooleanOperation) -> Value:
    left = evaluate(run, frame, node.left)
    is_and = isinstance(node.operator, cst.And)
    test = asked(run, left)
    known = truth(run.state, test)
    if known is not None:
        return evaluate(run, frame, node.right) if known == is_and else left
    yes, no = conditions(run.state, test)
    go, stay = (yes, no) if is_and else (no, yes)
    with run.state.branch(go) as branch:
        right = evaluate(run, frame, node.right)
    with run.state.branch(stay) as other:
        pass
    run.state.join([branch, other])
    settled = Const(False) if is_and and isinstance(left, Unknown) else left
    return choose([(stay, settled), (go, right)])


def _unary(run: Run, frame: Frame, node: cst.UnaryOperation) -> Value:
    value = evaluate(run, frame, node.expression)
    return lift(value, run.state.guard, lambda v: operators.unary(run, node.operator, v))


def _binary(run: Run, frame: Frame, node: cst.BinaryOperation) -> Value:
    left = evaluate(run, frame, node.left)
    right = evaluate(run, frame, node.right)
    return operators.binary(run, node.operator, left, right, Place(frame.chunk, node))


def _comparison(run: Run, frame: Frame, node: cst.Comparison) -> Value:
    left = evaluate(run, frame, node.left)
    result: Value | None = None
    for target in node.comparisons:
        with run.state.unsure() if result is not None else nullcontext():  # a < b < c
            right = evaluate(run, frame, target.comparator)
        value = operators.compare(run, target.operator, left, right, Place(frame.chunk, node))
        result = value if result is None else operators.both(run, result, value)
        left = right
    return result if result is not None else NONE


def _lambda(run: Run, frame: Frame, node: cst.Lambda) -> Value:
    return make_function(run, frame, node, "<lambda>", lambda n: evaluate(run, frame, n))


def _named(run: Run, frame: Frame, node: cst.NamedExpr) -> Value:
    value = evaluate(run, frame, node.value)
    if isinstance(node.target, cst.Name):
        target = frame
        while target.core is None and target.parent is not None and target.cls is None:
            target = target.parent
        run.state.write(target, node.target.value, value)
    return value


def _yield(run: Run, frame: Frame, node: cst.Yield) -> Value:
    owner = frame
    while owner.core is None and owner.parent is not None:
        owner = owner.parent
    value: Value = NONE
    if node.value is not None:
        inner = node.value.item if isinstance(node.value, cst.From) else node.value
        value = evaluate(run, frame, inner)
        items = spread(run, value) if isinstance(node.value, cst.From) else None
        given = items.items if isinstance(items, TupleV) and items.items else (value,)
        owner.yields += [(item, run.state.path is owner.path) for item in given]
    if owner.at_yield is not None:
        owner.at_yield(value)
    return run.state.fresh(Why.RUNTIME, "a value sent to a generator")


def _await(run: Run, frame: Frame, node: cst.Await) -> Value:
    return evaluate(run, frame, node.expression)


def _ellipsis(run: Run, frame: Frame, node: cst.Ellipsis) -> Value:
    return ExternalV("builtins.Ellipsis")


def _comprehension(run: Run, frame: Frame, node: Any) -> Value:
    with run.state.unsure() if run.state.catchers else nullcontext():
        return comprehend.comprehension(run, frame, node, evaluate)


_HANDLERS: dict[type, Handler] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Subscript: _subscript,
    cst.Integer: _number,
    cst.Float: _number,
    cst.Imaginary: _number,
    cst.SimpleString: texts.literal,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: _formatted,
    cst.List: _list,
    cst.Set: _list,
    cst.Tuple: _tuple,
    cst.Dict: _dict,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _comprehension,
    cst.IfExp: _if_expression,
    cst.BooleanOperation: _boolean,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.Comparison: _comparison,
    cst.Lambda: _lambda,
    cst.NamedExpr: _named,
    cst.Yield: _yield,
    cst.Await: _await,
    cst.Ellipsis: _ellipsis,
}
