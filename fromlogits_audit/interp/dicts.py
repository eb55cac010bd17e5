"""Dicts, through the journal: their methods, and the one way in which entries are merged."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from fromlogits_audit.interp.branches import Branch
from fromlogits_audit.interp.choice import alternatives, choose, lift, product
from fromlogits_audit.interp.equality import dict_key, identity
from fromlogits_audit.interp.items import MAX_PLACES, content_of, get_item, let_go, spread
from fromlogits_audit.interp.keys import FORMATTED, UNMADE, begins
from fromlogits_audit.interp.values import (
    ALWAYS,
    NONE,
    TRUE,
    Args,
    Choice,
    Const,
    DictV,
    Entries,
    Guard,
    IterV,
    ListV,
    ModuleV,
    Obj,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def rewrite(run: Run, target: ListV | DictV, change: Callable[[Value], Value]) -> None:
    """Replace the content by a function of it, alternative by alternative."""
    let_go(run, target)
    before = target.slots["items"]
    after = lift(before, run.state.guard, change)
    run.state.write(target, "items", after)
    if OWNER in target.slots and isinstance(before, Entries) and isinstance(after, Entries):
        _tell_owner(run, target.slots[OWNER], before, after)


def _tell_owner(run: Run, owner: Value, before: Entries, after: Entries) -> None:
    """What became of names that there were before; a setting may have any name, but no function's."""
    for key, (_, value) in before.items.items():
        _, new = after.items.get(key, (NONE, None))
        settled = isinstance(owner, ModuleV) and isinstance(new, Choice) and not isinstance(value, Const)
        if new is not value and not settled:
            _write_to(run, owner, key, new)


def _write_to(run: Run, owner: Value, key: Hashable, value: Value | None) -> None:
    """Set an attribute of what a dict is the attributes of, or delete it with None."""
    if isinstance(owner, Obj):
        run.state.write(owner, key, value)
    elif isinstance(owner, ModuleV) and owner.module.frame is not None:
        if key in owner.module.frame.slots:
            run.modules.settle()
        run.state.write(owner.module.frame, key, value)


def copied(run: Run, value: Value) -> Value:
    made: ListV | DictV = ListV() if isinstance(value, (ListV, TupleV)) else DictV()
    made.slots["items"] = content_of(run, value)
    return made


def update_items(
    run: Run, target: DictV, items: dict[Hashable, tuple[Value, Value]], *, is_open: bool = False
) -> None:
    def merge(content: Value) -> Value:
        if not isinstance(content, Entries):
            return content
        return Entries({**content.items, **items}, content.open or is_open)

    rewrite(run, target, merge)
    if OWNER in target.slots:
        for key, (_, value) in items.items():
            _write_to(run, target.slots[OWNER], key, value)


OWNER = "$owner"
"""In the dict that ``vars(owner)`` or ``globals()`` gives: whose attributes change with it."""


def update(run: Run, target: DictV, source: Value) -> None:
    """``dict.update`` with another dict or with pairs."""
    content = choose([(guard, content_of(run, one)) for guard, one in alternatives(source, run.state.guard)])
    if isinstance(content, Choice):
        content = lift(content, run.state.guard, lambda one: _entries_of(run, one))
        rewrite(run, target, lambda old: lift(content, run.state.guard, lambda new: _merged(run, old, new)))
        return
    if isinstance(content, Entries):
        others = others_of(source)
        if isinstance(others, Unknown):
            rewrite(run, target, lambda old: _merged(run, old, others))
        update_items(run, target, content.items, is_open=content.open)
        return
    pairs = spread(run, content) if isinstance(content, (TupleV, IterV)) else None
    items = _of_pairs(run, pairs.items if isinstance(pairs, TupleV) else (NONE,))
    if None in items or not isinstance(pairs, TupleV) or pairs.open:
        rewrite(run, target, lambda old: _merged(run, old, content))
        _, value = items.pop(None, (NONE, NONE))
        if value is not NONE:
            run.state.write(target, OTHERS, value)
    update_items(run, target, items)


def _entries_of(run: Run, content: Value) -> Value:
    """Pairs as the content of the dict that they make, where all keys are known."""
    pairs = spread(run, content) if isinstance(content, (TupleV, IterV)) else None
    if not isinstance(pairs, TupleV):
        return content
    items = _of_pairs(run, pairs.items)
    return content if None in items else Entries(items, pairs.open)


def union(run: Run, *parts: Value) -> DictV:
    """A new dict of others, the later over the earlier: ``{**a, **b}``, ``a | b``."""
    made = DictV()
    for part in parts:
        update(run, made, part)
    return made


def _of_pairs(run: Run, pairs: tuple[Value, ...]) -> dict[Hashable, tuple[Value, Value]]:
    """The entries that pairs make; those whose keys are not known are under None."""
    items: dict[Hashable, tuple[Value, Value]] = {}
    for pair in pairs:
        both = content_of(run, pair)
        known = isinstance(both, TupleV) and len(both.items) == 2
        key, value = both.items if isinstance(both, TupleV) and known else (NONE, NONE)
        items[dict_key(key) if known else None] = (key, value)
    return items


def _merged(run: Run, content: Value, new: Value) -> Value:
    """A dict's content after an update with another; with one that is not known, any value may be new."""
    if not isinstance(content, Entries):
        return content
    if isinstance(new, Entries):
        return Entries({**content.items, **new.items}, content.open or new.open)
    if isinstance(new, Unknown) and begins(new.key, UNMADE):
        return Entries(content.items, True)
    one = run.state.fresh(Why.RUNTIME, "a value that an update with an unknown dict may have replaced")
    reason = new.reason if isinstance(new, Unknown) else one.reason
    return _overwritten(content, one.key, lambda key: Unknown(reason, key))


def _overwritten(content: Entries, one: Hashable, new: Callable[[Hashable], Value]) -> Entries:
    """Something was set under a key that is not known: each value may be another one now."""
    kept, replaced = frozenset({(("updated", one), False)}), frozenset({(("updated", one), True)})
    items = {
        key: (name, choose([(kept, value), (replaced, new(("updated", one, key)))]))
        for key, (name, value) in content.items.items()
    }
    return Entries(items, True)


def set_entry(run: Run, target: DictV, index: Value, value: Value) -> None:
    """``target[index] = value``, for each key that the index may be."""

    def one(index: Value) -> None:
        key = dict_key(index)
        if key is not None:
            update_items(run, target, {key: (index, value)})
            return
        rewrite(run, target, lambda content: _set_somewhere(run, content, index, value))
        before = target.slots.get(OTHERS)
        others = [(frozenset({(("put", identity(index)), True)}), value), (ALWAYS, before)]
        run.state.write(target, OTHERS, value if before is None else choose([(g, v) for g, v in others if v]))

    _for_each(run, index, one)


def may_set(run: Run, target: DictV, index: Value, value: Value) -> None:
    """``target[index] = value`` under a condition that is not known."""
    one = ("set", run.state.fresh(Why.RUNTIME).key)
    with run.state.branch(frozenset({(one, True)})) as branch:
        set_entry(run, target, index, value)
    run.state.join([branch, Branch(frozenset({(one, False)}), {})])


def _for_each(run: Run, index: Value, action: Callable[[Value], None]) -> None:
    """Do what depends on a key under the assumptions of each of its alternatives."""
    if not isinstance(index, Choice):
        action(index)
        return
    branches = []
    for guard, option in alternatives(index, run.state.guard):
        with run.state.branch(guard) as branch:
            action(option)
        branches.append(branch)
    run.state.join(branches)


OTHERS = "$others"
"""In a dict: what was put under keys that are not known."""


def others_of(value: Value) -> Value | None:
    """What was put into a dict under keys that are not known, None where there is no such thing."""
    return value.slots.get(OTHERS) if isinstance(value, DictV) else None


def _set_somewhere(run: Run, content: Value, index: Value, value: Value) -> Value:
    """What stands under each key where the index may be that key.

    A name that is put together is more often made for something new beside the others.
    """
    if not isinstance(content, Entries):
        return content
    if not isinstance(index, Unknown) or begins(index.key, FORMATTED) or begins(index.key, "+"):
        return Entries(content.items, True)
    items = {}
    for key, (name, old) in content.items.items():
        same = ("==", identity(index), identity(name))
        pairs = [(frozenset({(same, True)}), value), (frozenset({(same, False)}), old)]
        items[key] = (name, choose(pairs))
    return Entries(items, True)


def del_entry(run: Run, target: DictV, index: Value, *, there: bool = True) -> None:
    """``del target[index]``. ``there``: it raises where there is no such entry."""

    def one(index: Value) -> None:
        key = dict_key(index)

        def without(content: Value) -> Value:
            if not isinstance(content, Entries):
                return content
            if key is None:
                return _without_some(content, index, there=there)
            return _without(content, key)

        rewrite(run, target, without)

    _for_each(run, index, one)


def _without(content: Entries, key: Hashable) -> Entries:
    return Entries({k: v for k, v in content.items.items() if k != key}, content.open)


def _without_some(content: Entries, index: Value, *, there: bool) -> Value:
    """A dict's content without the entry of a key that is not known."""
    if content.open or not 0 < len(content.items) <= MAX_PLACES:
        return Entries(content.items, True)
    equal = {key: ("==", identity(index), identity(name)) for key, (name, _) in content.items.items()}
    cases: list[tuple[Guard, Value]] = [
        (frozenset({(same, True)}), _without(content, key)) for key, same in equal.items()
    ]
    unchanged = [] if there else [(frozenset((same, False) for same in equal.values()), content)]
    return choose([*cases, *unchanged])


def call_method(run: Run, receiver: DictV, name: str, args: Args) -> Value | None:
    if name != "copy":
        let_go(run, receiver)
    content = content_of(run, receiver)
    if name in ("get", "pop", "setdefault"):
        return _get(run, receiver, content, name, args)
    if name in ("items", "values", "keys"):
        others = others_of(receiver)
        return lift(content, run.state.guard, lambda c: _view(run, c, name, others))
    if name == "update":
        if args.positional:
            update(run, receiver, args.positional[0])
        update_items(run, receiver, {k: (Const(k), v) for k, v in args.keywords.items()})
        if args.double is not None:
            update(run, receiver, args.double)
        return NONE
    if name == "copy":
        return copied(run, receiver)
    if name == "clear":
        run.state.write(receiver, "items", Entries({}))
        return NONE
    if name == "popitem":
        return _popped(run, receiver, content)
    if name == "move_to_end" and args.positional:
        value = get_item(run, receiver, args.positional[0])
        del_entry(run, receiver, args.positional[0])
        return _at_the_end(run, receiver, args.positional[0], value, args.get(1, "last") or TRUE)
    return None


def _popped(run: Run, target: DictV, content: Value) -> Value:
    """``dict.popitem()``: the last item."""
    if isinstance(content, Entries) and content.items and not content.open:
        key, value = list(content.items.values())[-1]
        del_entry(run, target, key)
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


def _view(run: Run, content: Value, name: str, others: Value | None) -> Value:
    if not isinstance(content, Entries):
        return run.state.fresh(Why.CONDITION, "a dict")
    rows = list(content.items.values())
    if others is not None:
        rows.append((run.state.fresh(Why.RUNTIME, "a key of a dict"), others))
    if name == "items":
        return TupleV(tuple(TupleV((k, v)) for k, v in rows), content.open)
    return TupleV(tuple(k if name == "keys" else v for k, v in rows), content.open)


def _get(run: Run, receiver: DictV, content: Value, name: str, args: Args) -> Value:
    index = args.positional[0] if args.positional else NONE
    default = args.get(1, "default") or NONE

    def read(entries: Value, index: Value) -> Value:
        key = dict_key(index)
        if not isinstance(entries, Entries) or key in entries.items:
            return get_item(run, receiver, index)
        others = others_of(receiver)
        if key is not None and others is not None:
            put = ("put", identity(index))
            return choose([(frozenset({(put, True)}), others), (frozenset({(put, False)}), default)])
        if key is not None or others is not None:
            return default if key is not None else get_item(run, receiver, index)
        keys = [("==", identity(index), identity(name)) for name, _ in entries.items.values()]
        found = get_item(run, receiver, index)
        return choose([(ALWAYS, found), (frozenset((key, False) for key in keys), default)])

    rows = product([content, index], run.state.guard)
    value = choose([(guard, read(*row)) for guard, row in rows])
    if name == "pop":
        del_entry(run, receiver, index, there=len(args.positional) < 2)
    if name == "setdefault":
        set_entry(run, receiver, index, value)
    return value
