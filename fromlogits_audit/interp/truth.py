"""Conditions: what is known of a value's truth, and what each branch may assume."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, compatible, lift
from fromlogits_audit.interp.classes import DATA, defines, external_bases
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.keys import begins
from fromlogits_audit.interp.outside import is_definition
from fromlogits_audit.interp.state import State
from fromlogits_audit.interp.values import (
    ALWAYS,
    Choice,
    Const,
    DictV,
    Entries,
    ExternalV,
    Guard,
    InstanceV,
    IterV,
    ListV,
    MethodV,
    SliceV,
    TupleV,
    Unknown,
    Value,
    plain,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Key = Hashable
_OF_VALUES = "tensor"
"""How the key of a condition begins that asks what a tensor holds."""


def condition(value: Value) -> tuple[Key, bool] | None:
    """The condition key of an unknown value, and whether it is negated."""
    if isinstance(value, ExternalV):
        return None if is_definition(value.name) else (("external", value.name), True)
    if isinstance(value, (TensorV, IterV, SliceV)):
        return ((_OF_VALUES, id(value)), True)
    if isinstance(value, (ListV, DictV, TupleV)):
        return (("size", id(value)), True)
    if isinstance(value, MethodV):
        # What is not called may be an attribute of which nothing is known.
        return (("attribute", id(value.receiver), value.name), True)
    if isinstance(value, InstanceV) and _has_size(value):
        return (("size", id(value)), True)
    if not isinstance(value, Unknown):
        return None
    key = value.key
    positive = True
    while isinstance(key, tuple) and len(key) == 2 and key[0] == "not":
        key, positive = key[1], not positive
    return (key, positive)


_SIZED = ("builtins.dict", "builtins.list", "builtins.set", "builtins.tuple", "collections.")


def _has_size(value: InstanceV) -> bool:
    """Whether an instance may be false, because it is empty or its class says so."""
    return defines(value, "__bool__", "__len__") or any(
        base.startswith(_SIZED) for base in external_bases(value.cls)
    )


def truth(state: State, value: Value) -> bool | None:
    """True or False where certain, None where not."""
    if isinstance(value, InstanceV):
        value = plain(value)
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Choice):
        answers = {truth(state, v) for _, v in alternatives(value, state.guard)}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(value, (ListV, DictV)):
        return _size(value.slots["items"])
    if isinstance(value, TupleV):
        return _size(value)
    found = condition(value)
    if found is None:
        return True
    assumed = state.assumed(found[0])
    return None if assumed is None else assumed == found[1]


def asked(run: Run, value: Value) -> Value:
    """What a condition asks: an instance says itself whether it is true, or what it holds does."""
    if type(value) is Choice and any(type(option) is InstanceV for _, option in value.alternatives):
        return lift(value, run.state.guard, lambda option: asked(run, option))
    if type(value) is not InstanceV:
        return value
    answer = run.call_special(value, "__bool__", (), None) or run.call_special(value, "__len__", (), None)
    if answer is None:
        return value.slots.get(DATA, value)
    known = truth(run.state, answer)
    return value if known is None else Const(known)


def _size(content: Value) -> bool | None:
    if isinstance(content, (TupleV, Entries)):
        return bool(content.items) or (None if content.open else False)
    return None


def conditions(state: State, value: Value) -> tuple[Guard, Guard]:
    """What may be assumed where the value is true, and where it is false.

    Where several alternatives lead to one side, only what they have in common.
    """
    yes: list[Guard] = []
    no: list[Guard] = []
    on_values = False
    for guard, option in alternatives(value, state.guard):
        known = truth(state, option)
        if known is not None:
            (yes if known else no).append(guard)
            continue
        found = condition(option)
        if found is None:
            yes.append(guard)
            no.append(guard)
            continue
        key, positive = found
        on_values = on_values or begins(key, _OF_VALUES)
        for side, holds in ((yes, True), (no, False)):
            extra = frozenset({(key, holds == positive)})
            if compatible(guard, extra):
                side.append(guard | extra)
    yes_, no_ = _shared(yes), _shared(no)
    if not compatible(yes_, no_):
        return yes_, no_
    # One of the branches runs, also where what they assume does not say so.
    key = state.fresh(Why.RUNTIME).key
    either = (_OF_VALUES, key) if on_values else key
    return yes_ | {(either, True)}, no_ | {(either, False)}


def rests_on_values(guard: Guard) -> bool:
    """Whether something is assumed about what a tensor holds: ``if p.max() > 1:``."""
    return any(begins(key, _OF_VALUES) for key, _ in guard)


def rests_on_shape(guard: Guard) -> bool:
    """Whether something is assumed about an unknown shape of a tensor: ``if K.ndim(x) == 2:``."""
    return any(_is_of_shape(key) for key, _ in guard)


def _is_of_shape(key: Hashable, depth: int = 4) -> bool:
    if not isinstance(key, tuple) or depth == 0:
        return False
    return key[:1] in (("shape",), ("size",)) or any(_is_of_shape(part, depth - 1) for part in key)


def _shared(guards: list[Guard]) -> Guard:
    return frozenset.intersection(*guards) if guards else ALWAYS
