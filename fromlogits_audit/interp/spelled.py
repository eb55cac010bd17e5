"""Methods of lists, dicts and texts in other spellings: ``dict.update(d, x)``, ``operator.setitem(...)``."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.items import get_item
from fromlogits_audit.interp.iterables import Function
from fromlogits_audit.interp.kinds import of_each
from fromlogits_audit.interp.ordering import shuffled
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    ExternalV,
    InstanceV,
    ListV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_TYPES = frozenset(
    (
        "builtins.dict",
        "builtins.list",
        "builtins.set",
        "builtins.str",
        "builtins.tuple",
        "collections.OrderedDict",
    )
)
_OPERATORS = {
    "setitem": "__setitem__",
    "getitem": "__getitem__",
    "delitem": "__delitem__",
    "contains": "__contains__",
    "iadd": "__iadd__",
    "iconcat": "__iadd__",
    "ior": "__ior__",
}
_IN_PLACE = ("heapq.heapify", "heapq.heappush", "heapq.heappop", "bisect.insort", "bisect.insort_left")


def call_unbound(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    """``list.append(items, item)``: the method of the first argument; None for what is none of a type."""
    owner, _, method = name.rpartition(".")
    return _on_first(run, args, place, method=method, owner=owner) if owner in _TYPES else None


def _on_first(run: Run, args: Args, place: Place | None, *, method: str, owner: str | None) -> Value | None:
    options = alternatives(args.positional[0], run.state.guard) if args.positional else []
    methods = [(guard, _method(run, value, method, owner)) for guard, value in options]
    found = [(guard, one) for guard, one in methods if one is not None]
    return run.call(choose(found), args.rest(), place) if found and len(found) == len(methods) else None


def _method(run: Run, value: Value, name: str, owner: str | None) -> Value | None:
    if isinstance(value, InstanceV):
        if owner is not None:
            return MethodV(value, name, owner)
        found = run.attribute(value, name, Place(value.cls.chunk, value.cls.node))
        return None if isinstance(found, Unknown) else found
    text = isinstance(value, Const) and isinstance(value.value, str)
    return MethodV(value, name) if text or isinstance(value, (ListV, DictV, TupleV)) else None


def _reordered(run: Run, args: Args, place: Place | None) -> Value | None:
    """``heapq.heapify(items)``: what stands where is not known afterwards."""
    for value in args.positional[:1]:
        if isinstance(value, ListV):
            run.state.write(value, "items", run.state.fresh(Why.RUNTIME, "a list whose items changed places"))
    return None


_ITEM, _ATTRIBUTE, _METHOD = (f"fromlogits.{name}_of" for name in ("item", "attribute", "method"))
"""What a getter calls: with what it was given, and the object at the end."""


def _getter(run: Run, args: Args, place: Place | None, *, function: str) -> Value | None:
    """``itemgetter(1)``, ``attrgetter("act")``, ``methodcaller("build", 3)``."""
    single = len(args.positional) == 1 or function != _ATTRIBUTE
    return PartialV(ExternalV(function), args, place) if args.positional and single else None


def _item_of(run: Run, args: Args, place: Place | None) -> Value | None:
    *keys, value = args.positional
    items = tuple(get_item(run, value, key) for key in keys)
    return items[0] if len(items) == 1 else TupleV(items)


def _attribute_of(run: Run, args: Args, place: Place | None) -> Value | None:
    name, value = (*args.positional, NONE, NONE)[:2]
    if place is None or not isinstance(name, Const):
        return None
    for part in str(name.value).split("."):
        value = run.attribute(value, part, place)
    return value


def _method_of(run: Run, args: Args, place: Place | None) -> Value | None:
    name, *given, receiver = (*args.positional, NONE, NONE) if len(args.positional) < 2 else args.positional
    if place is None or not isinstance(name, Const):
        return None
    return run.call(
        run.attribute(receiver, str(name.value), place), replace(args, positional=tuple(given)), place
    )


SPELLED: dict[str, Function] = {
    **{f"operator.{name}": partial(_on_first, method=as_, owner=None) for name, as_ in _OPERATORS.items()},
    **dict.fromkeys(_IN_PLACE, _reordered),
    "operator.itemgetter": partial(_getter, function=_ITEM),
    "operator.attrgetter": partial(_getter, function=_ATTRIBUTE),
    "operator.methodcaller": partial(_getter, function=_METHOD),
    _ITEM: _item_of,
    _ATTRIBUTE: partial(of_each, _attribute_of),
    _METHOD: _method_of,
    "random.shuffle": shuffled,
}


def of_unknown(run: Run, key: Hashable, args: Args) -> Value | None:
    """``rng.shuffle(items)`` of an object that is not known, whatever it is."""
    if isinstance(key, tuple) and len(key) == 3 and key[0] == "attribute" and key[2] == "shuffle":
        return shuffled(run, args, None)
    return None
