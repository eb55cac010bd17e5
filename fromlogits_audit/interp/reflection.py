"""Builtins that read and make attributes, types and modules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, choose, is_none, product, split
from fromlogits_audit.interp.classes import (
    AUTO,
    PARTIAL_METHOD,
    external_bases,
    find_member,
    resolution_order,
    unknown_base,
)
from fromlogits_audit.interp.descriptors import made_property
from fromlogits_audit.interp.dicts import OWNER
from fromlogits_audit.interp.iterables import Function
from fromlogits_audit.interp.keras_values import LayerV, LossV, ModelV
from fromlogits_audit.interp.kinds import KINDS, of_each
from fromlogits_audit.interp.names import narrowed
from fromlogits_audit.interp.records import RECORDS, named_in
from fromlogits_audit.interp.storing import discard, set_plainly
from fromlogits_audit.interp.values import (
    ABSENT,
    FALSE,
    NONE,
    TRUE,
    Args,
    BagV,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncV,
    Guard,
    InstanceV,
    ModuleV,
    PartialV,
    Place,
    Unknown,
    Value,
    forced,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame


def _getattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "object"), args.get(1, "name")
    if base is None or name is None or place is None:
        return run.state.fresh(Why.UNSUPPORTED, "getattr()")
    pairs = []
    for guard, (b, n) in product([base, name], run.state.guard):
        if isinstance(n, Const) and isinstance(n.value, str):
            pairs.append((guard, _attribute_or_default(run, b, n.value, args.get(2, "default"), place)))
        elif isinstance(n, Unknown):
            # What a model is asked for may be its compile().
            whose = "model" if isinstance(b, ModelV) else "object"
            pairs.append((guard, Unknown(n.reason, ("getattr", n.key, whose), place)))
        else:
            pairs.append((guard, run.state.fresh(Why.RUNTIME, "getattr() of a name that is not known")))
    return choose(pairs)


def _attribute_or_default(run: Run, base: Value, name: str, default: Value | None, place: Place) -> Value:
    around = run.state.attempts
    run.state.attempts = around if default is None else []  # with a default nothing is raised
    try:
        value = run.attribute(base, name, place)
    finally:
        run.state.attempts = around
    unset = isinstance(value, Unknown) and value.reason.why in (Why.UNDEFINED, Why.RUNTIME, Why.PARAMETER)
    if default is None or unset:
        return default or value
    there, missing = _own(run, base, name)
    if not missing or not isinstance(base, (InstanceV, BagV)):
        return value
    if isinstance(base, InstanceV) and find_member(base.cls, name) is not None:
        return value
    return choose([*there, *((guard, default) for guard in missing)])


def _own(run: Run, base: Value | None, name: str) -> tuple[list[tuple[Guard, Value]], list[Guard]]:
    """An attribute that an instance has itself, and where it has none."""
    held = base.slots.get(name, ABSENT) if isinstance(base, (InstanceV, BagV)) else ABSENT
    return split(narrowed(run, held))


def _setattr(run: Run, args: Args, place: Place | None) -> Value:
    from fromlogits_audit.interp.attributes import set_attribute

    base, name, value = (*args.positional, NONE, NONE, NONE)[:3]
    branches = []
    for guard, option in alternatives(name, run.state.guard):
        with run.state.branch(guard) as branch:
            if isinstance(option, Const):
                set_attribute(run, base, str(option.value), value)
        branches.append(branch)
    run.state.join(branches)
    return NONE


def _delattr(run: Run, args: Args, place: Place | None) -> Value | None:
    base, name = (*args.positional, NONE, NONE)[:2]
    if not isinstance(name, Const) or not isinstance(name.value, str):
        return None
    discard(run, base, name.value)
    return NONE


def _hasattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "obj"), args.get(1, "name")
    there, missing = _own(run, base, str(name.value)) if isinstance(name, Const) else ([], [])
    if there and not missing:
        return TRUE
    if isinstance(base, BagV) and there:
        return choose([*((guard, TRUE) for guard, _ in there), *((guard, FALSE) for guard in missing)])
    if isinstance(base, (LayerV, ModelV)) and isinstance(name, Const) and name.value == "activation":
        known = _has_activation(base)
        return Const(known) if known is not None else run.state.fresh(Why.RUNTIME, "hasattr()")
    cls = base.cls if isinstance(base, InstanceV) else base
    if isinstance(cls, ClassV) and isinstance(name, Const):
        if any(name.value in c.slots for c in resolution_order(cls)):
            return TRUE
        if not external_bases(cls) and unknown_base(cls) is None and not _answers(cls):
            return choose([*((guard, TRUE) for guard, _ in there), *((guard, FALSE) for guard in missing)])
    return run.state.fresh(Why.RUNTIME, "hasattr()")


def _has_activation(value: LayerV | ModelV) -> bool | None:
    """Whether a layer has an ``activation``: those do that take one; None where that cannot be told."""
    if isinstance(value, ModelV):
        return False if value.kind in ("sequential", "functional") else None
    if value.is_within or not value.spec.name.startswith("keras.layers."):
        return None
    return "activation" in value.slots or "activation" in value.spec.parameters.names


def _answers(cls: ClassV) -> bool:
    """Whether attributes of a class or of its instances may come from elsewhere."""
    return cls.meta is not None or any("__getattr__" in c.slots for c in resolution_order(cls))


def _type(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    known = (
        run.attribute(value, "__class__", place)
        if isinstance(value, (LayerV, LossV, ModelV)) and place
        else None
    )
    if isinstance(value, InstanceV):
        return value.cls
    if isinstance(value, Const) and isinstance(value.value, (bool, float, int, str)):
        return ExternalV(f"builtins.{type(value.value).__name__}")
    return known if isinstance(known, ExternalV) else run.state.fresh(Why.RUNTIME, "type()")


def _partial_method(run: Run, args: Args, place: Place | None) -> Value | None:
    """``functools.partialmethod(method, ...)``, which reading it through an instance binds."""
    if not args.positional:
        return None
    return BagV(PARTIAL_METHOD, made=PartialV(args.positional[0], args.rest(), place))


def _property(run: Run, args: Args, place: Place | None) -> Value:
    return made_property(args)


def _import(run: Run, args: Args, place: Place | None, *, by: str) -> Value | None:
    """A module imported by a name that is known, or is one of several."""
    name, package = args.get(0, "name"), args.get(1, "package") or NONE
    frame = place.chunk.module.frame if place is not None else None
    if frame is None or name is None:
        return None
    rows = []
    for guard, (one, within) in product([name, package], run.state.guard):
        module = _imported(run, frame, one, within) or run.state.fresh(Why.EXTERNAL, f"result of {by}")
        rows.append((guard, module))
    names = {module.name if isinstance(module, ExternalV) else None for _, module in rows}
    # Two spellings of the same package are no two cases.
    return rows[0][1] if len(names) == 1 and None not in names else choose(rows)


def _imported(run: Run, frame: Frame, name: Value, package: Value) -> Value | None:
    """``import_module(name)``; one that begins with dots is seen from a package, or from here."""
    if not isinstance(name, Const) or not isinstance(name.value, str) or not name.value:
        return None
    dotted = name.value.lstrip(".")
    level = len(name.value) - len(dotted)
    if level and is_none(package):
        return None
    text = package.value if isinstance(package, Const) else None
    if level and isinstance(text, str) and text != "__main__":  # else it is ``__name__`` or ``__package__``
        parts = text.split(".")
        dotted, level = ".".join([*parts[: len(parts) - level + 1], dotted]), 0
    return forced(run.import_module(frame, dotted, level))


def attributes_of(run: Run, value: Value) -> Value:
    """``vars(value)``: a dict of the attributes as they are now."""
    rows = alternatives(value, run.state.guard)
    return choose([(guard, _attributes(run, option)) for guard, option in rows])


def _attributes(run: Run, value: Value) -> Value:
    if isinstance(value, Unknown):
        return Unknown(value.reason, ("vars", value.key))
    if isinstance(value, ModuleV) and value.module.frame is not None:
        return names_in(value.module.frame)
    if not isinstance(value, (InstanceV, BagV)):
        return run.state.fresh(Why.UNSUPPORTED, "vars()")
    made = DictV({name: (Const(name), held) for name, held in named_in(value)})
    made.slots[OWNER] = value
    return made


def names_in(frame: Frame) -> Value:
    """``globals()``, ``vars(module)``: what the names of a frame mean; there may be others."""
    held = [(key, forced(value)) for key, value in frame.slots.items() if isinstance(key, str)]
    made = DictV({key: (Const(key), value) for key, value in held}, open=True)
    if frame.module.frame is frame:
        made.slots[OWNER] = ModuleV(frame.module)
    return made


def _wraps(run: Run, args: Args, place: Place | None) -> Value:
    return PartialV(ExternalV("functools.update_wrapper"), Args((), {"wrapped": (*args.positional, NONE)[0]}))


def _update_wrapper(run: Run, args: Args, place: Place | None) -> Value | None:
    """The wrapper has the name of what it wraps from now on."""
    wrapper, wrapped = args.get(0, "wrapper"), args.get(1, "wrapped")
    if isinstance(wrapper, FuncV) and isinstance(wrapped, FuncV):
        wrapper.core.name = wrapped.core.name
    return wrapper


REFLECTION: dict[str, Function] = {
    **KINDS,
    **RECORDS,
    "functools.wraps": _wraps,
    "functools.update_wrapper": _update_wrapper,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.delattr": _delattr,
    "builtins.object.__setattr__": set_plainly,
    "builtins.hasattr": partial(of_each, _hasattr),
    "enum.auto": lambda run, args, place: BagV(AUTO),
    "builtins.type": partial(of_each, _type),
    "builtins.property": _property,
    "functools.partialmethod": _partial_method,
    **{name: partial(_import, by=name) for name in ("builtins.__import__", "importlib.import_module")},
}
