"""Operations that stand in a saved graph as nodes of their own: ``keras.ops``, TFOpLambda.

Rows of the catalogue say what each does; here they are applied to values of a config.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from fromlogits_audit.catalogue.activations import activation_function
from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.catalogue.ops import WITHIN_ALONE, op
from fromlogits_audit.ir import Scale
from fromlogits_audit.saved.activations import Recorder, apply_spec
from fromlogits_audit.saved.indexing import index
from fromlogits_audit.saved.merging import combine
from fromlogits_audit.saved.shapes import joins_axes, splits_last_axis
from fromlogits_audit.saved.values import (
    Dims,
    Tensor,
    Value,
    combined,
    data,
    dims,
    is_number,
    number,
    scores,
    taken_apart,
    tensors_of,
)

SMALL = 1e-3
"""A constant added to keep a logarithm finite, not to change a scale."""

_OPERATORS = {
    "__operators__.add": "tf.add",
    "__operators__.sub": "tf.subtract",
    "__operators__.mul": "tf.multiply",
    "__operators__.truediv": "tf.truediv",
    "__operators__.matmul": "tf.matmul",
}
Arguments = dict[str, Value]


def keras_op(class_name: str) -> str:
    """``keras.ops.log_softmax`` for Keras 3's operation class ``LogSoftmax``."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
    return f"keras.ops.{snake}"


def tf_function(name: str) -> str:
    """The canonical name of a TFOpLambda's ``function``: ``nn.softmax``, ``__operators__.add``."""
    return _OPERATORS.get(name) or canonical(f"tf.{name}")


def call_function(
    recorder: Recorder, name: str, args: list[Value], keywords: Arguments, label: str
) -> Value | None:
    """The value of a function on tensors; None where the catalogue does not know it."""
    name = canonical(name)
    first = next(iter(tensors_of([args, keywords])), data())
    if name.rpartition(".")[2] in ("getitem", "get_item"):
        key = keywords.get("slice_spec", keywords.get("key", args[1] if len(args) > 1 else None))
        return index(first, key, label)
    activation = activation_function(name)
    if activation is not None:
        axis = keywords.get("axis", args[1] if len(args) > 1 and is_number(args[1]) else -1)
        return apply_spec(recorder, first, activation, label, -1 if axis is None else axis)
    known = op(name)
    if known is None:
        return _scaled_max(name, first)
    bound = {**dict(zip(known.parameters.names, args, strict=False)), **keywords}
    short = name.rpartition(".")[2]
    return HANDLERS[known.effect](short, first, _operands(args, keywords), bound)


def _scaled_max(name: str, tensor: Tensor) -> Tensor | None:
    """Pooling functions that have no row: a maximum keeps logits only."""
    if "max_pool" not in name:
        return None
    after = replace(tensor, shape=None)
    return after if tensor.scale in (Scale.LOGITS, Scale.UNKNOWN) else combined(after, "max pooling")


def _operands(args: list[Value], keywords: Arguments) -> list[Value]:
    """The two sides of an elementwise operation, tensors and numbers in order."""
    sides = [*args, *(keywords[key] for key in ("x", "y", "x1", "x2") if key in keywords)]
    return [side for side in sides if isinstance(side, Tensor) or is_number(side)]


# -- handlers: (short name, first tensor, operands, bound arguments) -> value ------------------
Handler = Callable[[str, Tensor, list[Value], Arguments], Value]


def _keep(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if short == "squeeze":
        return replace(tensor, shape=_squeezed(tensor.shape, number(bound.get("axis"))))
    return tensor


def _squeezed(shape: Dims, at: int | None) -> Dims:
    if shape is None or at is None or not -len(shape) <= at < len(shape):
        return None
    return shape[: at % len(shape)] + shape[at % len(shape) + 1 :]


def _reshape(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    shape: Dims = None
    joins = False
    if short == "reshape":
        sizes = dims(bound.get("newshape", bound.get("shape")))
        shape = tuple(None if n == -1 else n for n in sizes) if sizes else None
        joins = sizes is not None and sizes[-1:] == (-1,) and joins_axes(tensor.shape, shape)
    if short == "expand_dims":
        shape = _expanded(tensor.shape, number(bound.get("axis")))
    after = replace(tensor, shape=shape)
    normalised = tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)
    turned = short in ("transpose", "swapaxes", "moveaxis", "permute_dimensions")
    apart = turned or joins or splits_last_axis(tensor.shape, shape)
    if normalised and apart:
        return taken_apart(after, f"{short} takes the class axis apart")
    return after


def _expanded(shape: Dims, at: int | None) -> Dims:
    if shape is None or at is None or not -len(shape) - 1 <= at <= len(shape):
        return None
    place = at % (len(shape) + 1)
    return (*shape[:place], 1, *shape[place:])


def _linear(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    sides = [side for side in operands if isinstance(side, Tensor)]
    units = sides[1].units if len(sides) > 1 and short == "matmul" and not bound.get("transpose_b") else None
    shape = (*tensor.shape[:-1], units) if tensor.shape else (None, None)
    return scores(shape, f"{short}: unbounded scores", tensor.dtype)


def _add(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if short == "add_n":
        return combine("add", tensors_of(bound) or [tensor])
    return binary("subtract" if short.startswith("sub") else "add", operands, tensor)


def _scale(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if short in ("negative", "neg"):
        keeps = tensor.scale in (Scale.LOGITS, Scale.UNKNOWN)
        return tensor if keeps else combined(tensor, f"minus {tensor.activation}")
    return binary("divide" if "div" in short else "multiply", operands, tensor)


def binary(kind: str, operands: list[Value], tensor: Tensor) -> Tensor:
    """Elementwise arithmetic on two sides of which at least one is a tensor."""
    sides = [side for side in operands if isinstance(side, Tensor)]
    if len(sides) > 1:
        if kind == "divide" and sides[0].scale is Scale.LOGITS:
            return sides[0]
        return combine(kind, sides[:2])
    if tensor.scale in (Scale.UNKNOWN, Scale.LOGITS):
        return tensor
    value = next((side for side in operands if is_number(side)), None)
    reversed_ = bool(operands) and operands[0] is not tensor and kind in ("subtract", "divide")
    neutral = 1.0 if kind in ("multiply", "divide") else 0.0
    tolerance = SMALL if neutral == 0.0 else 0.0
    if value is not None and not reversed_ and abs(value - neutral) <= tolerance:
        return tensor
    return combined(tensor, f"{kind} of {tensor.activation} and a number")


def _mean(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if "pool" in short:
        return replace(tensor, shape=None)
    axes = dims(bound.get("axis"))
    if axes is None:
        return data((), "a mean")
    rank = len(tensor.shape) if tensor.shape is not None else None
    if -1 in axes or (rank is not None and rank - 1 in axes):
        return combined(replace(tensor, shape=None), "a mean over the classes")
    return replace(tensor, shape=_reduced(tensor.shape, axes, keep=bool(bound.get("keepdims"))))


def _reduced(shape: Dims, axes: Dims, *, keep: bool) -> Dims:
    if shape is None or axes is None or None in axes:
        return None
    gone = {axis % len(shape) for axis in axes if axis is not None and -len(shape) <= axis < len(shape)}
    return tuple(1 if at in gone else size for at, size in enumerate(shape) if keep or at not in gone)


def _reduce(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    axes = dims(bound.get("axis"))
    if axes is None:
        return data((), "a reduction")
    after = replace(tensor, shape=_reduced(tensor.shape, axes, keep=bool(bound.get("keepdims"))))
    if tensor.scale in (Scale.LOGITS, Scale.UNKNOWN):
        return after
    return combined(after, f"{short} of {tensor.activation}")


def _decided(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    return data(None, "a decision")


def _sequence(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    items = tensors_of(bound.get("values", bound.get("xs", bound.get("x", bound.get("arrays"))))) or [tensor]
    return combine("stack" if "stack" in short else "concat", items, number(bound.get("axis", 0)))


def _select(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    chosen = [side for side in operands if isinstance(side, Tensor)]
    chosen = chosen[-2:] if short == "where" and len(chosen) > 1 else [tensor]
    if len({one.scale for one in chosen}) > 1:
        return combined(replace(tensor, shape=None), short)
    if tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES):
        return combined(replace(tensor, shape=None), f"{short} of probabilities")
    return replace(chosen[0], shape=chosen[0].shape if short == "where" else None)


def _new(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    return data(None, "a fresh tensor")


def _unit(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    return tensor if tensor.scale is Scale.UNKNOWN else combined(tensor, "rows of length one")


def _exp(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if tensor.scale is Scale.LOG_PROBABILITIES:
        softmax = tensor.activation == "log_softmax"
        scale = Scale.PROBABILITIES if softmax else Scale.INDEPENDENT
        return replace(tensor, scale=scale, activation="softmax" if softmax else "sigmoid")
    if tensor.scale is Scale.UNKNOWN:
        return tensor
    return replace(tensor, scale=Scale.NON_NEGATIVE, activation="exponential", reason=None)


def _log(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    if tensor.scale is Scale.PROBABILITIES:
        return replace(tensor, scale=Scale.LOG_PROBABILITIES, activation="log_softmax", unit_softmax=False)
    if tensor.scale is Scale.INDEPENDENT:
        return replace(tensor, scale=Scale.LOG_PROBABILITIES, activation="log_sigmoid")
    return combined(tensor, "a logarithm")


def _clip(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    bounds = [value for value in bound.values() if is_number(value)]
    if tensor.scale is Scale.LOGITS and any(-1e-3 <= value <= 1 for value in bounds):
        return combined(tensor, "clipped scores")
    return tensor


def _fold(short: str, tensor: Tensor, operands: list[Value], bound: Arguments) -> Value:
    inside = tensor.scale is Scale.INDEPENDENT and short in WITHIN_ALONE
    return tensor if inside or tensor.scale is Scale.UNKNOWN else combined(tensor, short)


HANDLERS: dict[OpEffect, Handler] = {
    OpEffect.KEEP: _keep,
    OpEffect.RESHAPE: _reshape,
    OpEffect.LINEAR: _linear,
    OpEffect.ADD: _add,
    OpEffect.SCALE: _scale,
    OpEffect.MEAN: _mean,
    OpEffect.REDUCE: _reduce,
    OpEffect.ARGMAX: _decided,
    OpEffect.ROUND: _decided,
    OpEffect.CONCAT: _sequence,
    OpEffect.STACK: _sequence,
    OpEffect.SELECT: _select,
    OpEffect.NEW: _new,
    OpEffect.UNIT: _unit,
    OpEffect.EXP: _exp,
    OpEffect.LOG: _log,
    OpEffect.CLIP: _clip,
    OpEffect.FOLD: _fold,
}
