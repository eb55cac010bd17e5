"""Attributes of a class that have a say in how they are written: properties, and descriptors of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import PROPERTY, own_method
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

ACCESSORS = {"getter": "fget", "setter": "fset", "deleter": "fdel"}
_PARTS = ("fget", "fset", "fdel")
_METHODS = {"fset": "__set__", "fdel": "__delete__"}


def made_property(args: Args) -> BagV:
    """``property(get, set, delete)``."""
    given = ((part, args.get(at, part)) for at, part in enumerate(_PARTS))
    return BagV(PROPERTY, **{part: value or NONE for part, value in given})


def with_accessor(base: Value, accessor: str, function: Value) -> BagV | None:
    """What ``@base.setter`` makes of a function; None where ``base`` is no property."""
    part = ACCESSORS[accessor]
    if isinstance(base, BagV) and base.kind == PROPERTY:
        given = {str(name): value for name, value in base.slots.items()}
    elif isinstance(base, FuncV):
        given = {"fget": base, "fset": NONE, "fdel": NONE}
    elif isinstance(base, (ExternalV, Unknown)):
        given = {name: _not_ours(base, accessor) for name in _PARTS}
    else:
        return None
    return BagV(PROPERTY, **{**given, part: function})


def _not_ours(base: ExternalV | Unknown, accessor: str) -> Value:
    """A part of a property that another's class, or one that is not known, has."""
    reason = base.reason if isinstance(base, Unknown) else Undecided(Why.EXTERNAL, f"{base.name}.{accessor}")
    return Unknown(reason, ("property", id(base)))


def accessed(run: Run, raw: Value, part: str, base: InstanceV, *given: Value) -> bool:
    """Let a class attribute take (``fset``) or delete (``fdel``) an instance's; False where it has no say."""
    if isinstance(raw, BagV) and raw.kind == PROPERTY:
        if raw.slots[part] is NONE:
            return False  # an error, which nothing follows
        run.call(raw.slots[part], Args((base, *given)), None)
        return True
    own = own_method(raw.cls, _METHODS[part]) if isinstance(raw, InstanceV) else None
    if own is not None:
        invoke(run, own.core, Args((raw, base, *given)), raw)
    return own is not None


def is_data(raw: Value) -> bool:
    """Whether a class attribute goes before what an instance has itself under its name."""
    return isinstance(raw, InstanceV) and own_method(raw.cls, "__set__") is not None


def tell_name(run: Run, owner: ClassV, name: str, value: Value) -> None:
    """``__set_name__``: a class tells what stands in it."""
    own = own_method(value.cls, "__set_name__") if isinstance(value, InstanceV) else None
    if own is not None:
        invoke(run, own.core, Args((value, owner, Const(name))), value)
