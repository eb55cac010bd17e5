"""Attributes of Keras objects: layers, models, tensors, losses, data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import lookups, models, sizes
from fromlogits_audit.interp.keras.shapes import number
from fromlogits_audit.interp.keras_values import (
    LITERAL,
    MODEL_INPUT,
    WEIGHTS,
    LayerV,
    LossV,
    ModelV,
    TensorV,
    data_tensor,
)
from fromlogits_audit.interp.values import (
    NONE,
    Const,
    Entries,
    ExternalV,
    InstanceV,
    IterV,
    ListV,
    MethodV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Form, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def read(run: Run, base: Value, name: str, place: Place | None) -> Value | None:
    """The value of an attribute; None: it is a method, or nothing is known."""
    if isinstance(base, TensorV):
        return _tensor(run, base, name)
    if isinstance(base, (ListV, TupleV)) and name == "T":
        return TensorV(reason=LITERAL)  # np.array([[0.1, 0.9]]).T
    if isinstance(base, TupleV):
        return sizes.of_shape(base, name)
    if isinstance(base, Const):
        return (
            base if name == "value" and isinstance(base.value, int) else None
        )  # a Dimension of TensorFlow 1
    if name == "__class__":
        return class_of(base, place)
    if isinstance(base, LayerV):
        return _layer(run, base, name)
    if isinstance(base, ModelV):
        return model_attribute(run, base, name, place)
    if isinstance(base, LossV):
        return base.from_logits if name == "from_logits" and base.from_logits is not None else None
    if isinstance(base, IterV) and name in ("element_spec", "class_names", "class_indices"):
        return run.state.fresh(Why.RUNTIME, name)
    return None


def class_of(value: Value, place: Place | None) -> Value | None:
    """The class of a Keras object, None where its name is not known."""
    if isinstance(value, LayerV) and value.is_within:
        return Unknown(Undecided(Why.OPAQUE_LAYER, "the class of a layer"), ("class", id(value)))
    if isinstance(value, LayerV):
        return ExternalV(value.spec.name, place)
    if isinstance(value, LossV) and value.form is Form.INSTANCE and not value.terms:
        name = f"keras.losses.{value.spec.name}"
        return ExternalV(name, place) if loss_class(name) is value.spec else None
    if isinstance(value, ModelV) and value.kind == "sequential":
        return ExternalV("keras.Sequential", place)
    functional = isinstance(value, ModelV) and value.kind == "functional" and "$inputs" in value.slots
    return ExternalV("keras.models.Functional", place) if functional else None


_HEADS = ("start_logits", "end_logits", "prediction_logits", "seq_relationship_logits")
"""Scores of the models of Hugging Face that have several."""


def _tensor(run: Run, base: TensorV, name: str) -> Value | None:
    size = sizes.read(base, name)
    if size is not None:
        return size
    if name in ("T", "real", "values", "logits", "flat_values", *_HEADS):
        return replace(base, shape=None) if name in ("T", "values", "flat_values") else base
    if name in ("dtype", "name", "device", "size"):
        return run.state.fresh(Why.RUNTIME, f"the {name} of a tensor")
    return None


def _layer(run: Run, base: LayerV, name: str) -> Value | None:
    if name == "output":
        return base.slots.get(
            "$output", Unknown(Undecided(Why.OPAQUE_LAYER, "the output of a layer"), ("output", id(base)))
        )
    if name == "input":
        return base.slots.get("$input", data_tensor())
    if name == "output_shape":
        return _shapes(base.slots.get("$output", NONE))
    if name == "activation" and name in base.spec.parameters.names:
        return lookups.activation_object(base.slots.get(name, NONE))
    if name in base.slots and name != "weights":
        return base.slots[name]
    if name in base.spec.parameters.names and name != "weights":
        default = base.spec.parameters.default(name)
        return Const(default) if isinstance(default, (str, int, float, bool, type(None))) else None
    if name == "embeddings":
        rows = base.slots.get("input_dim"), base.slots.get("output_dim")
        return TensorV(shape=tuple(number(size) for size in rows), reason=WEIGHTS)
    if name == "kernel" and "units" in base.slots:
        return TensorV(shape=(None, number(base.slots["units"])), reason=WEIGHTS)
    if name in ("weights", "variables", "kernel", "bias"):
        return TensorV(reason=WEIGHTS)
    if name in ("trainable", "name"):
        return data_tensor(what=f"{name} of a layer")
    return None


def model_attribute(run: Run, base: ModelV | InstanceV, name: str, place: Place | None) -> Value | None:
    """Attributes that every model has."""
    if name in ("output", "outputs"):
        result = models.outputs_of(run, base, place)
        if name == "outputs":
            return _flat(run, result)
        single = content_of(run, result)
        if name == "output" and isinstance(single, TupleV) and len(single.items) == 1:
            return single.items[0]
        return result
    if name in ("input", "inputs"):
        return base.slots.get("$inputs", data_tensor(what=MODEL_INPUT))
    if name == "output_names":
        return _names(run, content_of(run, _flat(run, models.outputs_of(run, base, place))))
    if name in _SHAPES:
        content = content_of(run, model_attribute(run, base, _SHAPES[name], place) or NONE)
        return _shapes(content) or run.state.fresh(Why.RUNTIME, f"{name} of a model")
    if name == "layers":
        return models.layers_of(run, base, place)
    if name == "name":
        return base.slots.get("$name", NONE)
    if name == "loss":
        loss = base.slots.get("$loss", NONE)
        run.recorder.note_read(loss)
        return loss
    if name in base.slots:
        return base.slots[name]
    if name == "metrics":  # one stands for all of them
        return ListV((MethodV(base, "compiled_metrics", "keras.Model", place),), True)
    if name in _OPAQUE:
        return run.state.fresh(Why.RUNTIME, f"{name} of a model")
    return None


def _flat(run: Run, outputs: Value) -> Value:
    """The outputs as a list: those of a dict in the order of its keys."""
    content = content_of(run, outputs)
    if isinstance(content, TensorV):
        return ListV((content,))
    if not isinstance(content, Entries):
        return outputs
    names = [key.value for key, _ in content.items.values() if isinstance(key, Const)]
    if content.open or len(names) < len(content.items) or not all(isinstance(name, str) for name in names):
        return run.state.fresh(Why.RUNTIME, "the outputs of a model in their order")
    return ListV(tuple(content.items[key][1] for key in sorted(content.items, key=str)))


def _names(run: Run, outputs: Value) -> Value | None:
    """The names of a model's outputs, those of layers that were given one."""
    items = outputs.items if isinstance(outputs, TupleV) and not outputs.open else (outputs,)
    if not all(isinstance(item, TensorV) and item.name is not None for item in items):
        return run.state.fresh(Why.RUNTIME, "the names of a model's outputs")
    return ListV(tuple(Const(item.name) for item in items if isinstance(item, TensorV)))


_SHAPES = {"output_shape": "output", "input_shape": "input"}


def _shapes(content: Value) -> Value | None:
    """The shape of one tensor, or those of several."""
    if isinstance(content, TensorV):
        return sizes.read(content, "shape")
    if not isinstance(content, TupleV):
        return None
    shapes = [_shapes(item) for item in content.items]
    return ListV(tuple(shape for shape in shapes if shape is not None)) if None not in shapes else None


_OPAQUE = frozenset(
    [
        "optimizer",
        "metrics_names",
        "trainable",
        "history",
        "weights",
        "trainable_variables",
        "trainable_weights",
        "variables",
        "losses",
        "metrics",
        "stop_training",
        "distribute_strategy",
        "non_trainable_variables",
    ]
)


def write(run: Run, base: Value, name: str, value: Value) -> None:
    """``layer.activation = ...``, ``model.anything = ...``."""
    if isinstance(base, LayerV):
        run.state.write(base, name, value)
        if name == "activation":
            run.keras.rewired = True
    elif isinstance(base, ModelV):
        run.state.write(base, name, value)
