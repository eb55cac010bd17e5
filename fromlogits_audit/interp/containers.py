"""Methods of lists and tuples, through the journal; those of dicts are in :mod:`dicts`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp import attribute_dicts, dicts, sets
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.dicts import copied, rewrite
from fromlogits_audit.interp.equality import contains, equal
from fromlogits_audit.interp.items import (
    MAX_PLACES,
    a_set,
    get_item,
    is_at,
    one_of,
    options_of,
    part_of,
    sequence,
    spread,
    thinned,
)
from fromlogits_audit.interp.ordering import counted, ordered
from fromlogits_audit.interp.values import (
    ALWAYS,
    NONE,
    Args,
    Choice,
    Const,
    DictV,
    ListV,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def _sequence(change: Callable[[TupleV], Value]) -> Callable[[Value], Value]:
    return lambda content: change(content) if isinstance(content, TupleV) else content


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
    options = options_of(run, args.positional[0]) if args.positional else [(ALWAYS, TupleV(()))]

    def longer(content: TupleV, more: TupleV | Unknown) -> TupleV:
        if isinstance(more, Unknown):
            return TupleV((*content.items, more), True)
        return sequence(content.items + more.items, content.open or more.open)

    rewrite(run, target, _sequence(lambda c: choose([(guard, longer(c, more)) for guard, more in options])))
    return NONE


def _insert(run: Run, target: ListV, args: Args) -> Value:
    index, item = (*args.positional, NONE, NONE)[:2]
    if not isinstance(index, Const) or not isinstance(index.value, int):
        unknown = run.state.fresh(Why.RUNTIME, "a list into which something was put at an unknown index")
        rewrite(run, target, _sequence(lambda _: unknown))
        return NONE
    at = index.value
    rewrite(run, target, _sequence(lambda c: TupleV((*c.items[:at], item, *c.items[at:]), c.open)))
    return NONE


def _pop(run: Run, target: ListV, args: Args) -> Value:
    index = args.positional[0] if args.positional else Const(-1)
    result = get_item(run, target, index)
    at = index.value if isinstance(index, Const) and isinstance(index.value, int) else None

    def without(content: TupleV) -> Value:
        count = len(content.items)
        if at is not None:
            return _without(content, at % count) if -count <= at < count else content
        if content.open or not 0 < count <= MAX_PLACES:
            return run.state.fresh(Why.RUNTIME, "a list of which an unknown item was removed")
        return choose([(frozenset({(is_at(index, n), True)}), _without(content, n)) for n in range(count)])

    rewrite(run, target, _sequence(without))
    return result


def _without(content: TupleV, at: int) -> TupleV:
    return TupleV((*content.items[:at], *content.items[at + 1 :]), content.open)


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


def _remove(run: Run, target: ListV, args: Args, *, there: bool = True) -> Value:
    """``list.remove``. ``there``: it raises where there is no such item."""
    gone = args.positional[0] if args.positional else NONE
    which = run.state.fresh(Why.RUNTIME, "which item is removed")

    def without(content: TupleV) -> Value:
        same = [equal(item, gone) for item in content.items]
        first = same.index(True) if True in same else None
        may = [n for n, answer in enumerate(same[:first]) if answer is None]
        if len(may) > MAX_PLACES:
            return thinned(run, [(item, n not in may) for n, item in enumerate(content.items)])
        cases: list[Value] = [_without(content, n) for n in (*may, first) if n is not None]
        unchanged = [content] if not cases or (not there and first is None) else []
        return one_of((*cases, *unchanged), which)

    rewrite(run, target, _sequence(without))
    return NONE


def _mixed(run: Run, target: ListV, args: Args) -> Value:
    """Items came, went or changed places in a way that is not followed."""
    run.state.write(target, "items", run.state.fresh(Why.RUNTIME, "a list whose items changed places"))
    return NONE


_LIST: dict[str, Callable[[Run, ListV, Args], Value]] = {}
_LIST.update({"append": _append, "add": _add, "extend": _extend, "update": _unite, "insert": _insert})
_LIST.update({"pop": _pop, "clear": _clear, "reverse": _reverse, "sort": _sort, "remove": _remove})
_LIST.update({"popleft": _pop_left, "appendleft": _append_left})
_LIST["discard"] = partial(_remove, there=False)
_AT_ONE = frozenset({"insert", "pop", "remove", "discard"})
"""Methods whose first argument says which item comes or goes."""
_REORDERING = (
    "rotate",
    "extendleft",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
)
_LIST.update(dict.fromkeys(_REORDERING, _mixed))


def set_item(run: Run, target: Value, index: Value, value: Value) -> None:
    """``target[index] = value``."""
    if isinstance(target, DictV):
        dicts.set_entry(run, target, index, value)
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
        dicts.del_entry(run, target, index)


_SPECIAL = frozenset(("__getitem__", "__setitem__", "__delitem__", "__contains__", "__iadd__", "__ior__"))


def _special(run: Run, receiver: ListV | DictV | TupleV, name: str, given: tuple[Value, ...]) -> Value | None:
    """``items.__setitem__(index, value)``: what an operator does, called by its name."""
    if name == "__setitem__" and len(given) == 2:
        set_item(run, receiver, *given)
        return NONE
    if len(given) != 1:
        return None
    if name == "__getitem__":
        return get_item(run, receiver, given[0])
    if name == "__delitem__":
        del_item(run, receiver, given[0])
        return NONE
    if name == "__contains__":
        found = contains(given[0], receiver)
        return Const(found) if found is not None else None
    if isinstance(receiver, TupleV):
        return None
    longer = "extend" if name == "__iadd__" else "update"
    call_method(run, receiver, longer, Args(given), None)
    return receiver


def call_method(
    run: Run, receiver: ListV | DictV | TupleV, name: str, args: Args, place: Place | None
) -> Value | None:
    if name in _SPECIAL:
        return _special(run, receiver, name, args.positional)
    if isinstance(receiver, DictV):
        special = attribute_dicts.call_method(run, receiver, name, args)
        return special if special is not None else dicts.call_method(run, receiver, name, args)
    if name == "copy":
        return copied(run, receiver)
    if isinstance(receiver, ListV) and name in _LIST:
        if name in _AT_ONE and isinstance(args.get(0, ""), Choice):
            rows = [
                (guard, replace(args, positional=row))
                for guard, row in product(args.positional, run.state.guard)
            ]
            return run.state.fork(rows, partial(_LIST[name], run, receiver))
        return _LIST[name](run, receiver, args)
    if isinstance(receiver, ListV) and name in sets.METHODS and args.positional:
        return sets.call_method(run, receiver, name, args)
    if name in ("index", "count"):
        return counted(run, receiver, name, args)
    return None
