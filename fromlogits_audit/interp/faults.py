"""What is certain to raise whatever the program did before: a text that is no number.

Asked inside a ``try`` only (:mod:`raising`). An answer is the name of Python's exception; None on any doubt.
Where a value is one of several, all of them have to raise the same. A key that is missing from a dict is not
among them: code that is not followed may have put it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.calls import call
from fromlogits_audit.interp.choice import product
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.raising import throw_builtin
from fromlogits_audit.interp.values import (
    Args,
    BoundV,
    ClassV,
    Const,
    ExternalV,
    FuncCore,
    FuncV,
    Place,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_NUMBERS: dict[str, Callable[..., Any]] = {"builtins.int": int, "builtins.float": float}


def followed(run: Run, function: Value, args: Args, place: Place | None) -> Value:
    """A call that the program spells out, inside a ``try``: what is raised in a function goes through it."""
    name = _of_call(run, function, args)
    if name is not None:
        throw_builtin(run, name)
    run.state.follows = _body_of(function)
    try:
        return call(run, function, args, place)
    finally:
        run.state.follows = None


def _body_of(function: Value) -> FuncCore | None:
    """The function of the project that a call is certain to run."""
    if isinstance(function, FuncV):
        return function.core
    if isinstance(function, BoundV):
        return function.func.core
    init = own_method(function, "__init__") if isinstance(function, ClassV) else None
    return init.core if init is not None else None


def _of_call(run: Run, function: Value, args: Args) -> str | None:
    convert = _NUMBERS.get(function.name) if isinstance(function, ExternalV) else None
    if convert is None or args.keywords or args.star is not None or args.double is not None:
        return None
    names = {_of_number(convert, row) for _, row in product(args.positional, run.state.guard)}
    return names.pop() if len(names) == 1 else None


def _of_number(convert: Callable[..., Any], row: Sequence[Value]) -> str | None:
    given = [value.value for value in row if isinstance(value, Const)]
    if len(given) < len(row):
        return None
    try:
        convert(*given)
    except (ValueError, TypeError, OverflowError) as error:
        return type(error).__name__
    return None
