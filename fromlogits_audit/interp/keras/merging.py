"""Layers and operations that take several tensors: Add, Average, Concatenate ..."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.ops import WITHIN_TOGETHER
from fromlogits_audit.catalogue.products import dot_shape
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras.formulas import are_complements, holds_complement
from fromlogits_audit.interp.keras.moving import may_be_last
from fromlogits_audit.interp.keras.shapes import UNRANKED, Dims, broadcast, dims, number, ranked
from fromlogits_audit.interp.keras_values import (
    CONSTANTS,
    DIRECTIONS,
    SHARES,
    LayerV,
    Share,
    Step,
    StepKind,
    TensorV,
)
from fromlogits_audit.interp.values import (
    Const,
    ListV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def merge(run: Run, layer: LayerV, inputs: Value) -> Value:
    """What a merging layer makes of its list of inputs."""
    items = spread(run, inputs)
    if not isinstance(items, TupleV) or not items.items or isinstance(inputs, TensorV):
        reason = items.reason if isinstance(items, Unknown) else Undecided(Why.COMBINED, layer.spec.name)
        return TensorV(reason=reason)
    kind = layer.spec.name.rpartition(".")[2].lower()
    axis = number(layer.slots.get("axis", Const(-1)))
    rows = [(g, [_tensor(v) for v in row]) for g, row in product(items.items, run.state.guard)]
    if kind == "dot" and (len(items.items) > 1 or items.open):
        return choose([(guard, _dot(run, tensors, layer)) for guard, tensors in rows])
    return choose([(guard, combine(kind, tensors, axis, open=items.open)) for guard, tensors in rows])


def _tensor(value: Value) -> TensorV:
    if isinstance(value, TensorV):
        return value
    return TensorV(reason=value.reason if isinstance(value, Unknown) else Undecided(Why.DATA, "input data"))


def as_one(run: Run, value: Value) -> Value:
    """What Keras makes of a list of tensors where it takes one: it stacks them."""
    items = spread(run, value) if isinstance(value, (ListV, TupleV)) else TupleV(())
    tensors = [item for item in items.items if isinstance(item, TensorV)] if isinstance(items, TupleV) else []
    if not isinstance(items, TupleV) or not tensors or len(tensors) < len(items.items):
        return value
    return combine("stack", tensors, 0, open=items.open)


def combine(kind: str, tensors: list[TensorV], axis: int | None, *, open: bool = False) -> TensorV:
    """The scale and shape of several tensors put together."""
    first = tensors[0]
    scales = {t.scale for t in tensors}
    same = len(scales) == 1 and Scale.UNKNOWN not in scales
    if kind in ("concatenate", "concat", "stack"):
        return _concatenated(kind, tensors, axis, same=same, open=open)
    shape: Dims = first.shape
    for tensor in tensors[1:]:
        shape = broadcast(shape, tensor.shape)
    if len(tensors) == 1 and not open:
        return first
    keeps = same and (
        scales == {Scale.LOGITS} or (kind == "average" and first.activation == tensors[-1].activation)
    )
    if keeps:
        activation = first.activation if len({t.activation for t in tensors}) == 1 else "linear"
        return replace(first, shape=shape, activation=activation, layer=None, parents=())
    if kind in WITHIN_TOGETHER and scales == {Scale.INDEPENDENT} and not open:
        return replace(first, shape=shape, layer=None, parents=())
    if kind in ("add", "subtract") and Scale.LOGITS in scales and Scale.UNKNOWN not in scales:
        # Unbounded plus anything bounded is unbounded.
        base = next(t for t in tensors if t.scale is Scale.LOGITS)
        return replace(base, shape=shape, activation="linear", layer=None, parents=())
    made = _unknown(tensors, shape, kind)
    return summed(tensors, made) if kind == "add" and not open else made


_AVERAGED = (Scale.PROBABILITIES, Scale.INDEPENDENT)
"""Scales that a weighted mean keeps; scores keep theirs whatever they are multiplied by."""


def weighted(tensor: TensorV, weight: float, made: TensorV) -> TensorV:
    """``weight * tensor``: ``made`` with its share of a mean noted, the mean itself where it is whole."""
    so_far, like = _share(tensor)
    return _shared(so_far * weight, like, made) if like.scale in _AVERAGED and weight > 0 else made


def summed(tensors: list[TensorV], made: TensorV) -> TensorV:
    """``0.3 * p + 0.7 * q``: a mean once the weights come to one."""
    shares = [_share(tensor) for tensor in tensors]
    like = shares[0][1]
    alike = all((one.scale, one.activation) == (like.scale, like.activation) for _, one in shares)
    return _shared(sum(w for w, _ in shares), like, made) if alike and like.scale in _AVERAGED else made


def _share(tensor: TensorV) -> tuple[float, TensorV]:
    share = tensor.share
    if share is None or share.parents is not tensor.parents or share.reason is not tensor.reason:
        return 1.0, tensor
    return share.weight, share.like


def _shared(weight: float, like: TensorV, made: TensorV) -> TensorV:
    if abs(weight - 1) > 1e-6:
        return replace(made, share=Share(weight, like, made.parents, made.reason))
    return replace(like, shape=made.shape, layer=None, parents=made.parents, final=None, share=None)


def _unknown(tensors: list[TensorV], shape: Dims, kind: str) -> TensorV:
    known = [t for t in tensors if t.scale is not Scale.UNKNOWN]
    reason = Undecided(Why.COMBINED, f"{kind} of outputs")
    if not known:
        reason = _most_telling(tensors) or reason
    return TensorV(shape=shape, reason=reason, trace=tensors[0].trace)


def _most_telling(tensors: list[TensorV]) -> Undecided | None:
    """Why a combination is not known: by what was not followed, not by zeros that it began with."""
    reasons = [tensor.reason for tensor in tensors if tensor.reason is not None]
    untold = (one for one in reasons if one.why is not Why.DATA and one not in (DIRECTIONS, *SHARES))
    first = tensors[0].reason
    return next(untold, first) if first == CONSTANTS else first


def _concatenated(kind: str, tensors: list[TensorV], axis: int | None, *, same: bool, open: bool) -> TensorV:
    first = tensors[0]
    rank = len(first.shape) if ranked(first.shape) is not None and first.shape is not None else None
    last = axis is None or may_be_last(axis, rank)
    if kind == "stack":
        last = axis is None or may_be_last(axis, None if rank is None else rank + 1, 3)
        shape: Dims = _stacked(first, None if open else len(tensors), axis, rank, last=last)
    elif last and first.shape is not None:
        sizes = [t.shape[-1] if t.shape else None for t in tensors]
        total = None if None in sizes or open else sum(n for n in sizes if n is not None)
        shape = (*first.shape[:-1], total)
    else:
        shape = tuple(None if i == axis else n for i, n in enumerate(first.shape)) if first.shape else None
    if last and same and first.scale is Scale.INDEPENDENT and any(map(holds_complement, tensors)):
        if are_complements(tensors) and (kind == "stack" or first.units == 1) and not open:
            return replace(first, scale=Scale.PROBABILITIES, shape=shape, layer=None, parents=(), step=None)
        return _unknown(tensors, shape, "concatenation")
    scale_survives = same and (not last or first.scale in (Scale.LOGITS, Scale.INDEPENDENT))
    if scale_survives:
        alone = first.final if len({id(t.final) for t in tensors}) == 1 else None
        return replace(first, shape=shape, layer=None, parents=(), final=alone)
    made = _unknown(tensors, shape, "concatenation")
    if kind == "stack" or not last or shape is None or open:
        return made
    parents: tuple[Value, ...] = tuple(tensors)
    return replace(made, parents=parents, step=Step(StepKind.JOINED, TupleV(parents), parents))


def _stacked(first: TensorV, count: int | None, axis: int | None, rank: int | None, *, last: bool) -> Dims:
    """The shape with a new axis of size ``count``."""
    if first.shape is not None and rank is not None and axis is not None and -rank - 1 <= axis <= rank:
        at = axis % (rank + 1)
        return (*first.shape[:at], count, *first.shape[at:])
    if axis == -1:
        return (UNRANKED, count)
    return None if last or first.shape is None else (UNRANKED, first.units)


COSINE = "cosine"
"""The activation, so to say, of a product of rows of length one."""
_NEVER_NEGATIVE = (Scale.NON_NEGATIVE, Scale.INDEPENDENT, Scale.PROBABILITIES)


def _dot(run: Run, tensors: list[TensorV], layer: LayerV) -> TensorV:
    normal = layer.slots.get("normalize")
    shape: Dims = (UNRANKED, None)
    if len(tensors) == 2:
        axes = dims(run, layer.slots.get("axes", Const(-1)))
        shape = dot_shape(ranked(tensors[0].shape), ranked(tensors[1].shape), axes) or shape
    if isinstance(normal, Const) and normal.value:
        if all(t.scale in _NEVER_NEGATIVE for t in tensors):
            return _unknown(tensors, shape, "non-negative cosine")
        return replace(tensors[0], scale=Scale.BOUNDED, activation=COSINE, shape=shape, reason=None)
    if all(t.scale is Scale.LOGITS for t in tensors):
        return replace(tensors[0], activation="linear", shape=shape)
    return _unknown(tensors, shape, "dot product")
