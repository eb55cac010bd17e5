"""Calling values: one dispatch over what a callable may be."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from fromlogits_audit.interp import builtin
from fromlogits_audit.interp.choice import alternatives, not_none
from fromlogits_audit.interp.classes import GENERIC, RECORD, own_method
from fromlogits_audit.interp.creation import instantiate
from fromlogits_audit.interp.dispatch import call_generic
from fromlogits_audit.interp.equality import MADE, identity
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.outside import is_class_name
from fromlogits_audit.interp.records import make_named
from fromlogits_audit.interp.spelled import of_unknown
from fromlogits_audit.interp.storing import set_plainly
from fromlogits_audit.interp.values import (
    Args,
    BagV,
    BoundV,
    Choice,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    PartialV,
    Place,
    Unknown,
    Value,
    plain,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def call(run: Run, function: Value, args: Args, place: Place | None) -> Value:
    """The result of calling a value; each alternative runs under its own assumptions."""
    function = not_none(function, run.state.guard)
    if not isinstance(function, Choice):
        return _call(run, function, args, place)
    options = alternatives(function, run.state.guard)
    # One of several models is compiled: what meets at one place then is one site.
    one_of = all(isinstance(option, MethodV) for _, option in options)
    with run.recorder.together() if one_of else nullcontext():
        return run.state.fork(options, lambda option: _call(run, option, args, place))


def _call(run: Run, function: Value, args: Args, place: Place | None) -> Value:
    if isinstance(function, FuncV):
        return run.declared(function, args, place) or invoke(run, function.core, args)
    if isinstance(function, BoundV):
        return _bound(run, function, args)
    if isinstance(function, ClassV):
        return run.declared(function, args, place) or instantiate(run, function, args, place)
    if isinstance(function, PartialV):
        return call(run, _named_at(function), merged(function.args, args), place)
    if isinstance(function, ExternalV):
        return _external(run, function, args, place)
    if isinstance(function, MethodV):
        return _method(run, function, args, place)
    if isinstance(function, InstanceV):
        return call_instance(run, function, args, place)
    if isinstance(function, BagV) and function.kind == RECORD:
        return make_named(function, args)
    if isinstance(function, BagV) and function.kind == GENERIC:
        return call_generic(run, function, args, place)
    special = run.keras.call_value(run, function, args, place)
    if special is not None:
        return special
    if isinstance(function, Unknown):
        return _unknown(run, function, args, place)
    return run.state.fresh(Why.UNSUPPORTED, "a call of something that is no function")


def _named_at(partial: PartialV) -> Value:
    """What a partial calls. A loss that it makes stands at the partial, not at the name or partial inside."""
    inner = partial.func
    if isinstance(inner, ExternalV) and partial.place is not None:
        return ExternalV(inner.name, partial.place)
    if isinstance(inner, PartialV) and partial.place is not None:
        return PartialV(inner.func, inner.args, partial.place)
    return inner


def merged(first: Args, second: Args) -> Args:
    """The arguments of a partial, then those of the call."""
    return Args(
        (*first.positional, *second.positional),
        {**first.keywords, **second.keywords},
        first.star or second.star,
        first.double or second.double,
    )


def _bound(run: Run, function: BoundV, args: Args) -> Value:
    full = Args((function.receiver, *args.positional), args.keywords, args.star, args.double)
    return run.declared(function.func, full, None, function.receiver) or invoke(
        run, function.func.core, full, function.receiver
    )


def _plain_args(args: Args) -> Args:
    """What code outside the project sees of members of enumerations: the strings and numbers they are."""
    if all(plain(value) is value for value in args.all()):
        return args
    keywords = {name: plain(value) for name, value in args.keywords.items()}
    return Args(tuple(plain(value) for value in args.positional), keywords, args.star, args.double)


_OF_PYTHON = ("builtins.", "collections.", "copy.", "dataclasses.", "functools.", "itertools.", "types.")
"""What hands on the objects that it is given, members of enumerations too."""


def _external(run: Run, function: ExternalV, args: Args, place: Place | None) -> Value:
    args = args if function.name.startswith(_OF_PYTHON) else _plain_args(args)
    result = run.declared(function, args, place) or run.keras.call_external(run, function, args, place)
    if result is None:
        result = builtin.call_external(run, function.name, args, place)
    if result is None:
        handed = run.escaped(function.name, args)
        reason = Undecided(Why.EXTERNAL, f"result of {function.name}")
        key: Hashable = run.state.fresh(Why.EXTERNAL).key
        key = (MADE, key, function.name) if is_class_name(function.name) else key
        of_values = any(isinstance(value, TensorV) for value in args.all())
        return run.handed.gave(Unknown(reason, ("tensor", key) if of_values else key, place), handed)
    return result


def _method(run: Run, method: MethodV, args: Args, place: Place | None) -> Value:
    if method.name == "__setattr__" and method.base is not None:
        return set_plainly(run, Args((method.receiver, *args.positional)), place)
    args = _plain_args(args) if method.base is not None else args
    result = run.keras.call_method(run, method, args, place)
    if result is None:
        result = builtin.call_method(run, method, args, place)
    if result is None:
        handed = run.escaped(method.name, args)
        return run.handed.gave(run.state.fresh(Why.UNSUPPORTED, f"method {method.name}", place), handed)
    return result


def call_instance(run: Run, instance: InstanceV, args: Args, place: Place | None) -> Value:
    """``instance(...)``: a Keras layer, model, loss or metric of the project, or ``__call__``."""
    own = own_method(instance.cls, "__call__")
    if own is not None:
        full = Args((instance, *args.positional), args.keywords, args.star, args.double)
        return invoke(run, own.core, full, instance)
    result = run.keras.call_instance(run, instance, args, place)
    if result is not None:
        return result
    return run.state.fresh(Why.UNSUPPORTED, f"a call of an instance of {instance.cls.name}")


def _unknown(run: Run, function: Unknown, args: Args, place: Place | None) -> Value:
    """A call of something unknown: what it was given may have been used there."""
    declared = run.declared(function, args, place)
    if declared is not None:
        return declared
    run.handed.called(run, function)
    handed = run.escaped("something unknown", args)
    chosen = run.keras.call_unknown(run, function, args, place)
    if chosen is not None:
        return chosen
    fallback = of_unknown(run, function.key, args) or builtin.default_of_get(function, args)
    if fallback is not None:
        return fallback
    key = _getter_key(function, args) or ("call", function.key, run.state.fresh(Why.RUNTIME).key)
    return run.handed.gave(Unknown(function.reason, key, place), handed)


def _getter_key(function: Unknown, args: Args) -> Hashable | None:
    """``unknown.get("name")`` twice is the same unknown value."""
    key = function.key
    reads = (
        isinstance(key, tuple) and len(key) == 3 and key[0] == "attribute" and str(key[2]).startswith("get")
    )
    if not reads or not args.positional or not all(isinstance(v, Const) for v in args.all()):
        return None
    return ("call", key, tuple(identity(v) for v in args.all()))
