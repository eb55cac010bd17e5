"""Classes of the program that derive from dict or list: an instance holds one, and lends its methods.

Those that derive from the abstract ``Mapping`` have methods of it that call their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp import containers
from fromlogits_audit.interp.items import DATA, content_of
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    DictV,
    Entries,
    InstanceV,
    ListV,
    Place,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_HELD: dict[str, tuple[type, type[DictV] | type[ListV]]] = {
    "builtins.dict": (dict, DictV),
    "collections.OrderedDict": (dict, DictV),
    "collections.UserDict": (dict, DictV),
    "builtins.list": (list, ListV),
    "collections.UserList": (list, ListV),
}
_MAPPINGS = {
    f"{home}.{name}" for home in ("collections.abc", "typing") for name in ("Mapping", "MutableMapping")
}
_MIXED_IN = ("get", "update")


def furnish(instance: InstanceV, bases: list[str]) -> None:
    """Give a new instance the dict or list that it is."""
    held = [_HELD[base][1] for base in bases if base in _HELD]
    if held and DATA not in instance.slots:
        instance.slots[DATA] = held[0]()


def lends(instance: InstanceV, bases: list[str], name: str) -> bool | None:
    """Whether a builtin base has an attribute; None where some base is no dict or list."""
    if name in _MIXED_IN and not _MAPPINGS.isdisjoint(bases):
        return True
    kinds = [_HELD[base][0] for base in bases if base in _HELD]
    if DATA not in instance.slots or len(kinds) != len(bases):
        return None
    return any(hasattr(kind, name) for kind in kinds)


def call_method(run: Run, instance: InstanceV, name: str, args: Args, place: Place | None) -> Value | None:
    """``super().__setitem__(key, value)``, ``registry.items()``: what the dict or list itself does."""
    data = instance.slots.get(DATA)
    if not isinstance(data, (DictV, ListV)):
        return _of_mapping(run, instance, name, args, place) if name in _MIXED_IN else None
    if name == "__init__":
        return _fill(run, data, args, place)
    return containers.call_method(run, data, name, args, place)


def _fill(run: Run, data: DictV | ListV, args: Args, place: Place | None) -> Value:
    if isinstance(data, DictV) or args.positional:
        containers.call_method(run, data, "update" if isinstance(data, DictV) else "extend", args, place)
    return NONE


def _of_mapping(run: Run, instance: InstanceV, name: str, args: Args, place: Place | None) -> Value | None:
    """What an abstract mapping makes of ``__getitem__`` and ``__setitem__``."""
    if name == "get":
        return run.call_special(instance, "__getitem__", args.positional[:1], place)
    given = DictV()
    containers.call_method(run, given, "update", args, place)
    entries = content_of(run, given)
    pairs = list(entries.items.values()) if isinstance(entries, Entries) else []
    if not isinstance(entries, Entries) or entries.open:
        pairs.append((run.state.fresh(Why.RUNTIME, "a key"), run.state.fresh(Why.RUNTIME, "a value")))
    for pair in pairs:
        run.call_special(instance, "__setitem__", pair, place)
    return NONE
