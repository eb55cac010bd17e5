"""Items of tensors: what an index leaves of shape and scale."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.interp.items import part_of
from fromlogits_audit.interp.keras import joined
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras.shapes import Dims, ranked
from fromlogits_audit.interp.keras_values import (
    COMPARISON,
    MOVED_CLASSES,
    PART_OF_CLASSES,
    Step,
    StepKind,
    TensorV,
)
from fromlogits_audit.interp.values import NONE, Const, SliceV, TupleV, Value
from fromlogits_audit.ir import Scale


def index(tensor: TensorV, key: Value) -> Value:
    """``tensor[key]``: the batch or an axis may go; the scale mostly stays."""
    parts = list(key.items) if isinstance(key, TupleV) else [key]
    if isinstance(key, Const) and isinstance(key.value, str):
        return replace(tensor, shape=None)
    found = joined.taken(tensor, parts)
    if found is not None:
        inner = index(found[0], TupleV(tuple(found[1])))
        return replace(inner, final=tensor.final, head=tensor.head) if isinstance(inner, TensorV) else inner
    shape, last = _indexed(ranked(tensor.shape), parts)
    parents = (tensor,)
    after = replace(
        tensor, shape=shape, layer=None, parents=parents, step=Step(StepKind.PART, tensor, parents)
    )
    mask = key if isinstance(key, TensorV) and key.reason == COMPARISON else None
    if tensor.scale is Scale.PROBABILITIES and covers(mask, tensor):
        return opaque(replace(after, shape=None), PART_OF_CLASSES)
    if tensor.scale is Scale.PROBABILITIES and last == "one":
        return replace(after, scale=Scale.INDEPENDENT)
    if tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES) and last in ("some", "new"):
        return opaque(after, PART_OF_CLASSES if last == "some" else MOVED_CLASSES)
    return after


def covers(mask: Value | None, tensor: TensorV, axis: int = 0) -> bool:
    """Whether a mask over the axes from some one on reaches the last, so that it takes single values."""
    if not isinstance(mask, TensorV) or mask.shape is None:
        return False
    if ranked(mask.shape) is None or ranked(tensor.shape) is None:
        return mask.units is not None and mask.units == tensor.units
    return axis + len(mask.shape) >= len(tensor.shape or ())


def _indexed(shape: Dims, parts: list[Value]) -> tuple[Dims, str]:
    """The shape after indexing, and what is taken of the last axis: all, some, one; new: another is last."""
    ellipsis = next((i for i, p in enumerate(parts) if joined.is_ellipsis(p)), None)
    solid = [p for p in parts if not joined.is_ellipsis(p) and p is not NONE]
    if shape is None:
        if ellipsis is not None and parts[-1] is NONE:
            return None, "new"
        if ellipsis is not None:
            return None, _taken(parts[-1]) if ellipsis < len(parts) - 1 else "all"
        # The second index may be that of the classes, or of steps before them.
        return None, "some" if len(solid) > 1 and _taken(solid[-1]) != "all" else "all"
    if len(solid) > len(shape):
        return None, "all"
    fill = len(shape) - len(solid)
    at = ellipsis if ellipsis is not None else len(parts)
    full = parts[:at] + [SliceV(NONE, NONE, NONE)] * fill + parts[at + (ellipsis is not None) :]
    sizes: list[int | None] = []
    axis = 0
    taken = "all"
    for part in full:
        if part is NONE:
            sizes.append(1)
            continue
        taken = _taken(part)
        if taken != "one":
            sizes.append(shape[axis] if taken == "all" else _size(part, shape[axis]))
        axis += 1
    return tuple(sizes), "new" if full[-1] is NONE else taken


def _size(part: Value, size: int | None) -> int | None:
    """How much a slice leaves of an axis."""
    known = part_of(part) if isinstance(part, SliceV) else None
    return None if known is None or size is None else len(range(size)[known])


def _taken(part: Value) -> str:
    """What an index takes of its axis: all, some, one."""
    if isinstance(part, SliceV):
        whole = all(isinstance(p, Const) and p.value is None for p in (part.lower, part.upper))
        return "all" if whole else "some"
    if isinstance(part, Const) and isinstance(part.value, int):
        return "one"
    return "some"
