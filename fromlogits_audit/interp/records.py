"""Records: named tuples, and what ``dataclasses`` makes of its own."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import (
    DATA,
    NAMED,
    RECORD,
    is_record,
    items_of_named,
    own_method,
    record_fields,
    set_items,
)
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.iterables import Function
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    ClassV,
    Const,
    DictV,
    ExternalV,
    InstanceV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_NESTED = 4
"""Records within records that become dicts."""


# -- named tuples ------------------------------------------------------------------------------
def _maker(run: Run, args: Args, place: Place | None) -> Value | None:
    """A maker of records: fields in order, with defaults for the last ones."""
    names = args.get(1, "field_names")
    if isinstance(names, Const) and isinstance(names.value, str):
        names = TupleV(tuple(Const(name) for name in names.value.replace(",", " ").split()))
    items = spread(run, names) if names is not None else None
    if not isinstance(items, TupleV) or items.open:
        return None
    made = BagV(RECORD)
    defaults = spread(run, args.keywords["defaults"]) if "defaults" in args.keywords else TupleV(())
    given = defaults.items if isinstance(defaults, TupleV) else ()
    plain = [item.value for item in items.items if isinstance(item, Const)]
    for at, name in enumerate(plain):
        behind = at - (len(plain) - len(given))
        made.slots[str(name)] = (
            given[behind] if behind >= 0 else run.state.fresh(Why.PARAMETER, f"field {name}")
        )
    return made


def _typed_maker(run: Run, args: Args, place: Place | None) -> Value | None:
    """``NamedTuple("Head", [("units", int), ("act", str)])``."""
    pairs = spread(run, args.positional[1]) if len(args.positional) == 2 else None
    rows = [spread(run, pair) for pair in pairs.items] if isinstance(pairs, TupleV) else []
    names = tuple(row.items[0] for row in rows if isinstance(row, TupleV) and row.items)
    known = isinstance(pairs, TupleV) and not pairs.open and len(names) == len(pairs.items)
    return _maker(run, Args((NONE, TupleV(names))), place) if known else None


def make_named(maker: BagV, args: Args) -> BagV:
    """``Head(3, "softmax")``: a tuple whose items are attributes too."""
    fields = {str(name): value for name, value in maker.slots.items()}
    return BagV(NAMED, **{**fields, **args.bind(tuple(fields))})


def call_method(
    run: Run, receiver: BagV | InstanceV, name: str, args: Args, place: Place | None
) -> Value | None:
    """A method of a named tuple, or of what ``namedtuple()`` gives; None for others."""
    if name == "_make" and isinstance(receiver, BagV) and receiver.kind == RECORD and args.positional:
        row = spread(run, args.positional[0])
        return make_named(receiver, Args(row.items)) if isinstance(row, TupleV) and not row.open else None
    if name == "_replace":
        return replaced(run, Args((receiver,), args.keywords), place)
    if name == "_asdict" and items_of_named(receiver) is not None:
        items: dict[Hashable, tuple[Value, Value]] = {n: (Const(n), held) for n, held in named_in(receiver)}
        return DictV(items)
    return None


# -- records -----------------------------------------------------------------------------------
def named_in(value: InstanceV | BagV) -> list[tuple[str, Value]]:
    """The attributes of an object by their names."""
    return [(name, held) for name, held in value.slots.items() if isinstance(name, str) and name[:1] != "$"]


def _as_dict(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.asdict(config)``: fields that are records themselves become dicts too."""
    value = args.positional[0] if args.positional else NONE
    return _deep(value, MAX_NESTED) if isinstance(value, InstanceV) else None


def _deep(value: Value, depth: int) -> Value:
    if not isinstance(value, InstanceV) or not is_record(value.cls) or depth == 0:
        return value
    return DictV({name: (Const(name), _deep(held, depth - 1)) for name, held in named_in(value)})


def _as_tuple(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.astuple(config)``."""
    value = args.positional[0] if args.positional else NONE
    return _deep_tuple(value, MAX_NESTED) if isinstance(value, InstanceV) else None


def _deep_tuple(value: Value, depth: int) -> Value:
    if not isinstance(value, InstanceV) or not is_record(value.cls) or depth == 0:
        return value
    return TupleV(tuple(_deep_tuple(value.slots[name], depth - 1) for name in record_fields(value.cls)))


def _fields(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.fields(Config)``: of each its name."""
    value = args.positional[0] if args.positional else NONE
    cls = value.cls if isinstance(value, InstanceV) else value
    if not isinstance(cls, ClassV) or not is_record(cls):
        return None
    return TupleV(tuple(BagV("field", name=Const(name)) for name in record_fields(cls)))


def replaced(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.replace(obj, **changes)``."""
    source = args.positional[0] if args.positional else NONE
    if not isinstance(source, (InstanceV, BagV)):
        return None
    made = InstanceV(source.cls, place) if isinstance(source, InstanceV) else BagV(source.kind)
    made.slots.update(source.slots)
    made.slots.update(args.keywords)
    if isinstance(made, InstanceV) and DATA in source.slots:
        set_items(made)
    post = own_method(made.cls, "__post_init__") if isinstance(made, InstanceV) else None
    if post is not None:  # what it derives from the fields is derived anew
        run.call(BoundV(post, made), Args(), place)
    return made


RECORDS: dict[str, Function] = {
    "collections.namedtuple": _maker,
    "typing.NamedTuple": _typed_maker,
    "typing.TypedDict": lambda run, args, place: ExternalV("builtins.dict"),
    "dataclasses.replace": replaced,
    "dataclasses.asdict": _as_dict,
    "dataclasses.astuple": _as_tuple,
    "dataclasses.fields": _fields,
    "attr.asdict": _as_dict,
    "attrs.asdict": _as_dict,
    "attr.astuple": _as_tuple,
    "attrs.astuple": _as_tuple,
}
