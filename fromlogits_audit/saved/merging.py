"""Layers and operations that take several tensors: Add, Average, Concatenate ..."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.catalogue.ops import WITHIN_TOGETHER
from fromlogits_audit.catalogue.products import dot_shape
from fromlogits_audit.ir import Scale, Undecided, Why
from fromlogits_audit.saved.shapes import Config, broadcast
from fromlogits_audit.saved.values import Dims, Tensor, dims, number


def merge(kind: str, tensors: list[Tensor], config: Config) -> Tensor:
    """What a merging layer (``kind`` is its class in lower case) makes of its inputs."""
    if not tensors:
        return Tensor(reason=Undecided(Why.COMBINED, f"{kind} of nothing"))
    if kind == "dot":
        return _dot(tensors, config)
    return combine(kind, tensors, number(config.get("axis", -1)))


def combine(kind: str, tensors: list[Tensor], axis: int | None = None) -> Tensor:
    """The scale and shape of several tensors put together."""
    if kind in ("concatenate", "concat", "stack"):
        return _joined(kind, tensors, axis)
    first = tensors[0]
    shape: Dims = first.shape
    for tensor in tensors[1:]:
        shape = broadcast(shape, tensor.shape)
    if len(tensors) == 1:
        return first
    scales = {tensor.scale for tensor in tensors}
    activations = {tensor.activation for tensor in tensors}
    if scales == {Scale.LOGITS} or (kind == "average" and _one_known(scales) and len(activations) == 1):
        activation = first.activation if len(activations) == 1 else "linear"
        return replace(first, shape=shape, activation=activation, unit_softmax=False)
    if kind in WITHIN_TOGETHER and scales == {Scale.INDEPENDENT}:
        return replace(first, shape=shape)
    if kind in ("add", "subtract", "multiply") and Scale.LOGITS in scales and all(map(_harmless, tensors)):
        # Unbounded scores plus or times anything else stay unbounded.
        base = next(tensor for tensor in tensors if tensor.scale is Scale.LOGITS)
        return replace(base, shape=shape, activation="linear")
    return _unknown(tensors, shape, kind)


def _one_known(scales: set[Scale]) -> bool:
    return len(scales) == 1 and Scale.UNKNOWN not in scales


def _harmless(tensor: Tensor) -> bool:
    """A known scale, or the model's own input."""
    return tensor.scale is not Scale.UNKNOWN or (tensor.reason is not None and tensor.reason.why is Why.DATA)


def _unknown(tensors: list[Tensor], shape: Dims, kind: str) -> Tensor:
    known = [tensor for tensor in tensors if tensor.scale is not Scale.UNKNOWN]
    reason = Undecided(Why.COMBINED, f"{kind} of outputs")
    if not known:
        reason = tensors[0].reason or reason
    return Tensor(shape=shape, reason=reason, notes=tensors[0].notes)


def _joined(kind: str, tensors: list[Tensor], axis: int | None) -> Tensor:
    first = tensors[0]
    rank = len(first.shape) if first.shape is not None else None
    last = axis is None or axis == -1 or (rank is not None and axis == rank - 1)
    if kind == "stack":
        last, shape = axis == -1, None
    else:
        shape = _joined_shape(tensors, axis, last=last)
    survives = _one_known({tensor.scale for tensor in tensors}) and (
        not last or first.scale in (Scale.LOGITS, Scale.INDEPENDENT)
    )
    if survives:
        return replace(first, shape=shape, unit_softmax=False)
    return _unknown(tensors, shape, "concatenation")


def _joined_shape(tensors: list[Tensor], axis: int | None, *, last: bool) -> Dims:
    first = tensors[0].shape
    if first is None:
        return None
    if not last:
        at = axis % len(first) if axis is not None else None
        return tuple(None if index == at else size for index, size in enumerate(first))
    sizes = [tensor.units for tensor in tensors]
    known = [size for size in sizes if size is not None]
    return (*first[:-1], sum(known) if len(known) == len(sizes) else None)


def _dot(tensors: list[Tensor], config: Config) -> Tensor:
    axes = dims(config.get("axes", -1))
    shape = dot_shape(tensors[0].shape, tensors[1].shape, axes) if len(tensors) == 2 else None
    if config.get("normalize"):
        if all(tensor.scale in _NEVER_NEGATIVE for tensor in tensors):
            return _unknown(tensors, shape, "non-negative cosine")
        return Tensor(Scale.BOUNDED, "cosine", shape, notes=tensors[0].notes)
    if all(tensor.scale is Scale.LOGITS for tensor in tensors):
        return replace(tensors[0], activation="linear", shape=shape)
    return _unknown(tensors, shape, "dot product")


_NEVER_NEGATIVE = (Scale.NON_NEGATIVE, Scale.INDEPENDENT, Scale.PROBABILITIES)
