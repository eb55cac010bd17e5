"""Steps of training that a model takes into its own hands: what its compiled loss and metrics meet then.

Keras's ``train_step`` and ``test_step`` give the outputs to ``compute_loss`` and ``compute_metrics``, which
give them to what was compiled, and its ``predict_step`` returns them. Where a class overrides one of these,
only its own code says what meets what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fromlogits_audit import regex
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import own_method, resolution_order
from fromlogits_audit.interp.functions import text_of
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.models import outputs_of
from fromlogits_audit.interp.keras.pairing import meet_compiled
from fromlogits_audit.interp.keras_values import ModelV, data_tensor
from fromlogits_audit.interp.values import (
    Args,
    BoundV,
    Const,
    FuncV,
    InstanceV,
    PendingV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

UNUSED = Undecided(Why.NO_OUTPUT, "no step of the model's own that was followed gives it one")
_ACTIVATES = regex.later(r"sigmoid|softmax|expit", re.IGNORECASE)
_FORWARD = frozenset(["__init__", "build", "call", "get_config"])


def own(model: Value, name: str) -> BoundV | None:
    """A method that a class of the project defines, None where the model has Keras's."""
    found = own_method(model.cls, name) if isinstance(model, InstanceV) else None
    return BoundV(found, model) if found is not None else None


def decide(model: Value) -> bool:
    """Whether training gives outputs to the compiled loss in the class's own way, or not at all."""
    return own(model, "compute_loss") is not None or own(model, "train_step") is not None


def measures(model: Value) -> bool:
    """Whether the class says itself what its compiled metrics are given."""
    return any(own(model, name) is not None for name in ("train_step", "test_step", "compute_metrics"))


EVALUATING = ("evaluate", "evaluate_generator", "test_on_batch")
HELD_OUT = {
    "fit": ((6, "validation_split"), (7, "validation_data")),
    "fit_generator": ((5, "validation_data"),),
}
"""What makes training evaluate after every epoch (keras.src.backend.tensorflow.trainer.fit; tf_keras)."""


def note(run: Run, model: Value, name: str, args: Args) -> None:
    """A method that may evaluate a model: Keras's ``test_step`` then gives what it returns to the loss."""
    if own(model, "compute_loss") is not None or own(model, "test_step") is not None:
        return
    given = [args.get(*parameter) for parameter in HELD_OUT.get(name, ())]
    if name in EVALUATING or any(holds(run, value) for value in given if value is not None):
        run.recorder.ledger.note_evaluated(model)


def holds(run: Run, value: Value) -> bool:
    """Whether an argument may hold out data: it is neither None nor 0."""
    options = [option for _, option in alternatives(value, run.state.guard)]
    return not all(isinstance(option, Const) and not option.value for option in options)


def by_hand(model: Value) -> Undecided | None:
    """Why it is not known what a model gives its metrics: its own steps may activate the output first."""
    if own(model, "compute_metrics") is not None:
        return Undecided(Why.UNSUPPORTED, "what the model's own compute_metrics gives its metrics")
    for name in ("train_step", "test_step"):
        if own(model, name) is not None and any(map(_ACTIVATES.search, _texts(model))):
            return Undecided(Why.UNSUPPORTED, f"what the model's own {name} gives its metrics")
    return None


def _texts(model: Value) -> Iterator[str]:
    """The code of a model's methods but those that make it and its forward pass."""
    for cls in resolution_order(model.cls) if isinstance(model, InstanceV) else ():
        for name, value in cls.slots.items():
            if name in _FORWARD:
                continue
            if isinstance(value, PendingV) and value.value is None:
                yield value.chunk.text if value.chunk is not None else ""
                continue
            made = value.value if isinstance(value, PendingV) else value
            if isinstance(made, FuncV):
                yield text_of(made.core)


def take(run: Run, model: ModelV | InstanceV, args: Args, place: Place | None) -> Value:
    """``super().train_step(data)``: the outputs go to the compiled loss, by the model's own way to it."""
    predicted = outputs_of(run, model, place)
    labels = labels_in(run, args.get(0, "data"))
    computes = own(model, "compute_loss")
    if computes is not None:
        run.call(
            computes,
            Args((), {"x": data_tensor(), "y": labels or data_tensor(what="labels"), "y_pred": predicted}),
            place,
        )
    else:
        meet_compiled(run, model, labels, predicted, place)
    return run.state.fresh(Why.RUNTIME, "what a step logs")


def labels_in(run: Run, batch: Value | None) -> Value | None:
    """The labels in what a step is given: ``(x, y)`` or ``(x, y, sample_weight)``."""
    content = content_of(run, batch) if batch is not None else None
    if not isinstance(content, TupleV) or content.open or len(content.items) not in (2, 3):
        return None
    return content.items[1]


def predict(run: Run, model: ModelV | InstanceV, args: Args, place: Place | None) -> Value:
    """``predict`` and its like: what the model returns, or what its own ``predict_step`` makes of it."""
    step = own(model, "predict_step")
    given = args.get(0, "x")
    if step is None or given is None:
        return outputs_of(run, model, place)
    return run.call(step, Args((given,)), place)
