"""Builtins that read and make attributes, types and modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit.catalogue.layers import layer_class, may_derive
from fromlogits_audit.interp.choice import alternatives, choose, product
from fromlogits_audit.interp.classes import (
    AUTO,
    external_bases,
    is_record,
    resolution_order,
    unknown_base,
)
from fromlogits_audit.interp.containers import OWNER
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras_values import LayerV, LossV, ModelV
from fromlogits_audit.interp.storing import set_plainly
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncV,
    InstanceV,
    ListV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
    plain,
)
from fromlogits_audit.ir import Form, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Function = Callable[["Run", Args, "Place | None"], "Value | None"]
MAX_NESTED = 4
"""Records within records that become dicts."""


def _getattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "object"), args.get(1, "name")
    if base is None or name is None or place is None:
        return run.state.fresh(Why.UNSUPPORTED, "getattr()")
    pairs = []
    for guard, (b, n) in product([base, name], run.state.guard):
        if isinstance(n, Const) and isinstance(n.value, str):
            pairs.append((guard, _attribute_or_default(run, b, n.value, args.get(2, "default"), place)))
        elif isinstance(n, Unknown):
            pairs.append((guard, Unknown(n.reason, ("getattr", n.key), place)))
        else:
            pairs.append((guard, run.state.fresh(Why.RUNTIME, "getattr() of a name that is not known")))
    return choose(pairs)


def _attribute_or_default(run: Run, base: Value, name: str, default: Value | None, place: Place) -> Value:
    value = run.attribute(base, name, place)
    missing = isinstance(value, Unknown) and value.reason.why in (Why.UNDEFINED, Why.RUNTIME, Why.PARAMETER)
    return default if default is not None and missing else value


def _setattr(run: Run, args: Args, place: Place | None) -> Value:
    from fromlogits_audit.interp.attributes import set_attribute

    if len(args.positional) == 3 and isinstance(args.positional[1], Const):
        set_attribute(run, args.positional[0], str(args.positional[1].value), args.positional[2])
    return NONE


def _hasattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "obj"), args.get(1, "name")
    if isinstance(base, (InstanceV, BagV)) and isinstance(name, Const) and name.value in base.slots:
        return Const(True)
    cls = base.cls if isinstance(base, InstanceV) else base
    if isinstance(cls, ClassV) and isinstance(name, Const):
        if any(name.value in c.slots for c in resolution_order(cls)):
            return Const(True)
        if not external_bases(cls) and unknown_base(cls) is None and not _answers(cls):
            return Const(False)
    return run.state.fresh(Why.RUNTIME, "hasattr()")


def _answers(cls: ClassV) -> bool:
    """Whether attributes of a class or of its instances may come from elsewhere."""
    return cls.meta is not None or any("__getattr__" in c.slots for c in resolution_order(cls))


def _isinstance(run: Run, args: Args, place: Place | None) -> Value:
    if len(args.positional) != 2:
        return run.state.fresh(Why.UNSUPPORTED, "isinstance()")
    value, kinds = args.positional
    options_ = kinds.items if isinstance(kinds, TupleV) else (kinds,)
    answers = [is_instance(value, kind) for kind in options_]
    if True in answers:
        return Const(True)
    if None in answers:
        return Unknown(
            Undecided(Why.RUNTIME, "isinstance()"),
            ("isinstance", _key(value), tuple(_key(k) for k in options_)),
        )
    return Const(False)


def _key(value: Value) -> Any:
    from fromlogits_audit.interp.equality import identity

    return identity(value)


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": (float,), "bool": (bool,), "bytes": (bytes,),
    "list": (list,), "tuple": (tuple,), "dict": (dict,), "set": (set,),
}  # fmt: skip
_CONTAINERS: dict[str, type[Value]] = {"list": ListV, "tuple": TupleV, "dict": DictV}


def is_class_name(name: str) -> bool:
    """Whether a name outside the project is, by its spelling, that of a class: ``keras.losses.Poisson``."""
    last = name.rpartition(".")[2]
    return last[:1].isupper() and not last.isupper()


def is_instance(value: Value, kind: Value) -> bool | None:
    """Whether a value is of a type, None where that can't be told."""
    value = value if isinstance(kind, ClassV) else plain(value)
    if isinstance(value, Unknown):
        return None
    if isinstance(kind, ClassV):
        return kind in resolution_order(value.cls) if isinstance(value, InstanceV) else False
    if not isinstance(kind, ExternalV):
        return None
    name = kind.name.rpartition(".")[2]
    if isinstance(value, InstanceV):
        return _derives(value.cls, kind.name)
    if kind.name.startswith("builtins.") and not isinstance(value, ExternalV):
        if isinstance(value, Const):
            return isinstance(value.value, _TYPES[name]) if name in _TYPES else None
        known = _CONTAINERS.get(name)
        if known is not None:
            return isinstance(value, known)
        return False if name in _TYPES else None
    if isinstance(value, ExternalV) and is_class_name(value.name):
        return name in ("object", "type")
    if isinstance(value, (LayerV, ModelV)):
        return _is_layer(value, kind.name)
    if isinstance(value, LossV) and value.form is Form.INSTANCE and kind.name.startswith("keras.losses."):
        return name in ("Loss", value.spec.name)
    return False if isinstance(value, (Const, ListV, TupleV, DictV)) else None


def _is_layer(value: LayerV | ModelV, name: str) -> bool | None:
    """Whether a layer or model is of a class of Keras, None where that can't be told."""
    if name in ("keras.layers.Layer", "builtins.object"):
        return True
    spec = layer_class(name)
    if isinstance(value, ModelV):
        if name == "keras.Sequential" and value.kind in ("sequential", "functional"):
            return value.kind == "sequential"
        return True if name == "keras.Model" else (None if spec is None else False)
    if value.is_within:
        return None
    if spec is None:
        return False if name in ("keras.Model", "keras.Sequential") else None
    return True if spec is value.spec else (None if may_derive(value.spec.name, spec.name) else False)


def _derives(cls: ClassV, name: str) -> bool | None:
    """Whether a class of the project derives from one outside, None where what it derives from may."""
    bases = external_bases(cls)
    if name in ("builtins.object", *bases):
        return True
    # Of the classes that derive from a string or dict, only Python's own are known.
    own = not any(isinstance(base, Unknown) for c in resolution_order(cls) for base in c.bases)
    known = all(base.startswith(("builtins.", "keras.", "enum.", "abc.")) for base in bases)
    return False if name.startswith("builtins.") and own and known else None


def _callable(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    if isinstance(value, (FuncV, BoundV, ClassV, PartialV, MethodV)):
        return Const(True)
    if isinstance(value, (Const, ListV, TupleV, DictV)):
        return Const(False)
    return run.state.fresh(Why.RUNTIME, "callable()")


def _type(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    known = (
        run.attribute(value, "__class__", place) if isinstance(value, (LayerV, ModelV)) and place else None
    )
    if isinstance(value, InstanceV):
        return value.cls
    return known if isinstance(known, ExternalV) else run.state.fresh(Why.RUNTIME, "type()")


def _property(run: Run, args: Args, place: Place | None) -> Value:
    getter = args.positional[0] if args.positional else NONE
    if isinstance(getter, FuncV):
        getter.core.kind = "property"
    return getter


def _import(run: Run, args: Args, place: Place | None) -> Value | None:
    """A module imported by a name that is known."""
    name = args.get(0, "name")
    frame = place.chunk.module.frame if place is not None else None
    if (
        isinstance(name, Const)
        and isinstance(name.value, str)
        and frame is not None
        and not name.value.startswith(".")
    ):
        return run.import_module(frame, name.value)
    return None


def _namedtuple(run: Run, args: Args, place: Place | None) -> Value | None:
    """A maker of records: fields in order, with defaults for the last ones."""
    names = args.get(1, "field_names")
    if isinstance(names, Const) and isinstance(names.value, str):
        names = TupleV(tuple(Const(name) for name in names.value.replace(",", " ").split()))
    items = spread(run, names) if names is not None else None
    if not isinstance(items, TupleV) or items.open:
        return None
    made = BagV("record")
    defaults = spread(run, args.keywords["defaults"]) if "defaults" in args.keywords else TupleV(())
    given = defaults.items if isinstance(defaults, TupleV) else ()
    plain = [item.value for item in items.items if isinstance(item, Const)]
    for at, name in enumerate(plain):
        behind = at - (len(plain) - len(given))
        made.slots[str(name)] = (
            given[behind] if behind >= 0 else run.state.fresh(Why.PARAMETER, f"field {name}")
        )
    return made


def attributes_of(run: Run, value: Value) -> Value:
    """``vars(value)``: a dict of the attributes as they are now."""
    rows = alternatives(value, run.state.guard)
    return choose([(guard, _attributes(run, option)) for guard, option in rows])


def _attributes(run: Run, value: Value) -> Value:
    if isinstance(value, Unknown):
        return Unknown(value.reason, ("vars", value.key))
    if not isinstance(value, (InstanceV, BagV)):
        return run.state.fresh(Why.UNSUPPORTED, "vars()")
    made = DictV({name: (Const(name), held) for name, held in _named(value)})
    made.slots[OWNER] = value
    return made


def _named(value: InstanceV | BagV) -> list[tuple[str, Value]]:
    return [(name, held) for name, held in value.slots.items() if isinstance(name, str) and name[:1] != "$"]


def _as_dict(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.asdict(config)``: fields that are records themselves become dicts too."""
    value = args.positional[0] if args.positional else NONE
    return _deep(value, MAX_NESTED) if isinstance(value, InstanceV) else None


def _deep(value: Value, depth: int) -> Value:
    if not isinstance(value, InstanceV) or not is_record(value.cls) or depth == 0:
        return value
    return DictV({name: (Const(name), _deep(held, depth - 1)) for name, held in _named(value)})


def replaced(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.replace(obj, **changes)``."""
    source = args.positional[0] if args.positional else NONE
    if not isinstance(source, (InstanceV, BagV)):
        return None
    made = InstanceV(source.cls, place) if isinstance(source, InstanceV) else BagV(source.kind)
    made.slots.update(source.slots)
    made.slots.update(args.keywords)
    return made


REFLECTION: dict[str, Function] = {
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.object.__setattr__": set_plainly,
    "builtins.hasattr": _hasattr,
    "builtins.isinstance": _isinstance,
    "enum.auto": lambda run, args, place: BagV(AUTO),
    "builtins.callable": _callable,
    "builtins.type": _type,
    "builtins.property": _property,
    "builtins.__import__": _import,
    "importlib.import_module": _import,
    "collections.namedtuple": _namedtuple,
    "dataclasses.replace": replaced,
    "dataclasses.asdict": _as_dict,
    "attr.asdict": _as_dict,
    "attrs.asdict": _as_dict,
}
