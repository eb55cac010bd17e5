"""Methods of lists, tuples and dicts, through the journal."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import choose, lift
from fromlogits_audit.interp.equality import dict_key, equal
from fromlogits_audit.interp.items import MAX_PLACES, a_set, content_of, get_item, is_at, part_of, spread
from fromlogits_audit.interp.ordering import counted, ordered
from fromlogits_audit.interp.values import (
    NONE,
    TRUE,
    Args,
    Const,
    DictV,
    Entries,
    Guard,
    ListV,
    Obj,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
    sequence,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def rewrite(run: Run, target: ListV | DictV, change: Callable[[Value], Value]) -> None:
    """Replace the content by a function of it, alternative by alternative."""
    run.state.write(target, "items", lift(target.slots["items"], run.state.guard, change))


def _sequence(change: Callable[[TupleV], Value]) -> Callable[[Value], Value]:
    return lambda content: change(content) if isinstance(content, TupleV) else content


def copied(run: Run, value: Value) -> Value:
    made: ListV | DictV = ListV() if isinstance(value, (ListV, TupleV)) else DictV()
    made.slots["items"] = content_of(run, value)
    return made


def _append(run: Run, target: ListV, args: Args) -> Value:
    item = args.positional[0] if args.positional else NONE
    rewrite(run, target, _sequence(lambda c: sequence((*c.items, item), c.open)))
    return NONE


def _add(run: Run, target: ListV, args: Args) -> Value:
    """``set.add``."""
    return _unite(run, target, Args((TupleV(args.positional),)))


def _unite(run: Run, target: ListV, args: Args) -> Value:
    """``set.update``."""
    for more in args.positional:
        items = spread(run, more)
        new = items if isinstance(items, TupleV) else TupleV((items,), True)
        rewrite(run, target, _sequence(partial(_united, new)))
    return NONE


def _united(new: TupleV, content: TupleV) -> Value:
    return a_set(content.items + new.items, content.open or new.open).slots["items"]


def _extend(run: Run, target: ListV, args: Args) -> Value:
    more = spread(run, args.positional[0]) if args.positional else TupleV(())
    if isinstance(more, Unknown):
        rewrite(run, target, _sequence(lambda c: TupleV((*c.items, more), True)))
    else:
        rewrite(run, target, _sequence(lambda c: sequence(c.items + more.items, c.open or more.open)))
    return NONE


def _insert(run: Run, target: ListV, args: Args) -> Value:
    index, item = (*args.positional, NONE, NONE)[:2]
    if not isinstance(index, Const) or not isinstance(index.value, int):
        return _somewhere(run, target)
    at = index.value
    rewrite(run, target, _sequence(lambda c: TupleV((*c.items[:at], item, *c.items[at:]), c.open)))
    return NONE


def _somewhere(run: Run, target: ListV) -> Value:
    """An item came or went at an index that is not known: no item's place is known any more."""
    unknown = run.state.fresh(Why.RUNTIME, "a list that changed at an unknown index")
    rewrite(run, target, _sequence(lambda c: unknown if len(c.items) > 1 else TupleV(c.items, True)))
    return NONE


def _pop(run: Run, target: ListV, args: Args) -> Value:
    index = args.positional[0] if args.positional else Const(-1)
    result = get_item(run, target, index)
    if not isinstance(index, Const) or not isinstance(index.value, int):
        _somewhere(run, target)
        return result
    at = index.value

    def without(content: TupleV) -> TupleV:
        items = list(content.items)
        if -len(items) <= at < len(items):
            del items[at]
        return TupleV(tuple(items), content.open)

    rewrite(run, target, _sequence(without))
    return result


def _pop_left(run: Run, target: ListV, args: Args) -> Value:
    return _pop(run, target, Args((Const(0),)))


def _append_left(run: Run, target: ListV, args: Args) -> Value:
    return _insert(run, target, Args((Const(0), *args.positional)))


def _clear(run: Run, target: ListV, args: Args) -> Value:
    run.state.write(target, "items", TupleV(()))
    return NONE


def _reverse(run: Run, target: ListV, args: Args) -> Value:
    rewrite(run, target, _sequence(lambda c: TupleV(c.items[::-1], c.open)))
    return NONE


def _sort(run: Run, target: ListV, args: Args) -> Value:
    rewrite(run, target, _sequence(lambda content: ordered(run, content, args)))
    return NONE


def _remove(run: Run, target: ListV, args: Args) -> Value:
    gone = args.positional[0] if args.positional else NONE

    def without(content: TupleV) -> TupleV:
        for at, item in enumerate(content.items):
            same = equal(item, gone)
            if same is None:
                return TupleV(content.items, True)
            if same:
                return TupleV((*content.items[:at], *content.items[at + 1 :]), content.open)
        return content

    rewrite(run, target, _sequence(without))
    return NONE


def _mixed(run: Run, target: ListV, args: Args) -> Value:
    """Items came, went or changed places in a way that is not followed."""
    run.state.write(target, "items", run.state.fresh(Why.RUNTIME, "a list whose items changed places"))
    return NONE


_LIST: dict[str, Callable[[Run, ListV, Args], Value]] = {}
_LIST.update({"append": _append, "add": _add, "extend": _extend, "update": _unite, "insert": _insert})
_LIST.update({"pop": _pop, "clear": _clear, "reverse": _reverse, "sort": _sort, "remove": _remove})
_LIST.update({"popleft": _pop_left, "appendleft": _append_left, "discard": _remove})
_REORDERING = (
    "rotate",
    "extendleft",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
)
_LIST.update(dict.fromkeys(_REORDERING, _mixed))


def update_items(
    run: Run, target: DictV, items: dict[Hashable, tuple[Value, Value]], *, is_open: bool = False
) -> None:
    def merge(content: Value) -> Value:
        if not isinstance(content, Entries):
            return content
        return Entries({**content.items, **items}, content.open or is_open)

    rewrite(run, target, merge)
    owner = target.slots.get(OWNER)
    if isinstance(owner, Obj):
        for key, (_, value) in items.items():
            run.state.write(owner, key, value)


OWNER = "$owner"
"""In the dict that ``vars(owner)`` gives: whose attributes change with it."""


def update(run: Run, target: DictV, source: Value) -> None:
    """``dict.update`` with another dict or a sequence of pairs."""
    content = content_of(run, source)
    if isinstance(content, Entries):
        update_items(run, target, content.items, is_open=content.open)
        return
    pairs = spread(run, content) if isinstance(content, TupleV) else None
    if pairs is None:
        _overwritten(run, target, content)
        return
    items: dict[Hashable, tuple[Value, Value]] = {}
    is_open = not isinstance(pairs, TupleV) or pairs.open
    for pair in pairs.items if isinstance(pairs, TupleV) else ():
        key = dict_key(pair.items[0]) if isinstance(pair, TupleV) and len(pair.items) == 2 else None
        if key is None or not isinstance(pair, TupleV):
            is_open = True
        else:
            items[key] = (pair.items[0], pair.items[1])
    update_items(run, target, items, is_open=is_open)


def _overwritten(run: Run, target: DictV, source: Value) -> None:
    """An update with a dict that is not known: every value may be another one now."""
    unknown = run.state.fresh(Why.RUNTIME, "a value that an update with an unknown dict may have replaced")
    reason = source.reason if isinstance(source, Unknown) else unknown.reason
    kept: Guard = frozenset({(("updated", unknown.key), False)})
    replaced: Guard = frozenset({(("updated", unknown.key), True)})

    def change(content: Value) -> Value:
        if not isinstance(content, Entries):
            return content
        items = {
            key: (name, choose([(kept, value), (replaced, Unknown(reason, ("updated", unknown.key, key)))]))
            for key, (name, value) in content.items.items()
        }
        return Entries(items, True)

    rewrite(run, target, change)


def set_item(run: Run, target: Value, index: Value, value: Value) -> None:
    """``target[index] = value``."""
    if isinstance(target, DictV):
        key = dict_key(index)
        if key is None:
            update_items(run, target, {}, is_open=True)
        else:
            update_items(run, target, {key: (index, value)})
    elif isinstance(target, ListV) and isinstance(index, SliceV):
        more = spread(run, value)
        _replace_part(run, target, index, more if isinstance(more, TupleV) else None)
    elif isinstance(target, ListV):
        at = index.value if isinstance(index, Const) and isinstance(index.value, int) else None

        def replaced(content: TupleV) -> TupleV:
            if at is None and 0 < len(content.items) <= MAX_PLACES and not content.open:
                return _replaced_somewhere(content, index, value)
            if at is None or not -len(content.items) <= at < len(content.items):
                return TupleV(content.items, True)
            items = list(content.items)
            items[at] = value
            return TupleV(tuple(items), content.open)

        rewrite(run, target, _sequence(replaced))


def _replaced_somewhere(content: TupleV, index: Value, value: Value) -> TupleV:
    """Each item is the new one where the index is its own, as reading at that index has it."""
    keys = [is_at(index, n) for n in range(len(content.items))]
    items = [
        choose([(frozenset({(key, True)}), value), (frozenset({(key, False)}), old)])
        for key, old in zip(keys, content.items, strict=True)
    ]
    return TupleV(tuple(items))


def _replace_part(run: Run, target: ListV, part: SliceV, items: TupleV | None) -> None:
    """``target[1:] = items``. What is left is not known where either of them is not."""
    bounds = part_of(part)
    unknown = run.state.fresh(Why.RUNTIME, "a list of which an unknown part was replaced")

    def change(content: Value) -> Value:
        if not isinstance(content, TupleV) or items is None or content.open or bounds is None:
            return unknown
        changed = list(content.items)
        try:
            changed[bounds] = items.items
        except ValueError:  # a step, and another number of items
            return unknown
        return sequence(tuple(changed), items.open)

    rewrite(run, target, change)


def del_item(run: Run, target: Value, index: Value) -> None:
    if isinstance(target, ListV) and isinstance(index, SliceV):
        _replace_part(run, target, index, TupleV(()))
    elif isinstance(target, ListV):
        _pop(run, target, Args((index,)))
    elif isinstance(target, DictV):
        key = dict_key(index)

        def without(content: Value) -> Value:
            if not isinstance(content, Entries):
                return content
            return Entries({k: v for k, v in content.items.items() if k != key}, content.open)

        rewrite(run, target, without)


def call_method(
    run: Run, receiver: ListV | DictV | TupleV, name: str, args: Args, place: Place | None
) -> Value | None:
    if isinstance(receiver, DictV):
        return _dict_method(run, receiver, name, args)
    if name == "copy":
        return copied(run, receiver)
    if isinstance(receiver, ListV) and name in _LIST:
        return _LIST[name](run, receiver, args)
    if name in ("index", "count"):
        return counted(run, receiver, name, args)
    return None


def _dict_method(run: Run, receiver: DictV, name: str, args: Args) -> Value | None:
    content = content_of(run, receiver)
    if name in ("get", "pop", "setdefault"):
        return _get(run, receiver, content, name, args)
    if name in ("items", "values", "keys"):
        return lift(content, run.state.guard, lambda c: _view(run, c, name))
    if name == "update":
        if args.positional:
            update(run, receiver, args.positional[0])
        update_items(
            run,
            receiver,
            {k: (Const(k), v) for k, v in args.keywords.items()},
            is_open=args.double is not None,
        )
        return NONE
    if name == "copy":
        return copied(run, receiver)
    if name == "popitem":
        return _popped(run, receiver, content)
    if name == "move_to_end" and args.positional:
        value = get_item(run, receiver, args.positional[0])
        del_item(run, receiver, args.positional[0])
        return _at_the_end(run, receiver, args.positional[0], value, args.get(1, "last") or TRUE)
    return None


def _popped(run: Run, target: DictV, content: Value) -> Value:
    """``dict.popitem()``: the last item."""
    if isinstance(content, Entries) and content.items and not content.open:
        key, value = list(content.items.values())[-1]
        del_item(run, target, key)
        return TupleV((key, value))
    unknown = run.state.fresh(Why.RUNTIME, "an item of a dict")
    run.state.write(target, "items", unknown)
    return unknown


def _at_the_end(run: Run, target: DictV, index: Value, value: Value, last: Value) -> Value:
    """An item of a dict at its end, or its beginning."""
    key = dict_key(index)
    entry = {key: (index, value)} if key is not None else {}
    at_end = isinstance(last, Const) and bool(last.value)

    def change(content: Value) -> Value:
        if not isinstance(content, Entries):
            return content
        items = {**content.items, **entry} if at_end else {**entry, **content.items}
        return Entries(items, content.open or key is None)

    rewrite(run, target, change)
    return NONE


def _view(run: Run, content: Value, name: str) -> Value:
    if not isinstance(content, Entries):
        return run.state.fresh(Why.CONDITION, "a dict")
    rows = content.items.values()
    if name == "items":
        return TupleV(tuple(TupleV((k, v)) for k, v in rows), content.open)
    return TupleV(tuple(k if name == "keys" else v for k, v in rows), content.open)


def _get(run: Run, receiver: DictV, content: Value, name: str, args: Args) -> Value:
    index = args.positional[0] if args.positional else NONE
    default = args.get(1, "default") or NONE

    def read(entries: Value) -> Value:
        key = dict_key(index)
        if isinstance(entries, Entries) and key is not None and key not in entries.items:
            return default
        return get_item(run, receiver, index)

    value = lift(content, run.state.guard, read)
    if name == "pop":
        del_item(run, receiver, index)
    if name == "setdefault":
        set_item(run, receiver, index, value)
    return value
