"""Classes of the project: bodies, order of resolution, instances, dataclasses, enums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.functions import invoke, is_unmade
from fromlogits_audit.interp.values import (
    NONE,
    PLAIN,
    Args,
    BagV,
    BoundV,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
    forced,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_RECORDS = (
    "dataclasses.dataclass",
    "attr.s",
    "attr.dataclass",
    "attrs.define",
    "attr.define",
    "chex.dataclass",
    "flax.struct.dataclass",
)
_RECORD_BASES = (
    "typing.NamedTuple",
    "pydantic.BaseModel",
    "pydantic.BaseSettings",
    "pydantic_settings.BaseSettings",
)
_ENUM_BASES = (
    "enum.Enum",
    "enum.StrEnum",
    "enum.IntEnum",
    "enum.Flag",
    "enum.IntFlag",
    "strenum.StrEnum",
)
_TEXTS = ("builtins.str", "enum.StrEnum", "strenum.StrEnum")
_NUMBERS = ("builtins.int", "builtins.float", "enum.IntEnum", "enum.IntFlag")
PARTIAL_METHOD = "partialmethod"
GENERIC = "singledispatch"
"""The kind of bag that ``functools.singledispatch`` makes of a function."""
PROPERTY = "property"
"""The kind of bag that ``property(get, set)`` and ``@act.setter`` give; ``@property`` marks the function."""
AUTO = "auto"
"""The kind of bag that ``enum.auto()`` is."""


def resolution_order(cls: ClassV) -> list[ClassV]:
    """The project's classes in the order in which attributes are looked up (depth first, last wins)."""
    if cls.order is None:
        cls.order = _linearised(cls)
    return cls.order


def _linearised(cls: ClassV) -> list[ClassV]:
    cls.order = [cls]  # what a class that derives from itself finds
    above = [c for base in cls.bases if isinstance(base, ClassV) for c in resolution_order(base)]
    last = dict.fromkeys(c for c in reversed(above) if c is not cls)
    return [cls, *reversed(last)]


def external_bases(cls: ClassV) -> list[str]:
    """Canonical names of the classes outside the project that this one derives from."""
    return [base.name for c in resolution_order(cls) for base in c.bases if isinstance(base, ExternalV)]


def unknown_base(cls: ClassV) -> Unknown | None:
    """A base that cannot be told, if there is one."""
    for c in resolution_order(cls):
        for base in c.bases:
            if isinstance(base, Unknown):
                return base
    return None


def find_member(cls: ClassV, name: str, after: ClassV | None = None) -> tuple[ClassV, Value] | None:
    """The class that provides an attribute, and the raw attribute."""
    order = resolution_order(cls)
    if after is not None and after in order:
        order = order[order.index(after) + 1 :]
    for candidate in order:
        if name in candidate.slots:
            return candidate, forced(candidate.slots[name])
    return None


def own_method(cls: ClassV, name: str, after: ClassV | None = None) -> FuncV | None:
    """A method that the project defines for a class, None where it has none or another's."""
    found = find_member(cls, name, after)
    return found[1] if found is not None and isinstance(found[1], FuncV) else None


def bound_member(run: Run, raw: Value, receiver: Value, cls: ClassV, place: Place | None) -> Value:
    """What reading a class attribute through ``receiver``, which is of the class ``cls``, gives."""
    if isinstance(raw, FuncV):
        if raw.core.kind == "property":
            return invoke(run, raw.core, Args((receiver,)), receiver)
        if raw.core.kind == "static":
            return FuncV(raw.core, place)
        if raw.core.kind == "class":
            return BoundV(raw, cls, place)
        raw.core.read = True
        return BoundV(raw, receiver, place)
    if isinstance(raw, BagV) and raw.kind == GENERIC:
        return PartialV(raw, Args((receiver,)), place)
    if isinstance(raw, BagV) and raw.kind == PARTIAL_METHOD:
        made = raw.slots["made"]
        if isinstance(made, PartialV):
            return PartialV(bound_member(run, made.func, receiver, cls, place), made.args, place)
    if isinstance(raw, BagV) and raw.kind == PROPERTY:
        return run.call(raw.slots["fget"], Args((receiver,)), place)
    return _through_get(run, raw, receiver, cls)


def _through_get(run: Run, raw: Value, receiver: Value, cls: ClassV) -> Value:
    """What a descriptor of the program makes of being read; None is the receiver where a class is asked."""
    getter = own_method(raw.cls, "__get__") if isinstance(raw, InstanceV) else None
    return invoke(run, getter.core, Args((raw, receiver, cls)), raw) if getter is not None else raw


def class_attribute(run: Run, cls: ClassV, name: str, place: Place | None) -> Value | None:
    """Reading an attribute of the class itself."""
    found = find_member(cls, name)
    if found is not None:
        owner, raw = found
        if isinstance(raw, FuncV) and raw.core.kind == "class":
            return BoundV(raw, cls, place)
        if isinstance(raw, FuncV):
            return FuncV(raw.core, place)
        if is_enum(owner) and _is_member(name, raw):
            return enum_member(run, owner, name, raw)
        return _through_get(run, raw, NONE, cls)
    above = find_member(cls.meta, name) if cls.meta is not None else None
    if above is not None and cls.meta is not None:
        return bound_member(run, above[1], cls, cls.meta, place)
    for base in external_bases(cls):
        return MethodV(cls, name, base, place)
    return None


def is_enum(cls: ClassV) -> bool:
    return any(base in _ENUM_BASES for base in external_bases(cls))


def defines(value: Value, *names: str) -> bool:
    """Whether the class of an instance, or one above it, defines a method."""
    return isinstance(value, InstanceV) and any(find_member(value.cls, name) is not None for name in names)


def enum_member(run: Run, cls: ClassV, name: str, raw: Value) -> Value:
    """One member of an enumeration: always the same instance, for each of the names that have its value."""
    name = _first_name(cls, name, raw)
    key = ("member", name)
    member = cls.slots.get(key)
    if member is None:
        raw = _automatic(cls, name) if isinstance(raw, BagV) and raw.kind == AUTO else raw
        made = InstanceV(cls)
        made.slots.update({"value": raw, "name": Const(name), "_value_": raw})
        bases = external_bases(cls)
        if isinstance(raw, Const) and any(base in _TEXTS or base in _NUMBERS for base in bases):
            made.slots[PLAIN] = raw
        cls.slots[key] = member = made
        _initialise(run, made, raw)
    return member


def _first_name(cls: ClassV, name: str, raw: Value) -> str:
    """The first name in an enumeration that stands for a value: the others are aliases of it."""
    if not isinstance(raw, (Const, TupleV)) or own_method(cls, "__new__") is not None:
        return name
    others = (other for other in cls.slots if isinstance(other, str) and not other.startswith("_"))
    return next(other for other in others if other == name or _same(forced(cls.slots[other]), raw))


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, TupleV) and isinstance(other, TupleV) and len(one.items) == len(other.items):
        return all(map(_same, one.items, other.items))
    return isinstance(one, Const) and isinstance(other, Const) and bool(one.value == other.value)


def _initialise(run: Run, member: InstanceV, raw: Value) -> None:
    """``__init__`` of a member gets its value: the items of a tuple one by one."""
    init = own_method(member.cls, "__init__")
    if init is not None:
        with run.state.apart():
            run.call(init, Args((member, *(raw.items if isinstance(raw, TupleV) else (raw,)))), None)


def text_of_member(member: InstanceV) -> Value | None:
    """``str(Kind.BINARY)``: its value only where the class is a StrEnum; None for other instances."""
    name = member.slots.get("name")
    if not is_enum(member.cls) or not isinstance(name, Const):
        return None
    texts = any(base in _TEXTS[1:] for base in external_bases(member.cls))
    return member.slots["value"] if texts else Const(f"{member.cls.name}.{name.value}")


def _automatic(cls: ClassV, name: str) -> Value:
    """The value of ``name = auto()``."""
    bases = external_bases(cls)
    if any(base in _TEXTS[1:] for base in bases):
        return Const(name.lower())
    names = [n for n in cls.slots if isinstance(n, str) and not n.startswith("_")]
    alone = all(isinstance(v := forced(cls.slots[n]), BagV) and v.kind == AUTO for n in names)
    reason = Undecided(Why.RUNTIME, f"the value of {cls.name}.{name}")
    numbered = alone and bases in (["enum.Enum"], ["enum.IntEnum"])
    return Const(names.index(name) + 1) if numbered else Unknown(reason, ("auto", id(cls), name))


def enum_by_name(run: Run, cls: ClassV, name: Value) -> Value | None:
    """The member of an enumeration that has a name; None for other classes."""
    if not is_enum(cls):
        return None
    text = name.value if isinstance(name, Const) else None
    found = class_attribute(run, cls, text, None) if isinstance(text, str) and text in cls.slots else None
    if found is not None or not isinstance(name, Unknown):
        return found or run.state.fresh(Why.RUNTIME, f"a member of {cls.name}")
    return Unknown(name.reason, ("member", id(cls), name.key))


def enum_members(run: Run, cls: ClassV) -> tuple[Value, ...]:
    if not is_enum(cls):
        return ()
    given = {n: forced(v) for n, v in list(cls.slots.items()) if isinstance(n, str)}
    members = {n: raw for n, raw in given.items() if _is_member(n, raw)}
    # Two names of one value are one member.
    return tuple(dict.fromkeys(enum_member(run, cls, name, raw) for name, raw in members.items()))


def _is_member(name: str, raw: Value) -> bool:
    """Whether what an enumeration calls by a name is one of its members."""
    method = isinstance(raw, FuncV) or (isinstance(raw, BagV) and raw.kind == PROPERTY)
    return not method and not name.startswith("_")


RECORD = "record"
"""The kind of bag that ``collections.namedtuple()`` gives."""
NAMED = "namedtuple"
"""The kind of bag that calling one of those gives."""
DATA = "$data"
"""In an instance of a class that derives from dict, list or a named tuple: the one that it is."""


def is_record(cls: ClassV) -> bool:
    """Whether a constructor is generated from annotated fields."""
    own = any(d in _RECORDS for c in resolution_order(cls) for d in c.decorators)
    return own or is_named(cls) or any(base in _RECORD_BASES for base in external_bases(cls))


def is_named(cls: ClassV) -> bool:
    """Whether a class derives from a ``collections.namedtuple()``, whose ``__new__`` sets the fields."""
    return any(_fields_of_base(base) for c in resolution_order(cls) for base in c.bases)


def _fields_of_base(base: Value) -> dict[str, Value | None]:
    """The fields of a ``namedtuple()``, each with its default."""
    if not isinstance(base, BagV) or base.kind != RECORD:
        return {}
    defaults = ((str(name), value) for name, value in base.slots.items())
    return {name: None if isinstance(value, Unknown) else value for name, value in defaults}


def is_named_tuple(cls: ClassV) -> bool:
    return is_named(cls) or "typing.NamedTuple" in external_bases(cls)


def set_items(instance: InstanceV) -> None:
    """Note the tuple that a named tuple is, once its fields are set."""
    instance.slots[DATA] = TupleV(tuple(instance.slots[name] for name in record_fields(instance.cls)))


def items_of_named(value: Value) -> TupleV | None:
    """The tuple that a named tuple is; None for other values."""
    if isinstance(value, InstanceV):
        held = value.slots.get(DATA)
        return held if isinstance(held, TupleV) else None
    return TupleV(tuple(value.slots.values())) if isinstance(value, BagV) and value.kind == NAMED else None


def compares_by_content(cls: ClassV) -> bool:
    """Whether an instance may be equal to what it is not, by what it holds: ``class Config(dict)``."""
    bases = external_bases(cls)
    return any(base.startswith("builtins.") and base != "builtins.object" for base in bases)


def _fields(cls: ClassV) -> dict[str, Value | None]:
    fields: dict[str, Value | None] = {}
    for c in reversed(resolution_order(cls)):
        for base in c.bases:
            fields.update(_fields_of_base(base))
        fields.update(dict(c.fields))
    return fields


def record_fields(cls: ClassV) -> list[str]:
    """The names of the fields of a dataclass or the like, in order."""
    return [*_fields(cls)] if is_record(cls) else []


def field_names(cls: ClassV) -> list[str] | None:
    """What the positional patterns of ``case Config(a, b)`` are for, None where it is not known."""
    found = find_member(cls, "__match_args__")
    if found is not None and isinstance(found[1], TupleV):
        names = [item.value for item in found[1].items if isinstance(item, Const)]
        return names if len(names) == len(found[1].items) else None
    return record_fields(cls) if is_record(cls) else None


def fill_record(run: Run, instance: InstanceV, args: Args) -> None:
    """Set the fields of a dataclass, NamedTuple or pydantic model."""
    fields = _fields(instance.cls)
    for (name, default), index in zip(fields.items(), range(len(fields)), strict=True):
        value = args.get(index, name)
        if value is None and args.double is not None and not is_unmade(args.double):
            value = Unknown(args.double.reason, ("argument", args.double.key, name))
        if value is None:
            value = _default_of(run, default)
        if value is None:
            value = args.double or run.state.fresh(Why.PARAMETER, f"field {name} of {instance.cls.name}")
        run.state.write(instance, name, value)
    if is_named_tuple(instance.cls):
        set_items(instance)


def _default_of(run: Run, default: Value | None) -> Value | None:
    """The default of a field; a factory is called for each instance."""
    if isinstance(default, BagV) and default.kind == "field":
        factory = default.slots.get("default_factory")
        return run.call(factory, Args(), None) if factory is not None else default.slots.get("default")
    return default


def enum_by_value(run: Run, cls: ClassV, value: Value) -> Value:
    """``Kind("binary")``: the member that has a value."""
    for member in enum_members(run, cls):
        raw = member.slots["value"] if isinstance(member, InstanceV) else None
        if raw is not None and _same(raw, value):
            return member
    return value if isinstance(value, Unknown) else run.state.fresh(Why.RUNTIME, f"a member of {cls.name}")
