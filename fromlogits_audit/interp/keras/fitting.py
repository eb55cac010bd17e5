"""The steps of a model's own run where ``fit`` runs them: with its data, and what was compiled last.

A model that is compiled and fitted again has given its outputs to the losses of every compile. Where no code
that is seen fits it, its steps run at the end of the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, is_none
from fromlogits_audit.interp.functions import invoke, parameters
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import steps
from fromlogits_audit.interp.keras.data import batch_of
from fromlogits_audit.interp.keras.labels import of_literal
from fromlogits_audit.interp.keras.models import outputs_of
from fromlogits_audit.interp.keras_values import LITERAL, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    TRUE,
    Args,
    Choice,
    Const,
    InstanceV,
    IterV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_TAKEN = {name: f"$taken {name}" for name in ("train_step", "test_step", "compute_loss")}
"""Slots of a model: that a step of its own has run since its last compile."""
_TIMES = "$times"
_WEIGHTS = ("sample_weight", "class_weight")
MAX_TIMES = 6
"""Steps that one model takes where it is fitted; what it takes later is left for the end."""
MAX_STEPS = 20_000
"""Statements that one of them may take. Where so many are not left, it runs at the end, with more."""


def compiled(run: Run, model: Value) -> None:
    """A model is compiled: its steps have not met that yet."""
    if isinstance(model, InstanceV):
        for slot in _TAKEN.values():
            if slot in model.slots:
                run.state.write(model, slot, None)


def has_taken(model: InstanceV, name: str) -> bool:
    """Whether a step of a model has run with what it was compiled with last."""
    return _TAKEN.get(name) in model.slots


def run_steps(run: Run, model: Value, method: str, args: Args, place: Place | None) -> None:
    """``fit`` and its like: the model's own steps run, each for the first time since it was compiled.

    Keras traces them then: what the program changes in the model later, they don't see.
    """
    left = run.state.limit + run.state.withheld - run.state.steps
    if not isinstance(model, InstanceV) or run.state.cut or left < MAX_STEPS:
        return
    for name, batch in _steps_of(run, method, args):
        if steps.own(model, name) is None:
            given = {"x": data_tensor(), "y": steps.labels_in(run, batch) or data_tensor(what="labels")}
            given["y_pred"] = outputs_of(run, model, place)
            _take(run, model, "compute_loss", given)
        else:
            _take(run, model, name, batch)


def _steps_of(run: Run, method: str, args: Args) -> Iterator[tuple[str, Value | None]]:
    """What a method calls, and the batch that it gives it, None where that is not known."""
    step = "test_step" if method in steps.EVALUATING else "train_step"
    whole = _batch(run, args.get(0, "x") or args.get(0, "generator"), args.get(1, "y"), args)
    yield step, whole
    for parameter in steps.HELD_OUT.get(method, ()):
        held = args.get(*parameter)
        if held is None or not steps.holds(run, held):
            continue
        if parameter[1] == "validation_split":
            yield "test_step", whole
        else:
            content = content_of(run, held)
            parts = content.items if isinstance(content, TupleV) and not content.open else ()
            x, y = parts if len(parts) == 2 else (held, None)
            yield "test_step", _batch(run, x, y, Args())


def _take(run: Run, model: InstanceV, name: str, given: Value | dict[str, Value] | None) -> None:
    step, before = steps.own(model, name), model.slots.get(_TIMES)
    times = before.value if isinstance(before, Const) else 0
    if step is None or has_taken(model, name) or times >= MAX_TIMES:
        return
    run.state.write(model, _TIMES, Const(times + 1))
    run.state.write(model, _TAKEN[name], TRUE)
    core = step.func.core
    names, entered = parameters(core), core.entered
    spent, run.state.loops = run.state.loops, {}  # its loops turn in full, whatever others had of them
    if isinstance(given, Value):
        given = {names[1]: given} if len(names) > 1 else {}
    known = {key: value for key, value in (given or {}).items() if key in names}
    with run.state.scratch(), run.state.within(run.state.steps + MAX_STEPS):
        invoke(run, core, Args((model,), known), model, assumed=True)
    run.state.loops = spent
    core.entered = entered  # other models may take it still


def _batch(run: Run, x: Value | None, y: Value | None, args: Args) -> Value | None:
    """What a step is given of what ``fit`` is, None where that is not known."""
    options = [option for _, option in alternatives(x, run.state.guard)] if x is not None else []
    if len(options) != 1 or args.star or args.double:
        return None
    if isinstance(options[0], (IterV, InstanceV)):
        batch = batch_of(run, options[0])
        return None if is_none(batch) else batch
    if y is None or is_none(y):
        return _rows(run, options[0]) if isinstance(options[0], TensorV) else None
    weights = [v for k, v in args.keywords.items() if k in _WEIGHTS and not is_none(v)]
    if any(isinstance(given, (Unknown, Choice)) for given in weights):
        return None  # they may be None
    weight = (data_tensor(what="weights of samples"),) if weights else ()
    return TupleV((_rows(run, options[0]), _rows(run, y), *weight))


def _rows(run: Run, value: Value) -> Value:
    """Some of the rows of an array, or of each in a list of them."""
    if isinstance(value, TensorV):
        return replace(value, shape=(None, *value.shape[1:])) if value.shape else value
    content = content_of(run, value) if isinstance(value, (ListV, TupleV)) else None
    if isinstance(content, TupleV) and any(isinstance(item, (TensorV, Unknown)) for item in content.items):
        return TupleV(tuple(_rows(run, item) for item in content.items), content.open)
    if isinstance(content, TupleV) or isinstance(value, Const):
        return TensorV(labels=of_literal(run, value), reason=LITERAL)
    return value
