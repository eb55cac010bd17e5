"""``functools.singledispatch``: one function for each type of the first argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.classes import GENERIC, resolution_order
from fromlogits_audit.interp.kinds import is_instance
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAKERS = {"functools.singledispatch": 0, "functools.singledispatchmethod": 1}
"""Which argument of a call is asked for its type."""


def make_generic(function: Value, maker: str) -> BagV:
    """The function that a decorator makes of the one for all other types."""
    return BagV(GENERIC, default=function, at=Const(MAKERS[maker]), table=TupleV(()))


def register(run: Run, generic: BagV, args: Args, place: Place | None) -> Value:
    """``@generic.register``, ``@generic.register(Type)``, ``generic.register(Type, function)``."""
    first, second = args.get(0, "cls"), args.get(1, "func")
    if first is not None and second is None and isinstance(first, FuncV):
        return _entered(run, generic, _annotated(run, generic, first), first)
    if first is not None and second is not None:
        return _entered(run, generic, first, second)
    return PartialV(MethodV(generic, "register", GENERIC), args, place)


def _entered(run: Run, generic: BagV, kind: Value, function: Value) -> Value:
    table = generic.slots["table"]
    rows = table.items if isinstance(table, TupleV) else ()
    run.state.write(generic, "table", TupleV((*rows, TupleV((kind, function)))))
    return function


def _annotated(run: Run, generic: BagV, function: FuncV) -> Value:
    """The type that a function's annotation names."""
    from fromlogits_audit.interp.evaluate import evaluate

    params = function.core.node.params
    given = [*params.posonly_params, *params.params][_position(generic) :]
    if not given or given[0].annotation is None:
        return run.state.fresh(Why.UNSUPPORTED, "a type that is not written down")
    return evaluate(run, function.core.closure, given[0].annotation.annotation)


def _position(generic: BagV) -> int:
    at = generic.slots["at"]
    return at.value if isinstance(at, Const) else 0


def call_generic(run: Run, generic: BagV, args: Args, place: Place | None) -> Value:
    """Call the function for the type that the argument has."""
    at = _position(generic)
    value = args.positional[at] if at < len(args.positional) else NONE
    rows = alternatives(value, run.state.guard)
    chosen = choose([(guard, _function_for(generic, option)) for guard, option in rows])
    return run.call(chosen, args, place)


def _function_for(generic: BagV, value: Value) -> Value:
    table = generic.slots["table"]
    rows = [row.items for row in table.items if isinstance(row, TupleV)] if isinstance(table, TupleV) else []
    answers = [is_instance(value, kind) for kind, _ in rows]
    if None in answers:
        reason = Undecided(Why.RUNTIME, "the type that a function is chosen by")
        return Unknown(reason, ("dispatch", id(generic), id(value)))
    fitting = [row for row, fits in zip(rows, answers, strict=True) if fits]
    if not fitting:
        return generic.slots["default"]
    # Of two registered for one type, the last counts.
    return min(reversed(fitting), key=lambda row: _distance(value, row[0]))[1]


def _distance(value: Value, kind: Value) -> int:
    """How far a class of a value lies from its own."""
    if isinstance(value, InstanceV):
        order = resolution_order(value.cls)
        return order.index(kind) if isinstance(kind, ClassV) and kind in order else len(order)
    if isinstance(value, Const) and isinstance(kind, ExternalV):
        names = [f"builtins.{cls.__name__}" for cls in type(value.value).__mro__]
        return names.index(kind.name) if kind.name in names else len(names)
    return 0
