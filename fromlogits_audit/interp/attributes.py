"""Attribute access, reading and writing, over every kind of value."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from fromlogits_audit.interp import attribute_dicts
from fromlogits_audit.interp.choice import alternatives, choose, split
from fromlogits_audit.interp.classes import (
    NAMED,
    RECORD,
    bound_member,
    class_attribute,
    external_bases,
    find_member,
    is_named_tuple,
    own_method,
    record_fields,
    resolution_order,
    unknown_base,
)
from fromlogits_audit.interp.descriptors import is_data
from fromlogits_audit.interp.keys import INSTANCE
from fromlogits_audit.interp.names import by_convention, narrowed, placed
from fromlogits_audit.interp.prepared import prepare
from fromlogits_audit.interp.raising import doubt_builtin
from fromlogits_audit.interp.reflection import attributes_of
from fromlogits_audit.interp.storing import ALIASED, set_its_way, store
from fromlogits_audit.interp.values import (
    NAMESPACE,
    BagV,
    BoundV,
    Choice,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    ModuleV,
    PartialV,
    Place,
    SuperV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.interp.wrapped import lends
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def get_attribute(run: Run, base: Value, name: str, place: Place) -> Value:
    """``base.name`` over all alternatives."""
    if isinstance(base, Choice):
        rows = alternatives(base, run.state.guard)
        return choose([(guard, get_attribute(run, value, name, place)) for guard, value in rows])
    return placed(narrowed(run, _read(run, base, name, place)), place)


def _read(run: Run, base: Value, name: str, place: Place) -> Value:
    if name == "__dict__" and isinstance(base, (BagV, InstanceV, ModuleV)):
        return attributes_of(run, base)
    if isinstance(base, ExternalV):
        return run.external_attribute(base, name, place)
    if isinstance(base, Unknown):
        usual = by_convention(base)
        if usual is not None:
            return run.external_attribute(usual, name, place)
        found = run.keras.of_unknown(base, name)
        return found or Unknown(base.reason, ("attribute", base.key, name))
    if isinstance(base, ModuleV):
        return run.module_attribute(base, name, place)
    if isinstance(base, InstanceV):
        found = instance_attribute(run, base, name, place)
        if _is_missing(found, base, name) and prepare(run, base, name):
            found = instance_attribute(run, base, name, place)
        return _answered(run, base, name, found) if _is_missing(found, base, name) else found
    if isinstance(base, ClassV):
        return _class(run, base, name, place)
    if isinstance(base, SuperV):
        return _super(run, base, name, place)
    if isinstance(base, BagV):
        return _bag(run, base, name, place)
    if isinstance(base, (FuncV, BoundV, PartialV)):
        return _function(run, base, name, place)
    if isinstance(base, MethodV) and name == "__name__":
        return Const(base.name)
    if isinstance(base, DictV) and attribute_dicts.MARK in base.slots:
        item = attribute_dicts.attribute(run, base, name)
        if item is not None:
            return item
    special = run.keras.attribute(run, base, name, place)
    return special if special is not None else MethodV(base, name, None, place)


def _function(run: Run, base: Value, name: str, place: Place) -> Value:
    function = base.func if isinstance(base, BoundV) else base
    if name == "__name__" and isinstance(function, FuncV):
        return Const(function.core.name)
    if isinstance(base, PartialV) and name == "func":
        return base.func
    return MethodV(base, name, None, place)


def _bag(run: Run, base: BagV, name: str, place: Place) -> Value:
    if name in base.slots:
        there, _ = split(narrowed(run, base.slots[name]))
        return choose(there) if there else base.slots[name]  # where it is missing, the program ends here
    if base.kind == NAMESPACE and name not in ("_replace", "update"):
        return Unknown(Undecided(Why.RUNTIME, f"option {name}"), ("attribute", id(base), name), place)
    if name == "_fields" and base.kind in (NAMED, RECORD):
        return _of_named(base, name, [str(field) for field in base.slots], place)
    return MethodV(base, name, base.kind, place)


def instance_attribute(run: Run, base: InstanceV, name: str, place: Place | None) -> Value:
    """An attribute of an instance of a project class."""
    if run.intercepting and find_member(base.cls, "__getattribute__") is not None:
        return run.state.fresh(Why.UNSUPPORTED, "__getattribute__")
    if name not in base.slots or (run.describing and _is_described(base, name)):
        return _of_class(run, base, name, place)
    there, missing = split(narrowed(run, base.slots[name]))
    if not missing:
        return base.slots[name]
    behind = _of_class(run, base, name, place)
    if there and _is_missing(behind, base, name):
        behind = _answered(run, base, name, behind)
    if there and _is_missing(behind, base, name):  # where it is missing, the program ends here
        return choose(there)
    return choose([*there, *((guard, behind) for guard in missing)])


def _is_described(base: InstanceV, name: str) -> bool:
    found = find_member(base.cls, name)
    return found is not None and is_data(found[1])


def _of_class(run: Run, base: InstanceV, name: str, place: Place | None) -> Value:
    """What stands behind the attributes that an instance has itself."""
    if name == "__class__":
        return base.cls
    found = find_member(base.cls, name)
    if found is not None:
        return bound_member(run, found[1], base, base.cls, place)
    bases = external_bases(base.cls)
    for external in bases:
        special = run.keras.inherited(run, base, name, external, place)
        if special is not None:
            return special
    if bases and lends(base, bases, name):
        return MethodV(base, name, bases[0], place)
    if is_named_tuple(base.cls) and name in ("_replace", "_asdict", "_fields"):
        return _of_named(base, name, record_fields(base.cls), place)
    missing = unknown_base(base.cls)
    if missing is not None:
        return Unknown(missing.reason, _missing_key(base, name), place)
    if bases:
        reason = Undecided(Why.EXTERNAL, f"attribute {name} of {bases[0]}")
    else:
        doubt_builtin(run, "AttributeError")
        reason = Undecided(Why.UNDEFINED, f"attribute {name} of {base.cls.name} is set nowhere")
    return Unknown(reason, _missing_key(base, name), place)


def _of_named(base: Value, name: str, fields: list[str], place: Place | None) -> Value:
    if name == "_fields":
        return TupleV(tuple(Const(field) for field in fields))
    return MethodV(base, name, "typing.NamedTuple", place)


def _missing_key(base: InstanceV, name: str) -> Hashable:
    return ("attribute", (INSTANCE, id(base)), name)


def _answered(run: Run, base: InstanceV, name: str, missing: Value) -> Value:
    """What ``__getattr__`` gives for an attribute that is not there."""
    if ALIASED in base.slots:
        item = run.call(MethodV(base, "__getitem__"), run.args(Const(name)), None)
        return missing if isinstance(item, Unknown) else item
    found = find_member(base.cls, "__getattr__")
    bases = external_bases(base.cls)
    lent = lends(base, bases, name) is False
    if found is not None and lent and isinstance(found[1], ExternalV):
        answer = run.call(MethodV(base, found[1].name.rpartition(".")[2]), run.args(Const(name)), None)
        return missing if isinstance(answer, Unknown) else answer
    if found is None or not isinstance(found[1], FuncV):
        return missing
    if (bases and not lent) or unknown_base(base.cls) is not None:
        return run.state.fresh(Why.UNSUPPORTED, "__getattr__")  # the base may have it
    return run.call(BoundV(found[1], base), run.args(Const(name)), None)


def _is_missing(value: Value, base: InstanceV, name: str) -> bool:
    return isinstance(value, Unknown) and value.key == _missing_key(base, name)


def _class(run: Run, base: ClassV, name: str, place: Place) -> Value:
    if name == "__name__":
        return Const(base.name)
    found = class_attribute(run, base, name, place)
    if found is not None:
        return found
    missing = unknown_base(base)
    if missing is None and name == "__new__":
        return MethodV(base, name, "builtins.object", place)
    answer = own_method(base.meta, "__getattr__") if base.meta is not None else None
    if answer is not None and missing is None:
        return run.call(BoundV(answer, base), run.args(Const(name)), None)
    reason = missing.reason if missing else Undecided(Why.UNDEFINED, f"attribute {name} of class {base.name}")
    return Unknown(reason, ("attribute", id(base), name), place)


def _super(run: Run, base: SuperV, name: str, place: Place) -> Value:
    receiver = base.receiver
    cls = receiver.cls if isinstance(receiver, InstanceV) else receiver
    if not isinstance(cls, ClassV):
        return run.state.fresh(Why.UNSUPPORTED, "super()")
    if isinstance(receiver, ClassV) and receiver.meta is not None and _is_above(base.after, receiver):
        cls = receiver.meta
    found = find_member(cls, name, after=base.after)
    if found is not None:
        return bound_member(run, found[1], receiver, cls, place)
    for external in external_bases(cls):
        return MethodV(receiver, name, external, place)
    missing = unknown_base(cls)
    if missing is not None:
        return Unknown(missing.reason, ("super", id(receiver), name), place)
    return MethodV(receiver, name, "builtins.object", place)


def _is_above(after: ClassV, cls: ClassV) -> bool:
    """Whether a class is the metaclass of another, or one that it derives from."""
    return cls.meta is not None and after in resolution_order(cls.meta)


def set_attribute(run: Run, base: Value, name: str, value: Value) -> None:
    """``base.name = value``."""
    if isinstance(base, Choice):
        branches = []
        for guard, option in alternatives(base, run.state.guard):
            with run.state.branch(guard) as branch:
                set_attribute(run, option, name, value)
            branches.append(branch)
        run.state.join(branches)
    elif isinstance(base, InstanceV):
        if not set_its_way(run, base, name, value):
            store(run, base, name, value)
    elif isinstance(base, (ClassV, BagV)):
        run.state.write(base, name, value)
    elif isinstance(base, DictV) and attribute_dicts.MARK in base.slots:
        attribute_dicts.set_attribute(run, base, name, value)
    elif isinstance(base, ModuleV) and base.module.frame is not None:
        if name in base.module.frame.slots:
            run.modules.settle()
        run.state.write(base.module.frame, name, value)
    elif isinstance(base, FuncV) and name == "__name__" and isinstance(value, Const):
        base.core.name = str(value.value)
    elif isinstance(base, FuncV) and name in ("__defaults__", "__kwdefaults__"):
        given = run.state.fresh(Why.UNSUPPORTED, f"{name} of {base.core.name}, which is set anew")
        base.core.defaults = dict.fromkeys(base.core.defaults, given)
    else:
        run.keras.set_attribute(run, base, name, value)
