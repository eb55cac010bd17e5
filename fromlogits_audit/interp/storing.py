"""Where an attribute goes that an instance is given: its class may have a say, or it is an item as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import find_member
from fromlogits_audit.interp.descriptors import accessed
from fromlogits_audit.interp.items import DATA
from fromlogits_audit.interp.values import (
    NONE,
    TRUE,
    Args,
    BoundV,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    Place,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

ALIASED = "$aliased"
"""Set in an instance of a dict whose items are its attributes: ``self.__dict__ = self``."""


def set_its_way(run: Run, base: InstanceV, name: str, value: Value) -> bool:
    """``__setattr__`` of the project, or an attribute that is an item; False where neither has a say."""
    found = find_member(base.cls, "__setattr__")
    if found is not None and isinstance(found[1], FuncV) and found[1].core not in run.state.stack:
        run.call(BoundV(found[1], base), run.args(Const(name), value), None)
        return True
    as_items = ALIASED in base.slots or (found is not None and isinstance(found[1], ExternalV))
    if not as_items or DATA not in base.slots:
        return False
    run.call(MethodV(base, "__setitem__"), run.args(Const(name), value), None)
    return True


def store(run: Run, base: InstanceV, name: str, value: Value) -> None:
    """What ``object.__setattr__`` does: a property or a descriptor takes it, anything else is kept."""
    found = find_member(base.cls, name)
    if found is not None and accessed(run, found[1], "fset", base, value):
        return
    if name == "__dict__" and value is base:
        run.state.write(base, ALIASED, TRUE)
    else:
        run.state.write(base, name, value)


def discard(run: Run, base: Value, name: str) -> None:
    """``del base.name``."""
    found = find_member(base.cls, name) if isinstance(base, InstanceV) else None
    if isinstance(base, InstanceV) and found is not None and accessed(run, found[1], "fdel", base):
        return
    if isinstance(base, (InstanceV, ClassV)) and name in base.slots:
        run.state.write(base, name, None)


def set_plainly(run: Run, args: Args, place: Place | None) -> Value:
    """``object.__setattr__(self, name, value)``, ``super().__setattr__(name, value)``."""
    base, name, value = (*args.positional, NONE, NONE, NONE)[:3]
    if isinstance(base, InstanceV) and isinstance(name, Const) and isinstance(name.value, str):
        store(run, base, name.value, value)
    return NONE
