"""Dicts whose items are attributes as well: ``EasyDict``, ``CfgNode``, ``OmegaConf.create`` and their like.

They are dicts with a mark. What is merged into one from outside (a file, a command line) may be all of it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp import dicts
from fromlogits_audit.interp.choice import is_none, lift
from fromlogits_audit.interp.equality import dict_key
from fromlogits_audit.interp.items import content_of, get_item
from fromlogits_audit.interp.reflection import attributes_of
from fromlogits_audit.interp.values import (
    NAMESPACE,
    NONE,
    Args,
    BagV,
    Choice,
    Const,
    DictV,
    Entries,
    ListV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.iterables import Function
    from fromlogits_audit.interp.run import Run

MARK = "$attributes"
"""The slot of such a dict; true where it makes another one of what it has not (``cfg.model.head = ...``)."""
_GROWS = frozenset({"addict.Dict", "addict.addict.Dict", "dotmap.DotMap"})
_MAX_DEPTH = 20
_CHANGES_ITS_WAYS = frozenset({"box_dots", "camel_killer_box", "default_box", "default_box_attr"})
_HARMLESS = frozenset({"defrost", "freeze", "is_frozen", "lock", "set_new_allowed", "unlock", "unlocked"})
_COPIES = frozenset({"clone", "copy", "copy_and_resolve_references", "deepcopy"})
_PLAIN = frozenset({"as_dict", "toDict", "to_dict", "to_container"})
_METHODS = frozenset(name for name in dir(dict) if name[:1] != "_")


def _made(run: Run, args: Args, place: Place | None, *, grows: bool = False) -> Value | None:
    """A new one of a dict or of keywords; None where it is told to behave otherwise."""
    if not _CHANGES_ITS_WAYS.isdisjoint(args.keywords):
        return None
    fields = {key: value for key, value in args.keywords.items() if not key.endswith("_box")}
    given = args.positional[:1] if args.positional and not is_none(args.positional[0]) else ()
    plain = dicts.union(run, *given)
    dicts.update_items(run, plain, {key: (Const(key), value) for key, value in fields.items()})
    if args.double is not None:
        dicts.update(run, plain, args.double)
    return _of(run, plain, grows, _MAX_DEPTH)


def of_plain(run: Run, plain: DictV) -> Value:
    """Such a dict of another."""
    return _of(run, plain, False, _MAX_DEPTH)


def _of(run: Run, value: Value, grows: bool, depth: int) -> Value:
    """A value as it stands in one: the dicts in it are copied, and are such dicts too."""
    if depth == 0:
        return value
    inner = partial(_of, run, grows=grows, depth=depth - 1)
    if isinstance(value, Entries):
        items = {key: (name, inner(held)) for key, (name, held) in value.items.items()}
        return Entries(items, value.open)
    if isinstance(value, TupleV):
        return TupleV(tuple(map(inner, value.items)), value.open)
    if isinstance(value, (DictV, ListV)):
        made: DictV | ListV = DictV() if isinstance(value, DictV) else ListV()
        made.slots["items"] = lift(content_of(run, value), run.state.guard, inner)
        others = dicts.others_of(value)
        if others is not None:
            made.slots[dicts.OTHERS] = others
        return marked(made, grows) if isinstance(made, DictV) else made
    return value


def marked(value: DictV, grows: bool) -> DictV:
    value.slots[MARK] = Const(grows)
    return value


def _grows(base: DictV) -> bool:
    mark = base.slots.get(MARK)
    return isinstance(mark, Const) and mark.value is True


def attribute(run: Run, base: DictV, name: str) -> Value | None:
    """An item as an attribute; None for the methods of a dict."""
    content = content_of(run, base)
    there = isinstance(content, Entries) and dict_key(Const(name)) in content.items
    if not there and (name in _METHODS or _is_method(name)):
        return None
    if not there and _grows(base) and isinstance(content, Entries) and not content.open:
        dicts.set_entry(run, base, Const(name), marked(DictV(), True))
    found = get_item(run, base, Const(name))
    if isinstance(found, DictV) and MARK not in found.slots:
        run.state.write(found, MARK, base.slots[MARK])
    return found


def _is_method(name: str) -> bool:
    return name in _HARMLESS | _COPIES | _PLAIN or name.startswith(
        ("merge_from", "load", "from_", "update_from")
    )


def set_attribute(run: Run, base: DictV, name: str, value: Value) -> None:
    dicts.set_entry(run, base, Const(name), value)


def call_method(run: Run, base: DictV, name: str, args: Args) -> Value | None:
    """What such a dict can do beside what dicts do; None where it is a dict's method, or no such dict."""
    if MARK not in base.slots:
        return None
    if name in _HARMLESS:
        return NONE
    if name in _COPIES:
        return _of(run, base, _grows(base), _MAX_DEPTH)
    if name in _PLAIN:
        return _unmarked(run, base, _MAX_DEPTH)
    if name == "merge_from_list" and _is_empty(run, args):
        return NONE
    if name in ("update", "setdefaults") and args.positional:
        return _update(run, base, args.positional[0], args, over=name == "update")
    if name in ("merge_from_other_cfg", "merge_update") and args.positional:
        _merge(run, base, args.positional[0], _MAX_DEPTH)
        return NONE
    if name in _METHODS:
        return None
    _forget(run, base, _MAX_DEPTH)
    return run.state.fresh(Why.RUNTIME, f"method {name} of a configuration")


def _update(run: Run, base: DictV, given: Value, args: Args, *, over: bool) -> Value | None:
    """``update`` with a namespace or with options of its own; ``setdefaults`` keeps what is there."""
    if isinstance(given, BagV) and given.kind == NAMESPACE:
        given = attributes_of(run, given)
    if not over:
        given = dicts.union(run, given, base)
    fields = {key: value for key, value in args.keywords.items() if key != "allow_val_change"}
    return dicts.call_method(run, base, "update", replace(args, positional=(given,), keywords=fields))


def _is_empty(run: Run, args: Args) -> bool:
    content = content_of(run, args.positional[0]) if args.positional else NONE
    return isinstance(content, TupleV) and not content.items and not content.open


def _unmarked(run: Run, value: Value, depth: int) -> Value:
    if not isinstance(value, DictV) or depth == 0:
        return value
    content = content_of(run, value)
    if not isinstance(content, Entries):
        return dicts.copied(run, value)
    items = {key: (name, _unmarked(run, held, depth - 1)) for key, (name, held) in content.items.items()}
    return DictV(items, content.open)


def _merge(run: Run, target: DictV, source: Value, depth: int) -> None:
    """Take over the items of another one, those of the dicts in both one by one."""
    new, old = content_of(run, source), content_of(run, target)
    if not isinstance(new, Entries) or not isinstance(old, Entries) or new.open or depth == 0:
        _forget(run, target, depth)
        return
    for key, (name, value) in new.items.items():
        before = old.items.get(key, (name, NONE))[1]
        if isinstance(before, DictV) and isinstance(value, DictV):
            _merge(run, before, value, depth - 1)
        else:
            dicts.set_entry(run, target, name, _of(run, value, _grows(target), _MAX_DEPTH))


def _forget(run: Run, target: Value, depth: int) -> None:
    """All of it may be another value now."""
    if isinstance(target, Choice):
        for _, option in target.alternatives:
            _forget(run, option, depth)
    if not isinstance(target, DictV) or depth == 0:
        return
    content = content_of(run, target)
    for _, value in content.items.values() if isinstance(content, Entries) else ():
        _forget(run, value, depth - 1)
    run.state.write(
        target, "items", run.state.fresh(Why.RUNTIME, "a configuration that is merged with others")
    )


def _created(run: Run, args: Args, place: Place | None) -> Value | None:
    """``OmegaConf.create(...)``: of a dict or of nothing; what it looks up elsewhere is not known."""
    given = args.get(0, "obj") or DictV()
    made = _made(run, Args((given,)), place) if isinstance(given, DictV) or is_none(given) else None
    return made if made is None else _resolved(run, made, _MAX_DEPTH)


def _resolved(run: Run, made: Value, depth: int) -> Value:
    content = content_of(run, made)
    if not isinstance(made, DictV) or not isinstance(content, Entries) or depth == 0:
        looked_up = isinstance(made, Const) and isinstance(made.value, str) and "${" in made.value
        asked = looked_up or (isinstance(made, Const) and made.value == "???")
        return run.state.fresh(Why.RUNTIME, "a value that is looked up") if asked else made
    items = {key: (name, _resolved(run, value, depth - 1)) for key, (name, value) in content.items.items()}
    made.slots["items"] = Entries(items, content.open)
    return made


def _merged(run: Run, args: Args, place: Place | None) -> Value | None:
    """``OmegaConf.merge(a, b)``: a new one."""
    if not args.positional or args.star is not None or not all(isinstance(v, DictV) for v in args.positional):
        return None
    made = _of(run, args.positional[0], False, _MAX_DEPTH)
    for other in args.positional[1:]:
        if isinstance(made, DictV):
            _merge(run, made, other, _MAX_DEPTH)
    return made


def _plain_of(run: Run, args: Args, place: Place | None) -> Value | None:
    return _unmarked(run, args.positional[0], _MAX_DEPTH) if args.positional else None


def _given_nothing(run: Run, args: Args, place: Place | None) -> Value:
    """``OmegaConf.from_cli()``: a run without arguments happens."""
    return marked(DictV(), False)


_CLASSES = (
    *(
        "addict.Dict",
        "addict.addict.Dict",
        "attrdict.AttrDict",
        "box.Box",
        "dotmap.DotMap",
        "easydict.EasyDict",
    ),
    *("munch.Munch", "munch.munchify", "yacs.config.CfgNode"),
)
ATTRIBUTE_DICTS: dict[str, Function] = {
    **{name: partial(_made, grows=name in _GROWS) for name in _CLASSES},
    "omegaconf.OmegaConf.create": _created,
    "omegaconf.OmegaConf.merge": _merged,
    "omegaconf.OmegaConf.from_cli": _given_nothing,
    "omegaconf.OmegaConf.to_container": _plain_of,
    **{
        f"omegaconf.OmegaConf.{name}": lambda run, args, place: NONE
        for name in ("set_struct", "set_readonly")
    },
}
