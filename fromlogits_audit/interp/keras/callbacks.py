"""Callbacks: which metric those of Keras decide by, which model those of the program work for, and what is
saved by a ``ModelCheckpoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import external_bases
from fromlogits_audit.interp.equality import identity
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.values import NONE, Args, BagV, Const, InstanceV, ListV, TupleV, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_DECIDING = {
    "keras.callbacks.EarlyStopping": 0,
    "keras.callbacks.ReduceLROnPlateau": 0,
    "keras.callbacks.ModelCheckpoint": 1,
}
"""The position of ``monitor`` (keras.src.callbacks); left out it is the loss, which is no metric."""
_OWN = "keras.callbacks.Callback"
_KIND = "callback"
_CALLBACKS = 5
"""The position of ``callbacks`` in ``fit``."""


def make(name: str, args: Args) -> Value | None:
    """A callback that may watch a metric, None for other names."""
    if name not in _DECIDING:
        return None
    monitor = args.get(_DECIDING[name], "monitor")
    made = BagV(_KIND, monitor=monitor or NONE, short=Const(name.rpartition(".")[2]))
    path = args.get(0, "filepath")
    if name.endswith("Checkpoint") and path is not None:
        made.slots["path"] = path
    return made


def note(run: Run, model: Value, args: Args) -> None:
    """``fit`` is given callbacks: which metric of the model do they decide by?"""
    given = args.get(_CALLBACKS, "callbacks") or NONE
    for _, option in alternatives(given, run.state.guard):
        items = spread(run, option) if isinstance(option, (ListV, TupleV)) else TupleV((option,))
        for item in items.items if isinstance(items, TupleV) else ():
            if isinstance(item, BagV) and item.kind == _KIND:
                _note_one(run, model, item)
            elif isinstance(item, InstanceV) and _OWN in external_bases(item.cls):
                _set_model(run, model, item)


def _set_model(run: Run, model: Value, callback: InstanceV) -> None:
    """``fit`` tells a callback of the program which model it works for; which of several is not known."""
    before = callback.slots.get("model")
    several = before is not None and before is not model
    held = run.state.fresh(Why.RUNTIME, "the model of a callback of several") if several else model
    run.state.write(callback, "model", held)


def _note_one(run: Run, model: Value, callback: BagV) -> None:
    if "path" in callback.slots:
        run.saved[identity(callback.slots["path"])] = model
    for _, monitor in alternatives(callback.slots["monitor"], run.state.guard):
        short = callback.slots["short"]
        if isinstance(monitor, Const) and isinstance(monitor.value, str) and isinstance(short, Const):
            run.recorder.compiles.note_monitor(
                model, monitor.value, f'{short.value}(monitor="{monitor.value}")'
            )
