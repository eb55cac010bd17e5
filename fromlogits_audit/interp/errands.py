"""Errands: calls of code that has nothing to do with Keras, a logger or a download, in a program that has.

Such a call has a budget of its own, so that what it takes is not missing where the model is built. It is the
program's own again as soon as it makes something of Keras or enters code that names it. One that spends its
budget has no known result, and whatever it could have changed is not known either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fromlogits_audit.interp.keras_values import LayerV, LossV, MetricV, ModelV, TensorV
from fromlogits_audit.interp.recursion import held
from fromlogits_audit.interp.state import PATIENCE, Frame, State
from fromlogits_audit.interp.values import (
    NAMESPACE,
    Args,
    BagV,
    BoundV,
    ClassV,
    DictV,
    ExternalV,
    FuncCore,
    FuncV,
    InstanceV,
    ListV,
    ModuleV,
    Obj,
    PartialV,
    PendingV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_ERRANDS = PATIENCE
"""Statements that all errands of a module may take together. One takes up to half of what is left, or what it
needs of a quarter of what the program itself has left."""
LEAST = 300
"""What the preparation of data may take all the same: it is the program's own budget then."""
_MAX_GIVEN = 200
"""Objects that an errand may be given, those in others included."""
_MAX_KEPT = 5_000
"""The same for all that such code keeps."""
_KERAS = (TensorV, LayerV, LossV, MetricV, ModelV)
_DEFINED = (FuncV, BoundV, PartialV, ClassV, ModuleV, ExternalV, PendingV)


class Errand:
    """What the program may spend itself, while it runs on an errand; over once that is its business again."""

    __slots__ = ("is_over", "limit", "withheld")

    def __init__(self, limit: int, withheld: int) -> None:
        self.limit, self.withheld, self.is_over = limit, withheld, False


@contextmanager
def _budget(state: State, limit: int) -> Iterator[Errand]:
    """So many statements for a call, as long as it is an errand."""
    state.outer = errand = Errand(state.limit, state.withheld)
    state.limit, state.withheld = min(state.limit, state.steps + limit), 0
    try:
        yield errand
    finally:
        if state.outer is errand:
            state.limit, state.withheld, state.outer = errand.limit, errand.withheld, None


def is_errand(run: Run, core: FuncCore, args: Args, receiver: Value | None) -> bool:
    """Whether a call leaves a program of Keras for code without, and gives it nothing of Keras."""
    state = run.state
    if state.outer is not None or not core.module.is_apart or state.running is None or state.running.is_apart:
        return False
    given = args.all() if receiver is None else (*args.all(), receiver)
    reached = list(_reached(given, _MAX_GIVEN))
    return len(reached) < _MAX_GIVEN and not any(map(_is_of_keras, reached))


def _is_of_keras(value: Value) -> bool:
    """Whether a value is of Keras, or leads to code of the project that may be."""
    if isinstance(value, (FuncV, BoundV)):
        core = value.core if isinstance(value, FuncV) else value.func.core
        return not core.module.is_apart
    if isinstance(value, (ClassV, InstanceV)):
        cls = value.cls if isinstance(value, InstanceV) else value
        return not cls.module.is_apart
    if isinstance(value, ModuleV):
        return not value.module.is_apart
    if isinstance(value, ExternalV):
        return value.name.startswith(("keras", "tf"))
    return isinstance(value, (PartialV, *_KERAS))


def _reached(values: Iterable[Value], limit: int) -> Iterator[Value]:
    """Values and what they hold, the nearest first, up to so many."""
    pending = list(values)
    seen: set[int] = set()
    for value in pending:
        if len(seen) >= limit:
            return
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if not isinstance(value, ClassV):
            pending.extend(held(value))


def go(run: Run, core: FuncCore, given: tuple[Value, ...], call: Callable[[], Value]) -> Value:
    """Run a call as an errand."""
    state, module = run.state, run.state.running
    assert module is not None
    before, left = state.steps, MAX_ERRANDS - module.errands
    with _budget(state, max(left // 2, (state.limit - before) // 4)) as errand:
        result = call()
    if errand.is_over:
        return result
    taken = min(state.steps - before, left)
    module.errands += taken
    state.steps -= taken
    if not state.cut or state.steps > state.limit:
        return result
    core.left_out = True
    unknown = state.fresh(Why.LIMIT, f"{core.name} is too long to follow")
    state.cut = not _forget(run, given, unknown)
    return unknown


def prepare(run: Run, call: Callable[[], Value]) -> Value | None:
    """Run what prepares data: no model depends on it. None where it spends what errands may."""
    state, module = run.state, run.state.running
    if state.cut or module is None:
        return call()
    before, left = state.steps, MAX_ERRANDS - module.errands
    limit = before + max(left // 2, LEAST)
    with state.within(limit if left > 0 else min(limit, state.limit)):
        result = call()
        spent = state.cut
    if left > 0:
        module.errands += state.steps - before
        state.steps = before
    return None if spent else result


def _forget(run: Run, given: tuple[Value, ...], unknown: Unknown) -> bool:
    """Let everything be unknown that code without Keras may have changed; False where that is too much."""
    frames = [m.frame for m in run.modules.all() if m.frame is not None and m.is_apart]
    classes = [cls for cls in run.classes if cls.module.is_apart]
    holders: list[Frame | Obj] = [*frames, *classes]
    kept = [
        (holder, key) for holder in holders for key, value in holder.slots.items() if _is_data(key, value)
    ]
    values = [*given, *(holder.slots[key] for holder, key in kept)]
    reached = list(_reached(values, _MAX_KEPT))
    if len(reached) >= _MAX_KEPT or any(map(_is_of_a_model, reached)):
        return False
    changed = [value for value in reached if isinstance(value, Obj) and _is_mutable(value)]
    kept += [(value, key) for value in changed for key in value.slots]
    for holder, key in kept:
        run.state.write(holder, key, unknown)
    return True


def _is_of_a_model(value: Value) -> bool:
    """Whether a value may be changed, or leads to what may, and is of Keras: arrays of data are not."""
    if isinstance(value, TensorV):
        return value.layer is not None or value.final is not None
    return isinstance(value, _KERAS)


def _is_data(key: object, value: Value) -> bool:
    """Whether a variable of a module or class holds no definition, which stays what it is."""
    return isinstance(key, str) and key[:1] != "$" and not isinstance(value, (*_DEFINED, BagV))


def _is_mutable(value: Obj) -> bool:
    own = isinstance(value, InstanceV) and value.cls.module.is_apart
    return own or isinstance(value, (ListV, DictV)) or (isinstance(value, BagV) and value.kind == NAMESPACE)
