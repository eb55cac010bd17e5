"""``copy.copy`` and ``copy.deepcopy``: what is changed in the copy leaves the other as it is."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from fromlogits_audit.interp.dicts import OWNER
from fromlogits_audit.interp.keras_values import LayerV, TensorV
from fromlogits_audit.interp.values import (
    Args,
    Choice,
    ClassV,
    DictV,
    Entries,
    InstanceV,
    Obj,
    Place,
    TupleV,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_OBJECTS = 5_000
"""Parts of one object that are copied; what is beyond is shared."""


def shallow(run: Run, args: Args, place: Place | None) -> Value | None:
    """``copy.copy(x)``: the same parts in another whole."""
    value = args.get(0, "x")
    own = run.call_special(value, "__copy__", (), place) if value is not None else None
    return own if own is not None or not _is_whole(value) else _twin(value)


def deep(run: Run, args: Args, place: Place | None) -> Value | None:
    """``copy.deepcopy(x)``: every part made anew, once."""
    value = args.get(0, "x")
    own = run.call_special(value, "__deepcopy__", (DictV(),), place) if value is not None else None
    return own if own is not None or value is None else _deep(value, {})


def _is_whole(value: Value | None) -> TypeGuard[Obj]:
    return isinstance(value, Obj) and not isinstance(value, ClassV)


def _twin(value: Obj) -> Obj:
    made = copy.copy(value)
    made.slots = {key: part for key, part in value.slots.items() if key != OWNER}
    if isinstance(made, InstanceV):
        made.cls.instances.append(made)
    return made


def _deep(value: Value, done: dict[int, Value]) -> Value:
    if id(value) in done or len(done) > MAX_OBJECTS:
        return done.get(id(value), value)
    made = value
    if isinstance(value, TupleV):
        made = TupleV(tuple(_deep(item, done) for item in value.items), value.open)
    elif isinstance(value, Entries):
        made = Entries({k: (key, _deep(v, done)) for k, (key, v) in value.items.items()}, value.open)
    elif isinstance(value, Choice):
        made = Choice(tuple((guard, _deep(v, done)) for guard, v in value.alternatives))
    elif isinstance(value, TensorV) and value.layer is not None:
        layer, parents = _deep(value.layer, done), tuple(_deep(parent, done) for parent in value.parents)
        made = replace(value, layer=layer, parents=parents) if isinstance(layer, LayerV) else value
    elif _is_whole(value):
        made = done[id(value)] = twin = _twin(value)
        twin.slots = {key: _deep(part, done) for key, part in value.slots.items()}
    done[id(value)] = made
    return made
