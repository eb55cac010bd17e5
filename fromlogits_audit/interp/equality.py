"""When two values are the same: keys of dicts, comparisons, membership."""

from __future__ import annotations

from collections.abc import Hashable

from fromlogits_audit.interp.choice import is_none
from fromlogits_audit.interp.classes import (
    compares_by_content,
    defines,
    is_record,
    items_of_named,
    record_fields,
)
from fromlogits_audit.interp.keras_values import LayerV, LossV, ModelV, TensorV
from fromlogits_audit.interp.keys import begins
from fromlogits_audit.interp.outside import is_definition
from fromlogits_audit.interp.values import (
    BoundV,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    FuncV,
    InstanceV,
    ListV,
    ModuleV,
    TupleV,
    Unknown,
    Value,
    plain,
)

_OBJECTS = (
    BoundV,
    ClassV,
    FuncV,
    InstanceV,
    LayerV,
    LossV,
    ModelV,
    ModuleV,
    ListV,
    DictV,
    TensorV,
    TupleV,
)
MAX_KEY_DEPTH = 4
"""Sequences nested deeper are told apart by identity alone: their parts may be shared, and then walking
them takes exponential time."""


def dict_key(value: Value, depth: int = 0) -> Hashable | None:
    """A hashable constant for a dict key, None where it is not known."""
    if isinstance(value, Const) and isinstance(value.value, (str, int, float, bool, bytes, type(None))):
        return value.value if value.value is not None else ("none",)
    if isinstance(value, ExternalV):
        return ("external", value.name)
    if isinstance(value, TupleV):
        if depth > MAX_KEY_DEPTH:
            return None
        keys = tuple(dict_key(item, depth + 1) for item in value.items)
        return None if None in keys else keys
    if isinstance(value, InstanceV):
        return _instance_key(value, depth)
    if isinstance(value, (ClassV, FuncV)):
        return ("object", id(value.core) if isinstance(value, FuncV) else id(value))
    return None


def _instance_key(value: InstanceV, depth: int) -> Hashable | None:
    """Instances are told apart by identity, unless their class says what makes them equal."""
    worth = plain(value)
    if worth is not value:
        return dict_key(worth)
    if defines(value, "__eq__", "__hash__") or depth > MAX_KEY_DEPTH:
        return None
    if not is_record(value.cls):
        return ("object", id(value))
    fields = [value.slots.get(name) for name in record_fields(value.cls)]
    keys = tuple(dict_key(held, depth + 1) if held is not None else None for held in fields)
    return None if None in keys else ("record", id(value.cls), keys)


def identity(value: Value, depth: int = 0) -> Hashable:
    """A key that is the same for the same value."""
    if isinstance(value, Const):
        return ("constant", type(value.value).__name__, repr(value.value)[:200])
    if isinstance(value, Unknown):
        return value.key
    if isinstance(value, ExternalV):
        return ("external", value.name)
    content = value.slots["items"] if isinstance(value, ListV) else value
    if isinstance(content, TupleV) and len(content.items) <= 32 and depth <= MAX_KEY_DEPTH:
        return ("items", tuple(identity(item, depth + 1) for item in content.items))
    return ("object", id(value))


def equal(a: Value, b: Value) -> bool | None:
    """Whether two values are equal, None where it is not known."""
    if a is b and not isinstance(a, Unknown):
        return True
    if isinstance(a, Const) and isinstance(b, Const):
        return bool(a.value == b.value)
    if isinstance(a, FuncV) and isinstance(b, FuncV):
        return a.core is b.core
    if isinstance(a, ExternalV) and isinstance(b, ExternalV):
        apart = any(a.name.startswith(one) and b.name.startswith(one) for one in _NAMED_ONCE)
        return True if a.name == b.name else (False if apart else None)
    if isinstance(a, InstanceV) or isinstance(b, InstanceV):
        return _equal_instances(a, b)
    first, second = _content(a), _content(b)
    if first is not None and second is not None and type(a) is type(b):
        return _equal_contents(first, second, ordered=isinstance(a, TupleV) and isinstance(b, TupleV))
    if (is_none(a) and _is_made(b)) or (is_none(b) and _is_made(a)):
        return False
    if isinstance(a, _OBJECTS) and isinstance(b, Const):
        return False
    if isinstance(b, _OBJECTS) and isinstance(a, Const):
        return False
    if isinstance(a, ClassV) and isinstance(b, ClassV):
        return False
    if isinstance(a, ExternalV) and isinstance(b, Const):
        return False if b.value is None or is_definition(a.name) else None
    if isinstance(b, ExternalV) and isinstance(a, Const):
        return False if a.value is None or is_definition(b.name) else None
    return None


def _content(value: Value) -> TupleV | Entries | None:
    """The items of a sequence or dict all of which are known, else None."""
    content = value.slots["items"] if isinstance(value, (DictV, ListV)) else value
    if isinstance(content, (Entries, TupleV)) and not content.open and len(content.items) <= MAX_COMPARED:
        return content
    return None


def _equal_contents(a: TupleV | Entries, b: TupleV | Entries, *, ordered: bool) -> bool | None:
    """Whether two contents are equal. Lists that are not ``ordered`` may be sets: then the same items in
    another order are not told apart."""
    if type(a) is not type(b) or len(a.items) != len(b.items):
        return False
    if isinstance(a, Entries) and isinstance(b, Entries):
        if a.items.keys() != b.items.keys():
            return False
        pairs = [(value, b.items[key][1]) for key, (_, value) in a.items.items()]
        ordered = True
    elif isinstance(a, TupleV) and isinstance(b, TupleV):
        pairs = list(zip(a.items, b.items, strict=True))
    answers = {None if _content(x) is not None and _content(y) is not None else equal(x, y) for x, y in pairs}
    if answers <= {True}:
        return True
    return False if False in answers and ordered else None


MAX_COMPARED = 64
_NAMED_ONCE = ("builtins.", "keras.activations.")
"""Modules whose functions have one canonical name each."""
MADE = "made"
"""How the key of an unknown instance of a class begins, its class at the end: it may be anything but None."""


def _is_made(value: Value) -> bool:
    return isinstance(value, Unknown) and begins(value.key, MADE)


def method_of_made(value: Value) -> str | None:
    """``ext.Factory.build`` for ``build`` of an instance of a class outside the project, else None."""
    key = value.key if isinstance(value, Unknown) else None
    if not begins(key, "attribute") or not isinstance(key, tuple) or not begins(key[1], MADE):
        return None
    return f"{key[1][2]}.{key[2]}"


def _equal_instances(a: Value, b: Value) -> bool | None:
    """Instances are equal where they are the same, unless their class says otherwise."""
    worth = plain(a), plain(b)
    if worth != (a, b):
        return equal(*worth)
    if isinstance(a, (InstanceV, TupleV)) and isinstance(b, (InstanceV, TupleV)):
        items = items_of_named(a) or a, items_of_named(b) or b
        if items != (a, b) and not defines(a, "__eq__") and not defines(b, "__eq__"):
            return equal(*items)
    if any(defines(v, "__eq__") or (isinstance(v, InstanceV) and compares_by_content(v.cls)) for v in (a, b)):
        return None
    if not isinstance(a, InstanceV) or not isinstance(b, InstanceV):
        return False if isinstance(a, (Const, *_OBJECTS)) and isinstance(b, (Const, *_OBJECTS)) else None
    if a.cls is not b.cls or not is_record(a.cls):
        return False
    pairs = [(a.slots.get(name), b.slots.get(name)) for name in record_fields(a.cls)]
    answers = [equal(x, y) if x is not None and y is not None else None for x, y in pairs]
    return False if False in answers else (None if None in answers else True)


def contains(item: Value, container: Value) -> bool | None:
    """Whether an item is in a text, a sequence or a dict, None where it is not known."""
    if isinstance(container, Const) and isinstance(container.value, (str, bytes)) and isinstance(item, Const):
        try:
            return item.value in container.value
        except TypeError:
            return None
    content = container.slots["items"] if isinstance(container, (ListV, DictV)) else container
    if isinstance(content, Entries):
        key = dict_key(item)
        if key is None:
            return None
        return True if key in content.items else (None if content.open else False)
    if isinstance(content, TupleV):
        answers = [equal(item, other) for other in content.items]
        if True in answers:
            return True
        return None if None in answers or content.open else False
    return None
