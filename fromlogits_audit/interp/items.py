"""Subscripts, unpacking and iteration."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.choice import alternatives, choose, compatible, lift, product
from fromlogits_audit.interp.classes import DATA as DATA
from fromlogits_audit.interp.classes import items_of_named, own_method
from fromlogits_audit.interp.equality import dict_key, identity
from fromlogits_audit.interp.keras_values import ModelV, TensorV
from fromlogits_audit.interp.raising import doubt_builtin
from fromlogits_audit.interp.values import (
    ALWAYS,
    NONE,
    Args,
    BagV,
    BoundV,
    Choice,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    Guard,
    InstanceV,
    IterV,
    ListV,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_ITEMS = 4096
"""A sequence that grows beyond this is one of unknown length: its first items and the last are kept."""
MAX_PLACES = 8
"""Items of a sequence that are told apart where the index is not known."""


SET = "$set"
"""In a list that is a set: one that is not may be an array of numbers as well."""
FACTORY = "$factory"
"""In a defaultdict: what makes the value of a key that is not there."""
WRITTEN_OF = "$of"
"""In the config of a layer, loss or model: what it was taken from."""


def sequence(items: tuple[Value, ...], open: bool = False) -> TupleV:
    """A sequence put together of others, bounded."""
    fits = len(items) <= MAX_ITEMS
    return TupleV(items, open) if fits else TupleV((*items[: MAX_ITEMS - 1], items[-1]), True)


def content_of(run: Run, value: Value) -> Value:
    """The content of a list or dict as it is now; other values as they are."""
    if type(value) is InstanceV and DATA in value.slots:
        value = value.slots[DATA]
    if isinstance(value, (ListV, DictV)):
        content = value.slots["items"]
        return choose(alternatives(content, run.state.guard)) if isinstance(content, Choice) else content
    return items_of_named(value) or value if type(value) is BagV else value


def get_item(run: Run, base: Value, index: Value) -> Value:
    """``base[index]`` over all alternatives."""
    rows = product([base, index], run.state.guard)
    return choose([(guard, _item(run, b, i)) for guard, (b, i) in rows])


def _item(run: Run, base: Value, index: Value) -> Value:
    content = content_of(run, base) if type(base) is not InstanceV else base
    if isinstance(content, Choice):
        return lift(content, run.state.guard, lambda c: _of_content(run, base, c, index))
    return _of_content(run, base, content, index)


def a_set(items: tuple[Value, ...], is_open: bool) -> ListV:
    """A set of some items: how many there are is known where all of them are."""
    keys = [dict_key(item) for item in items]
    if None in keys:
        made = ListV(items, is_open or len(items) > 1)
    else:
        made = ListV(tuple(dict(zip(keys, items, strict=True)).values()), is_open)
    made.slots[SET] = NONE
    return made


def _of_content(run: Run, base: Value, content: Value, index: Value) -> Value:
    if isinstance(content, TupleV):
        return _of_sequence(run, content, index, as_list=isinstance(base, ListV))
    if isinstance(content, Entries):
        return _of_dict(run, content, index, base)
    if isinstance(content, TensorV):
        return run.keras.index(run, content, index)
    if isinstance(content, Const):
        return _of_constant(run, content, index)
    if isinstance(content, IterV):
        return content.element
    if isinstance(content, BagV):
        key = dict_key(index)
        if key in content.slots:
            return content.slots[key]
    if isinstance(content, ClassV):
        of_meta = own_method(content.meta, "__getitem__") if content.meta is not None else None
        own = of_meta or own_method(content, "__class_getitem__")
        if own is not None:
            return run.call(BoundV(own, content), Args((index,)), None)
        member = run.enum_member(content, index)
        return member if member is not None else content
    if isinstance(content, InstanceV):
        special = run.call_special(content, "__getitem__", (index,), None)
        if special is not None:
            return special
        if DATA in content.slots:
            return _of_own(run, content, content.slots[DATA], index)
    if isinstance(content, ExternalV):
        if content.name.startswith(("typing.", "builtins.", "collections.")):
            return content
        return Unknown(
            Undecided(Why.RUNTIME, f"an item of {content.name}"), ("item", identity(content), identity(index))
        )
    return derived(run, content, index)


def _of_own(run: Run, instance: InstanceV, data: Value, index: Value) -> Value:
    """An item of an instance that is a dict or a list: ``__missing__`` gives what is not there."""
    content = content_of(run, data)
    key = dict_key(index)
    absent = (
        isinstance(content, Entries) and not content.open and key is not None and key not in content.items
    )
    answer = run.call_special(instance, "__missing__", (index,), None) if absent else None
    return answer if answer is not None else get_item(run, data, index)


def derived(run: Run, base: Value, index: Value) -> Value:
    """An item of something unknown: unknown for the same reason, with a key of its own."""
    if isinstance(base, Unknown):
        return Unknown(base.reason, ("item", base.key, identity(index)))
    return run.state.fresh(Why.UNSUPPORTED, "an item")


def _of_sequence(run: Run, content: TupleV, index: Value, *, as_list: bool) -> Value:
    if isinstance(index, SliceV):
        part = part_of(index)
        if part is None:
            some = _some_part(run, content, index)
            return ListV(some.items, True) if as_list else some
        items = content.items[part]
        return ListV(items, content.open) if as_list else TupleV(items, content.open)
    if isinstance(index, Const) and isinstance(index.value, int):
        if content.open:
            doubt_builtin(run, "IndexError")
        try:
            return content.items[index.value]
        except IndexError:
            if content.open and content.items:
                return content.items[-1]
            doubt_builtin(run, "IndexError")
            return run.state.fresh(Why.RUNTIME, "an index out of range")
    if content.items and not content.open and len(content.items) <= MAX_PLACES:
        doubt_builtin(run, "IndexError")
        return one_of(content.items, index)
    return run.state.fresh(Why.RUNTIME, "an item at an unknown index")


def _some_part(run: Run, content: TupleV, index: SliceV) -> TupleV:
    """A slice whose bounds are not known: it begins or ends where the whole does, if one is not given."""
    first, last = index.lower in (None, NONE), index.upper in (None, NONE)
    ends = len(content.items) - 1
    return thinned(
        run, [(item, (first and n == 0) or (last and n == ends)) for n, item in enumerate(content.items)]
    )


Terms = tuple[Guard, Guard]
"""What is assumed where something holds, and where it does not."""


def kept(run: Run, rows: Sequence[tuple[Value, Terms | None]], is_open: bool) -> Value:
    """Items of which some are there on terms (None: for certain), each selection a case while they are few.

    Where there may be more than these, some are taken to be there.
    """
    some = [(item, terms is None) for item, terms in rows]
    if is_open:
        return TupleV(thinned(run, some).items, True)
    cases: list[tuple[Guard, tuple[Value, ...]]] = [(ALWAYS, ())]
    for item, terms in rows:
        options = [(ALWAYS, (item,))] if terms is None else [(terms[0], (item,)), (terms[1], ())]
        cases = [
            (guard | more, (*items, *part))
            for guard, items in cases
            for more, part in options
            if compatible(guard, more)
        ]
        if len(cases) > MAX_PLACES:
            return thinned(run, some)
    return choose([(guard, TupleV(items)) for guard, items in cases])


def thinned(run: Run, rows: Sequence[tuple[Value, bool]]) -> TupleV:
    """Items of which those that are not sure may be missing: what stands between sure ones is any of them."""
    items = tuple(item for item, _ in rows)
    doubtful = [n for n, (_, sure) in enumerate(rows) if not sure]
    if not doubtful:
        return TupleV(items)
    begin, end = doubtful[0], doubtful[-1] + 1
    some, which = items[max(begin - 1, 0) : end + 1], run.state.fresh(Why.RUNTIME, "which items are left out")
    between = one_of(some, which) if len(some) <= MAX_PLACES else which
    return TupleV((*items[:begin], between, *items[end:]), True)


def one_of(items: tuple[Value, ...], index: Value) -> Value:
    """Whichever of a few items an index that is not known means."""
    return choose([(frozenset({(is_at(index, n), True)}), item) for n, item in enumerate(items)])


def is_at(index: Value, n: int) -> tuple[str, Hashable, Hashable]:
    """The condition that an index is ``n``."""
    return ("==", identity(index), identity(Const(n)))


def part_of(index: SliceV) -> slice | None:
    """A slice whose bounds are known."""
    bounds: list[Any] = [
        p.value if isinstance(p, Const) else "?" for p in (index.lower, index.upper, index.step)
    ]
    return slice(*bounds) if all(b is None or isinstance(b, int) for b in bounds) else None


def walked(source: TupleV) -> tuple[Value, ...]:
    """The items that a loop turns over: of one unknown that stands for many, one will do."""
    if not source.open:
        return source.items
    before = (None, *source.items)
    return tuple(item for item, last in zip(source.items, before, strict=False) if item is not last)


def each(source: Unknown, place: Place | None = None) -> Unknown:
    """What stands for every item of something that is not known."""
    return Unknown(source.reason, ("each", source.key), place)


def _of_dict(run: Run, content: Entries, index: Value, base: Value) -> Value:
    key = dict_key(index)
    if key is not None:
        if key in content.items:
            return content.items[key][1]
        factory = base.slots.get(FACTORY) if isinstance(base, DictV) else None
        if factory is not None and not content.open:
            made = run.call(factory, Args(), None)
            run.state.write(base, "items", Entries({**content.items, key: (index, made)}))
            return made
        if not content.open:
            doubt_builtin(run, "KeyError")
        let_go(run, base)
        return Unknown(
            Undecided(Why.RUNTIME, f"key {key!r} of a dict"), ("item", identity(base), identity(index))
        )
    if isinstance(base, DictV) and FACTORY in base.slots:
        run.state.write(base, "items", Entries(content.items, True))  # what was missing is there now
    elif content.items and not content.open and len(content.items) <= 12:
        doubt_builtin(run, "KeyError")
        return choose(
            [
                (frozenset({(("==", identity(index), identity(k)), True)}), item)
                for k, item in content.items.values()
            ]
        )
    return Unknown(
        Undecided(Why.RUNTIME, "a key that is not known"), ("item", identity(base), identity(index))
    )


def let_go(run: Run, base: Value) -> None:
    """The parts of a model's config are not known. Once one is in somebody's hands it may be changed, and
    the config is no longer that of the model."""
    if isinstance(base, DictV) and isinstance(base.slots.get(WRITTEN_OF), ModelV):
        reason = Undecided(Why.LOADED_MODEL, "get_config() of a model, of which parts were taken out")
        run.state.write(base, WRITTEN_OF, Unknown(reason, ("config", id(base))))


def _of_constant(run: Run, value: Const, index: Value) -> Value:
    key: Any = None
    if isinstance(index, Const):
        key = index.value
    elif isinstance(index, SliceV):
        parts = [p.value if isinstance(p, Const) else "?" for p in (index.lower, index.upper, index.step)]
        key = slice(*parts) if "?" not in parts else "?"
    try:
        return Const(value.value[key], value.place)
    except Exception:
        return run.state.fresh(Why.RUNTIME, "an item")


def spread(run: Run, value: Value) -> TupleV | Unknown:
    """The items that iterating over a value gives, as far as they are known.

    Something of unknown length gives an open sequence with one representative item.
    """
    content = content_of(run, value) if type(value) is not InstanceV else value
    if isinstance(content, Choice):
        options = [spread(run, v) for _, v in alternatives(content, run.state.guard)]
        known = [o for o in options if isinstance(o, TupleV)]
        if len(known) == len(options) and len({len(o.items) for o in known}) == 1:
            return _zipped(run, content, known)
        every = {id(item): (item, False) for o in known for item in o.items}
        return thinned(run, list(every.values())) if every else run.state.fresh(Why.CONDITION, "a sequence")
    if isinstance(content, TupleV):
        return content
    if isinstance(content, Entries):
        return TupleV(tuple(key for key, _ in content.items.values()), content.open)
    if isinstance(content, IterV):
        return content.items or TupleV((content.element,), True)
    if isinstance(content, Const) and isinstance(content.value, str):
        return TupleV(tuple(Const(c) for c in content.value[:64]), len(content.value) > 64)
    if isinstance(content, TensorV):
        return TupleV((run.keras.index(run, content, Const(0)),), True)
    if isinstance(content, ClassV):
        members = run.enum_members(content)
        if members:
            return TupleV(members)
    if isinstance(content, InstanceV):
        special = run.call_special(content, "__iter__", (), None)
        if special is not None and special is not value:
            return spread(run, special)
        if special is None and DATA in content.slots:
            return spread(run, content.slots[DATA])
    if isinstance(content, Unknown):
        return content
    return run.state.fresh(Why.RUNTIME, "an iteration")


def options_of(run: Run, value: Value) -> list[tuple[Guard, TupleV | Unknown]]:
    """What iterating over a value gives: several rows where it is a condition how many items there are."""
    content = content_of(run, value) if type(value) is not InstanceV else value
    if not isinstance(content, Choice):
        return [(ALWAYS, spread(run, value))]
    rows = [
        (guard | inner, row)
        for guard, option in alternatives(content, run.state.guard)
        for inner, row in options_of(run, option)
    ]
    lengths = {len(row.items) if isinstance(row, TupleV) else None for _, row in rows}
    return rows if len(lengths) > 1 and len(rows) <= MAX_PLACES else [(ALWAYS, spread(run, value))]


def _zipped(run: Run, content: Choice, options: list[TupleV]) -> TupleV:
    guards = [guard for guard, _ in alternatives(content, run.state.guard)]
    rows = zip(*(o.items for o in options), strict=True)
    items = tuple(choose(list(zip(guards, row, strict=True))) for row in rows)
    return TupleV(items, any(o.open for o in options))


def unpacked(run: Run, value: Value, count: int) -> list[Value]:
    """The values that a target list of ``count`` names gets."""
    content = content_of(run, value)
    if isinstance(content, Choice):
        rows = [(g, unpacked(run, v, count)) for g, v in alternatives(content, run.state.guard)]
        return [choose([(g, row[i]) for g, row in rows]) for i in range(count)]
    walked = isinstance(content, IterV) and content.items is not None
    if walked or isinstance(content, (TupleV, Entries, InstanceV)):
        sequence = spread(run, content)
        if isinstance(sequence, TupleV) and sequence.items:
            if len(sequence.items) >= count:
                return list(sequence.items[:count])
            filler = (
                sequence.items[-1] if sequence.open else run.state.fresh(Why.RUNTIME, "a value to unpack")
            )
            return [*sequence.items, *([filler] * (count - len(sequence.items)))]
    if isinstance(content, IterV):
        return [content.element] * count
    if isinstance(content, TensorV):
        return [run.keras.index(run, content, Const(i)) for i in range(count)]
    return [derived(run, content, Const(i)) for i in range(count)]
