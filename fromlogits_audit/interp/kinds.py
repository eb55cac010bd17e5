"""Questions about types: ``isinstance``, ``issubclass``, ``callable``, ``inspect.isclass``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fromlogits_audit.catalogue.layers import layer_class, may_derive
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.classes import external_bases, is_named_tuple, items_of_named, resolution_order
from fromlogits_audit.interp.iterables import Function
from fromlogits_audit.interp.keras_values import LayerV, LossV, ModelV
from fromlogits_audit.interp.outside import is_class_name, is_definition
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
    IterV,
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


def of_each(function: Function, run: Run, args: Args, place: Place | None) -> Value:
    """What a function says of each alternative of its arguments."""
    rows = product(args.positional, run.state.guard)
    return choose(
        [(guard, function(run, replace(args, positional=row), place) or NONE) for guard, row in rows]
    )


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


def _is_of_type(run: Run, args: Args, place: Place | None) -> Value:
    """``inspect.isclass(value)``."""
    return _isinstance(run, Args((*args.positional, ExternalV("builtins.type"))), place)


def _key(value: Value) -> Any:
    from fromlogits_audit.interp.equality import identity

    return identity(value)


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": (float,), "bool": (bool,), "bytes": (bytes,),
    "list": (list,), "tuple": (tuple,), "dict": (dict,), "set": (set,),
}  # fmt: skip
_CONTAINERS: dict[str, type[Value]] = {"list": ListV, "tuple": TupleV, "dict": DictV}


def is_instance(value: Value, kind: Value) -> bool | None:
    """Whether a value is of a type, None where that can't be told."""
    value = value if isinstance(kind, ClassV) else plain(value)
    if isinstance(value, BagV):
        value = items_of_named(value) or value
    if isinstance(value, Unknown):
        return None
    if isinstance(kind, ClassV):
        if isinstance(value, LayerV) and value.is_within:
            return None
        return kind in resolution_order(value.cls) if isinstance(value, InstanceV) else False
    if not isinstance(kind, ExternalV):
        return None
    if kind.name == "builtins.type":
        return _is_class(value)
    if kind.name in _ABSTRACT and not isinstance(value, (InstanceV, ExternalV)):
        return _is_abstract(value, kind.name)
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
        return True if name == "object" else (False if kind.name.startswith(_TOLD) else None)
    if isinstance(value, ExternalV) and is_definition(value.name):
        of_keras = is_class_name(kind.name) and kind.name.startswith("keras.")
        return False if name in _TYPES or of_keras else None
    if isinstance(value, (LayerV, ModelV)):
        return _is_layer(value, kind.name)
    if isinstance(value, LossV) and value.form is Form.INSTANCE and kind.name.startswith("keras.losses."):
        return name in ("Loss", value.spec.name)
    plain_value = isinstance(value, (Const, ListV, TupleV, DictV))
    return False if plain_value and kind.name.startswith(_TOLD) else None


_SEQUENCES = (ListV, TupleV)
_CALLED = (FuncV, BoundV, PartialV, LayerV, ModelV)
_ABSTRACT: dict[str, tuple[type[Value], ...]] = {
    **dict.fromkeys(("typing.List", "collections.abc.MutableSequence"), (ListV,)),
    "typing.Tuple": (TupleV,),
    **dict.fromkeys(("typing.Dict", "typing.Mapping", "collections.abc.Mapping"), (DictV,)),
    **dict.fromkeys(("typing.Sequence", "collections.abc.Sequence"), _SEQUENCES),
    **dict.fromkeys(("typing.Iterable", "collections.abc.Iterable"), (*_SEQUENCES, DictV, IterV)),
    **dict.fromkeys(("typing.Callable", "collections.abc.Callable"), _CALLED),
}
"""What Python's abstract classes are for, of the values that are told apart here."""
_TEXTS_TOO = ("Sequence", "Iterable")


def _is_abstract(value: Value, kind: str) -> bool | None:
    """Whether a value is one of ``typing`` or ``collections.abc``."""
    if isinstance(value, _ABSTRACT[kind]):
        return True
    if isinstance(value, Const):
        return isinstance(value.value, (str, bytes)) and kind.endswith(_TEXTS_TOO)
    return False if isinstance(value, (ListV, TupleV, DictV, LayerV, ModelV, FuncV, BoundV, IterV)) else None


_TOLD = ("builtins.", "keras.", "numpy.", "tf.", "torch.")
"""Where classes come from of which no number, text or container is an instance, unless it is said."""


def _is_class(value: Value) -> bool | None:
    """Whether a value is a class, None where that can't be told."""
    if isinstance(value, ExternalV):
        return True if is_class_name(value.name) else (False if is_definition(value.name) else None)
    if isinstance(value, InstanceV):
        return _derives(value.cls, "builtins.type")
    return True if isinstance(value, ClassV) else (False if isinstance(value, _NO_CLASSES) else None)


_NO_CLASSES = (BoundV, Const, DictV, FuncV, LayerV, ListV, LossV, ModelV, PartialV, TupleV)


def _issubclass(run: Run, args: Args, place: Place | None) -> Value:
    cls, kinds = (*args.positional, NONE, NONE)[:2]
    options_ = kinds.items if isinstance(kinds, TupleV) else (kinds,)
    answers = [_is_derived(cls, kind) for kind in options_]
    if True in answers:
        return Const(True)
    return run.state.fresh(Why.RUNTIME, "issubclass()") if None in answers else Const(False)


def _is_derived(cls: Value, kind: Value) -> bool | None:
    """Whether a class is another one or derives from it, None where that can't be told."""
    if isinstance(cls, ClassV):
        if isinstance(kind, ClassV):
            return kind in resolution_order(cls)
        return _derives(cls, kind.name) if isinstance(kind, ExternalV) else None
    if not isinstance(cls, ExternalV) or not is_class_name(cls.name):
        return None
    if isinstance(kind, ClassV):
        return False
    own, base = cls.name, kind.name if isinstance(kind, ExternalV) else ""
    return True if base in (own, "builtins.object", *_bases_of(own)) else None


def _bases_of(name: str) -> tuple[str, ...]:
    """What every class of a module of Keras derives from."""
    module = name.rpartition(".")[0]
    return (f"{module}.{_BASES[module]}",) if module in _BASES else ()


_BASES = {
    "keras.callbacks": "Callback",
    "keras.layers": "Layer",
    "keras.losses": "Loss",
    "keras.metrics": "Metric",
    "keras.optimizers": "Optimizer",
}


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
    if name in ("builtins.object", *bases) or (name == "builtins.tuple" and is_named_tuple(cls)):
        return True
    # Of the classes that derive from a string or dict, only Python's own are known.
    own = not any(isinstance(base, Unknown) for c in resolution_order(cls) for base in c.bases)
    known = all(base.startswith(("builtins.", "keras.", "enum.", "abc.")) for base in bases)
    return False if name.startswith("builtins.") and own and known else None


def _callable(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    if isinstance(value, (FuncV, BoundV, ClassV, LayerV, LossV, MethodV, ModelV, PartialV)):
        return Const(True)
    if isinstance(value, ExternalV) and is_definition(value.name):
        return Const(True)
    if isinstance(value, (Const, ListV, TupleV, DictV)):
        return Const(False)
    return run.state.fresh(Why.RUNTIME, "callable()")


KINDS: dict[str, Function] = {
    "builtins.isinstance": partial(of_each, _isinstance),
    "builtins.issubclass": partial(of_each, _issubclass),
    "builtins.callable": partial(of_each, _callable),
    "inspect.isclass": partial(of_each, _is_of_type),
}
