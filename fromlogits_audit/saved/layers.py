"""What applying one layer does to a tensor, from the layer's config and the catalogue's row.

The source frontend says the same of the same layers; tests/test_saved_agrees.py holds them together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.catalogue.interface import ActivationSpec, Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.layers import FIXED_INITIALIZERS
from fromlogits_audit.catalogue.layers_recurrent import GATED, KEPT_BY_MERGE_MODE
from fromlogits_audit.ir import Scale, Undecided, Why
from fromlogits_audit.saved import merging
from fromlogits_audit.saved.activations import NORMALISED, apply_spec, resolve
from fromlogits_audit.saved.dtypes import HALF, compute_dtype
from fromlogits_audit.saved.shapes import Config, joins_axes, out_shape, recurrent, splits_last_axis
from fromlogits_audit.saved.values import (
    Dims,
    Json,
    Tensor,
    Value,
    combined,
    data,
    dims,
    is_number,
    opaque,
    scores,
    taken_apart,
    tensors_of,
    unknown,
)

if TYPE_CHECKING:
    from fromlogits_audit.saved.graph import Walker

_SMOOTH = (None, "nearest", "bilinear", "area")
"""Interpolations that never leave the range of what they interpolate."""


def apply_layer(walker: Walker, spec: LayerSpec, config: Config, inputs: Value, label: str) -> Value:
    """The value of a layer called on ``inputs``; ``label`` names it in notes."""
    if spec.effect is Effect.MERGE:
        return _merged(spec, config, tensors_of(inputs))
    if spec.effect is Effect.WRAPPER:
        made = _wrapper(walker, spec, config, inputs, label)
        return _cast(made, compute_dtype(config, made.dtype)) if isinstance(made, Tensor) else made
    if spec.effect is Effect.LAMBDA:
        return _lambda(walker, config, inputs, label)
    if spec.effect is Effect.OPAQUE:
        return unknown(Why.OPAQUE_LAYER, label)
    tensor = next(iter(tensors_of(inputs)), data())
    dtype = compute_dtype(config, tensor.dtype)
    shape = out_shape(spec, config, tensor.shape)
    if spec.effect in (Effect.WEIGHTED, Effect.SCORES):
        return _weighted(walker, spec, config, shape, label, dtype)
    if spec.effect is Effect.RECURRENT:
        return _recurrent(walker, spec, config, shape, label, dtype)
    if spec.effect is Effect.ACTIVATION:
        return _activation(walker, spec, config, tensor, label, dtype)
    if spec.effect is Effect.DATA:
        return data(shape, f"the output of {label}", dtype)
    return _cast(_kept(spec, config, tensor, shape, label), dtype)


def _merged(spec: LayerSpec, config: Config, tensors: list[Tensor]) -> Tensor:
    made = merging.merge(spec.name.rpartition(".")[2].lower(), tensors, config)
    half = next((one.half for one in tensors if one.half is not None), None)
    dtype = compute_dtype(config, tensors[0].dtype) if tensors else made.dtype
    return _cast(replace(made, half=half), dtype)


def _cast(tensor: Tensor, dtype: str) -> Tensor:
    """What a layer hands on: probabilities are no better than the type that it computes in."""
    probabilities = tensor.scale in (Scale.PROBABILITIES, Scale.INDEPENDENT)
    half = dtype if probabilities and dtype in HALF and tensor.half is None else tensor.half
    return replace(tensor, dtype=dtype, half=half)


def _weighted(walker: Walker, spec: LayerSpec, config: Config, shape: Dims, label: str, dtype: str) -> Tensor:
    if spec.name == "keras.layers.EinsumDense":
        target = dims(config.get("output_shape"))
        shape = (None, *target) if target else None
    made = scores(shape, f"{label}: unbounded scores", dtype)
    if _is_fixed(config):
        made = combined(made, f"{label} with weights that are given and stay")
    return _activated(walker, spec, config, made, label)


def _is_fixed(config: Config) -> bool:
    """Whether a layer keeps weights that it is given: of ones, say, which make it a sum."""
    given = config.get("kernel_initializer")
    name = given.get("class_name") if isinstance(given, dict) else given
    return config.get("trainable") is False and str(name).lower() in FIXED_INITIALIZERS


def _activated(walker: Walker, spec: LayerSpec, config: Config, tensor: Tensor, label: str) -> Tensor:
    if spec.activation is None:
        return tensor
    default = spec.parameters.default(spec.activation)
    if spec.activation not in spec.parameters.names:  # CuDNNLSTM is tanh and has no parameter for it
        default = spec.activation
    return apply_value(walker, tensor, config.get(spec.activation, default), label, tensor.dtype)


def apply_value(walker: Walker, tensor: Tensor, value: Json, label: str, dtype: str) -> Tensor:
    """The tensor after a serialised activation, which may be a layer."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict) and "class_name" in value:
        result = next(iter(tensors_of(walker.layer(value, tensor))), None)
        return result or opaque(tensor, Undecided(Why.OPAQUE_LAYER, f"the activation of {label}"))
    known = resolve(value)
    if known is None:
        return tensor
    if isinstance(known, ActivationSpec):
        return apply_spec(walker.recorder, tensor, known, label, dtype=dtype)
    return opaque(tensor, Undecided(known.why, f"{known.detail} of {label}"))


def _recurrent(walker: Walker, spec: LayerSpec, config: Config, shape: Dims, label: str, dtype: str) -> Value:
    if spec.shape is Shape.CONV and not config.get("return_sequences") and shape is not None:
        shape = (shape[0], *shape[2:]) if len(shape) > 3 else shape
    result = _activated(walker, spec, config, scores(shape, label, dtype), label)
    short = spec.name.rpartition(".")[2]
    if short.startswith(GATED) and result.scale is Scale.PROBABILITIES:
        result = combined(result, f"a softmax behind the gates of {short}")
    if not config.get("return_state"):
        return result
    states = 2 if "LSTM" in short else 1
    return [result, *[data(what="the state of a recurrent layer")] * states]


def _activation(
    walker: Walker, spec: LayerSpec, config: Config, tensor: Tensor, label: str, dtype: str
) -> Tensor:
    if spec.activation in spec.parameters.names:
        return apply_value(walker, tensor, config.get(spec.activation), label, dtype)
    name = spec.activation or ""
    if name == "relu" and config.get("negative_slope"):
        name = "leaky_relu"
    known = activation_string(name)
    if known is None:
        return opaque(tensor, Undecided(Why.OPAQUE_LAYER, label))
    if tensor.scale in NORMALISED and (spec.name.endswith("ThresholdedReLU") or config.get("threshold")):
        return combined(tensor, "probabilities below a threshold set to 0")
    result = apply_spec(walker.recorder, tensor, known, label, config.get("axis", -1), dtype)
    most = config.get("max_value")
    within = is_number(most) and most <= 1 and result.scale is Scale.NON_NEGATIVE
    return combined(result, "scores cut off at 0 and at 1") if within else result


def _kept(spec: LayerSpec, config: Config, tensor: Tensor, shape: Dims, label: str) -> Tensor:
    """Layers without scores of their own: what they leave of the scale."""
    after = replace(tensor, shape=shape)
    if spec.effect is Effect.KEEP:
        return _moved(spec, config, tensor, after, label)
    if spec.effect is Effect.UNIT and tensor.scale is not Scale.UNKNOWN:
        return combined(after, "rows of length one")
    if tensor.scale is Scale.LOGITS:
        return after
    if spec.effect is Effect.UNBOUND:
        fresh = replace(
            after,
            scale=Scale.LOGITS,
            activation="linear",
            reason=None,
            unit_softmax=False,
            half=None,
            rescaled=True,
        )
        return fresh.noted(f"{label}: unbounded scores")
    return after if tensor.scale is Scale.UNKNOWN else combined(after, f"{label} after {tensor.activation}")


def _moved(spec: LayerSpec, config: Config, tensor: Tensor, after: Tensor, label: str) -> Tensor:
    reshapes = spec.shape in (Shape.RESHAPE, Shape.FLATTEN, Shape.PERMUTE)
    normalised = tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)
    moved = spec.shape is Shape.PERMUTE and _moves_last(config)
    apart = moved or splits_last_axis(tensor.shape, after.shape) or _joins(spec, config, tensor, after)
    if normalised and reshapes and apart:
        return replace(
            taken_apart(after, f"{label} takes the class axis apart"), origin=None if moved else tensor
        )
    if tensor.origin is not None and reshapes:
        return (
            put_together(tensor.origin, after)
            if spec.shape is not Shape.PERMUTE
            else replace(after, origin=None)
        )
    resizes = spec.name.rpartition(".")[2].startswith(("UpSampling", "Resizing"))
    if resizes and config.get("interpolation") not in _SMOOTH and tensor.scale is not Scale.LOGITS:
        return combined(after, f"{label} overshoots")
    return after


def put_together(origin: Tensor, after: Tensor) -> Tensor:
    """What was taken apart, where the last axis has its size again: reshapes keep the order of values."""
    if origin.units is None or origin.units != after.units:
        return after
    return replace(origin, shape=after.shape, notes=after.notes)


def _joins(spec: LayerSpec, config: Config, tensor: Tensor, after: Tensor) -> bool:
    """Whether a reshape leaves a last axis of several, whatever its size is."""
    target = dims(config.get("target_shape")) if spec.shape is Shape.RESHAPE else (-1,)
    left_open = spec.shape is not Shape.PERMUTE and bool(target) and target is not None and target[-1] == -1
    return left_open and joins_axes(tensor.shape, after.shape)


def _moves_last(config: Config) -> bool:
    order = dims(config.get("dims"))
    return not order or order[-1] != len(order)


# -- layers around a layer ---------------------------------------------------------------------
def _wrapper(walker: Walker, spec: LayerSpec, config: Config, inputs: Value, label: str) -> Value:
    inner = config.get("layer", config.get("cell"))
    if not isinstance(inner, dict):
        return unknown(Why.OPAQUE_LAYER, label)
    tensor = next(iter(tensors_of(inputs)), data())
    kind = spec.name.rpartition(".")[2]
    if kind == "TimeDistributed":
        return _distributed(walker, inner, tensor)
    result = walker.layer(inner, tensor)
    if kind == "RNN":
        return _over_time(config, tensor, result)
    return _both_ways(config, result) if kind == "Bidirectional" else result


def _distributed(walker: Walker, inner: Json, tensor: Tensor) -> Value:
    shape = tensor.shape
    long = shape is not None and len(shape) > 2
    step = replace(tensor, shape=(shape[0], *shape[2:])) if shape and long else tensor
    result = next(iter(tensors_of(walker.layer(inner, step))), None)
    if result is None or result.shape is None:
        return result or unknown(Why.OPAQUE_LAYER, "TimeDistributed")
    time = shape[1] if shape and long else None
    return replace(result, shape=(result.shape[0], time, *result.shape[1:]))


def _over_time(config: Config, tensor: Tensor, result: Value) -> Value:
    step = next(iter(tensors_of(result)), data())
    after = replace(step, shape=recurrent(config, tensor.shape, step.units))
    return [after, data(what="the state of a recurrent layer")] if config.get("return_state") else after


def _both_ways(config: Config, result: Value) -> Value:
    first, *states = tensors_of(result)
    mode = config.get("merge_mode", "concat")
    if mode is None:
        return [first, first, *states]
    units = first.units
    if mode == "concat" and first.shape is not None:
        first = replace(first, shape=(*first.shape[:-1], units * 2 if units is not None else None))
    if first.scale not in KEPT_BY_MERGE_MODE.get(mode if isinstance(mode, str) else "unknown", ()):
        first = combined(first, f"both directions joined by {mode}")
    return [first, *states * 2] if states else first


def _lambda(walker: Walker, config: Config, inputs: Value, label: str) -> Value:
    """A Lambda that names a function of Keras or TensorFlow can be followed; code is not looked into."""
    function = config.get("function")
    tensor = next(iter(tensors_of(inputs)), data())
    name = function.get("config") if isinstance(function, dict) else function
    module = function.get("module") if isinstance(function, dict) else config.get("module")
    if isinstance(name, str):
        known = resolve({"class_name": "function", "module": module, "config": name})
        if isinstance(known, ActivationSpec):
            extra = config.get("arguments")
            axis = extra.get("axis", -1) if isinstance(extra, dict) else -1
            return apply_spec(
                walker.recorder, tensor, known, label, axis, compute_dtype(config, tensor.dtype)
            )
        if isinstance(module, str):
            from fromlogits_audit.saved.ops import call_function

            followed = call_function(walker.recorder, f"{module}.{name}", [inputs], {}, label)
            if followed is not None:
                return followed
    return unknown(Why.OPAQUE_LAYER, f"{label}, a function that is not looked into")
