"""Attributes of Keras objects: layers, models, tensors, losses, data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import lookups, models
from fromlogits_audit.interp.keras.shapes import Dims, ranked
from fromlogits_audit.interp.keras_values import (
    LITERAL,
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
    ExternalV,
    InstanceV,
    IterV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def read(run: Run, base: Value, name: str, place: Place | None) -> Value | None:
    """The value of an attribute; None: it is a method, or nothing is known."""
    if isinstance(base, TensorV):
        return _tensor(run, base, name)
    if isinstance(base, (ListV, TupleV)) and name == "T":
        return TensorV(reason=LITERAL)  # np.array([[0.1, 0.9]]).T
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
    if isinstance(value, ModelV) and value.kind == "sequential":
        return ExternalV("keras.Sequential", place)
    functional = isinstance(value, ModelV) and value.kind == "functional" and "$inputs" in value.slots
    return ExternalV("keras.models.Functional", place) if functional else None


def _tensor(run: Run, base: TensorV, name: str) -> Value | None:
    if name in ("shape", "_keras_shape"):
        return shape_value(run, base.shape, id(base))
    if name in ("T", "real", "values", "logits", "flat_values", "start_logits", "prediction_logits"):
        return replace(base, shape=None) if name in ("T", "values", "flat_values") else base
    if name in ("dtype", "name", "device", "ndim", "size"):
        return run.state.fresh(Why.RUNTIME, f"the {name} of a tensor")
    return None


def shape_value(run: Run, shape: Dims, key: int) -> Value:
    """``tensor.shape``: sizes that are unknown have a key of their own, so equal ones stay equal."""
    if ranked(shape) is None or shape is None:
        return Unknown(Undecided(Why.RUNTIME, "a shape"), ("shape", key))
    reason = Undecided(Why.RUNTIME, "a size")
    return TupleV(
        tuple(Unknown(reason, ("size", key, i)) if n is None else Const(n) for i, n in enumerate(shape))
    )


def _layer(run: Run, base: LayerV, name: str) -> Value | None:
    if name == "output":
        return base.slots.get(
            "$output", Unknown(Undecided(Why.OPAQUE_LAYER, "the output of a layer"), ("output", id(base)))
        )
    if name == "input":
        return base.slots.get("$input", data_tensor())
    if name == "activation" and name in base.spec.parameters.names:
        return lookups.activation_object(base.slots.get(name, NONE))
    if name in base.slots:
        return base.slots[name]
    if name in base.spec.parameters.names:
        default = base.spec.parameters.default(name)
        return Const(default) if isinstance(default, (str, int, float, bool, type(None))) else None
    if name in ("weights", "variables", "kernel", "bias"):
        return TensorV(reason=WEIGHTS)
    if name in ("trainable", "name"):
        return data_tensor(what=f"{name} of a layer")
    return None


def model_attribute(run: Run, base: ModelV | InstanceV, name: str, place: Place | None) -> Value | None:
    """Attributes that every model has."""
    if name in ("output", "outputs"):
        result = models.outputs_of(run, base, place)
        if name == "outputs" and isinstance(result, TensorV):
            return ListV((result,))
        single = content_of(run, result)
        if name == "output" and isinstance(single, TupleV) and len(single.items) == 1:
            return single.items[0]
        return result
    if name in ("input", "inputs"):
        return base.slots.get("$inputs", data_tensor(what="a model input"))
    if name == "layers":
        return models.layers_of(run, base, place)
    if name == "name":
        return base.slots.get("$name", NONE)
    if name == "loss":
        return base.slots.get("$loss", NONE)
    if name in base.slots:
        return base.slots[name]
    if name in _OPAQUE:
        return run.state.fresh(Why.RUNTIME, f"{name} of a model")
    return None


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
        "input_shape",
        "output_shape",
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
