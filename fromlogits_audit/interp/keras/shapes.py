"""Shapes, as far as the size of the last axis and the rank depend on them.

A shape is a tuple of sizes (None where unknown) with the batch first, or None where the rank is
unknown. Everything in doubt is None: an unknown size counts as several units.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Shape
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras_values import LayerV
from fromlogits_audit.interp.values import (
    Const,
    TupleV,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Dims = tuple[int | None, ...] | None
UNRANKED = -1
"""First size of a shape of which only the last is known: how many lie between is not."""


def ranked(shape: Dims) -> Dims:
    """The shape where its rank is known, else None."""
    return None if shape is not None and shape[:1] == (UNRANKED,) else shape


def real(value: Value | None) -> float | None:
    """A known number."""
    known = isinstance(value, Const) and isinstance(value.value, (int, float))
    return float(value.value) if known else None  # type: ignore[union-attr]


def number(value: Value | None) -> int | None:
    """A known whole number."""
    if (
        isinstance(value, Const)
        and isinstance(value.value, (int, float))
        and not isinstance(value.value, bool)
        and abs(value.value) < 1e12
    ):
        return int(value.value) if value.value == int(value.value) else None
    return None


def dims(run: Run, value: Value | None) -> Dims:
    """A shape given as a tuple, list or single number."""
    if value is None:
        return None
    content = content_of(run, value)
    if isinstance(content, TupleV) and not content.open:
        return tuple(number(item) for item in content.items)
    if isinstance(content, Const) and isinstance(content.value, int):
        return (content.value,)
    return None


def out_shape(run: Run, layer: LayerV, shape: Dims, units: int | None) -> Dims:
    """The shape after a layer."""
    rule = layer.spec.shape
    if rule not in (Shape.SAME, Shape.UNITS):
        shape = ranked(shape)
    if rule is Shape.SAME:
        return shape
    if rule is Shape.UNITS:
        return (*shape[:-1], units) if shape else (UNRANKED, units)
    if rule is Shape.CONV:
        return _conv(run, layer, shape, units)
    if rule is Shape.POOL:
        return _pool(run, layer, shape)
    if rule is Shape.GLOBAL_POOL:
        return _global_pool(layer, shape)
    if rule is Shape.FLATTEN:
        return _flatten(shape)
    if rule is Shape.RESHAPE:
        return _reshape(run, layer.slots.get("target_shape"), shape)
    if rule is Shape.PERMUTE:
        return _permute(run, layer, shape)
    if rule is Shape.REPEAT:
        return (None, number(layer.slots.get("n")), shape[-1]) if shape and len(shape) == 2 else None
    if rule is Shape.RECURRENT:
        return _recurrent(layer, shape, units)
    if rule is Shape.EMBEDDING:
        return (*shape, units) if shape else (UNRANKED, units)
    return None


def _channels_first(layer: LayerV) -> bool:
    value = layer.slots.get("data_format")
    return isinstance(value, Const) and value.value == "channels_first"


def _spatial(run: Run, layer: LayerV, name: str, count: int, default: int | None) -> list[int | None]:
    value = layer.slots.get(name)
    if value is None or (isinstance(value, Const) and value.value is None):
        return [default] * count
    sizes = dims(run, value)
    if sizes is None:
        return [None] * count
    return list(sizes) if len(sizes) == count else [sizes[0]] * count


def _conv(run: Run, layer: LayerV, shape: Dims, units: int | None) -> Dims:
    if _channels_first(layer):
        return None
    kind = layer.spec.name.lower()  # TensorFlow 1 has functions of these names in small letters
    if shape is None or len(shape) < 3:
        rank = next((int(d) for d in ("1", "2", "3") if f"{d}d" in kind), None)
        return (None,) * (rank + 1) + (units,) if rank else None
    if units is None and "depthwise" in kind:
        multiplier = number(layer.slots.get("depth_multiplier")) or 1
        units = shape[-1] * multiplier if shape[-1] is not None else None
    count = len(shape) - 2
    kernel = _spatial(run, layer, "kernel_size", count, None)
    stride = _spatial(run, layer, "strides", count, 1)
    grows = "transpose" in kind
    sizes = [
        _grown(s, k, st, layer) if grows else _windowed(s, k, st, layer)
        for s, k, st in zip(shape[1:-1], kernel, stride, strict=True)
    ]
    if "dilation_rate" in layer.slots and not grows and not _same_padding(layer):
        sizes = [None] * count
    return (shape[0], *sizes, units)


def _same_padding(layer: LayerV) -> bool:
    value = layer.slots.get("padding")
    return (
        isinstance(value, Const)
        and isinstance(value.value, str)
        and value.value.lower() in ("same", "causal")
    )


def _windowed(size: int | None, window: int | None, stride: int | None, layer: LayerV) -> int | None:
    if size is None or stride is None or stride < 1:
        return None
    if _same_padding(layer):
        return math.ceil(size / stride)
    if layer.slots.get("padding") is not None and not isinstance(layer.slots["padding"], Const):
        return None
    return (size - window) // stride + 1 if window is not None and size >= window else None


def _grown(size: int | None, window: int | None, stride: int | None, layer: LayerV) -> int | None:
    if size is None or stride is None or not _same_padding(layer):
        return None
    return size * stride


def _pool(run: Run, layer: LayerV, shape: Dims) -> Dims:
    if shape is None or len(shape) < 3 or _channels_first(layer):
        return None
    count = len(shape) - 2
    name = layer.spec.name
    if "UpSampling" in name:
        factor = _spatial(run, layer, "size", count, 2)
        grown = [
            s * f if s is not None and f is not None else None
            for s, f in zip(shape[1:-1], factor, strict=True)
        ]
        return (shape[0], *grown, shape[-1])
    if "Pool" not in name:
        return (shape[0], *[None] * count, shape[-1])
    window = _spatial(run, layer, "pool_size", count, 2)
    stride = _spatial(run, layer, "strides", count, None)
    steps = [w if st is None else st for w, st in zip(window, stride, strict=True)]
    sizes = [_windowed(s, w, st, layer) for s, w, st in zip(shape[1:-1], window, steps, strict=True)]
    return (shape[0], *sizes, shape[-1])


def _global_pool(layer: LayerV, shape: Dims) -> Dims:
    keep = layer.slots.get("keepdims")
    if shape is None or _channels_first(layer):
        return None
    if isinstance(keep, Const) and keep.value:
        return (shape[0], *[1] * (len(shape) - 2), shape[-1])
    return (shape[0], shape[-1]) if keep is None or isinstance(keep, Const) else None


def _flatten(shape: Dims) -> Dims:
    if not shape:
        return (None, None)
    inner = shape[1:]
    if len(inner) == 0:
        return (shape[0], 1)
    return (shape[0], math.prod(n for n in inner if n is not None) if None not in inner else None)


def _reshape(run: Run, target: Value | None, shape: Dims) -> Dims:
    sizes = dims(run, target)
    if sizes is None:
        return None
    free = [i for i, n in enumerate(sizes) if n == -1]
    resolved = [None if n == -1 else n for n in sizes]
    if (
        len(free) == 1
        and shape is not None
        and None not in shape[1:]
        and None not in [n for n in sizes if n != -1]
    ):
        rest = math.prod(n for n in sizes if n is not None and n != -1)
        total = math.prod(n for n in shape[1:] if n is not None)
        resolved[free[0]] = total // rest if rest else None
    return (None, *resolved)


def _permute(run: Run, layer: LayerV, shape: Dims) -> Dims:
    order = dims(run, layer.slots.get("dims"))
    if shape is None or order is None or None in order or max((n or 0) for n in order) >= len(shape):
        return None
    return (shape[0], *[shape[n or 0] for n in order])


def _recurrent(layer: LayerV, shape: Dims, units: int | None) -> Dims:
    sequences = layer.slots.get("return_sequences")
    if sequences is None or (isinstance(sequences, Const) and not sequences.value):
        return (shape[0] if shape else None, units)
    if not isinstance(sequences, Const):
        return None
    return (shape[0], *shape[1:-1], units) if shape else (None, None, units)


def splits_last_axis(before: Dims, after: Dims) -> bool:
    """Whether the class axis certainly does not survive: its size changed."""
    old, new = (before[-1] if before else None), (after[-1] if after else None)
    return old is not None and new is not None and old != new


def takes_apart(run: Run, layer: LayerV, before: Dims, after: Dims) -> bool:
    """Whether a layer that reshapes, flattens or permutes leaves something else on the last axis."""
    if splits_last_axis(before, after):
        return True
    if layer.spec.shape is Shape.PERMUTE:
        order = dims(run, layer.slots.get("dims"))
        return bool(order) and order is not None and order[-1] not in (None, len(order))
    target = dims(run, layer.slots.get("target_shape")) if layer.spec.shape is Shape.RESHAPE else (-1,)
    return bool(target) and target is not None and target[-1] == -1 and joins_axes(ranked(before), after)


def joins_axes(before: Dims, after: Dims) -> bool:
    """Whether the last axis of a shape joins several, where its new size is left to be worked out."""
    several = before is not None and any(size != 1 for size in before[1:-1])
    return several and (after is None or after[-1] is None)


def broadcast(a: Dims, b: Dims) -> Dims:
    """The shape of an elementwise operation, None where unsure."""
    if a is None or b is None:
        # The other side may be longer along an axis of size one.
        known = a if b is None else b
        return (UNRANKED, None if known[-1] == 1 else known[-1]) if known else None
    if UNRANKED in (a[:1] + b[:1]):
        if not a or not b:
            return a or b
        last = broadcast((a[-1],), (b[-1],))
        return (UNRANKED, *last) if last else None
    if len(a) < len(b):
        a, b = b, a
    padded = (1,) * (len(a) - len(b)) + b
    sizes = [
        y if x == 1 else (x if y == 1 or x == y else (x if y is None else (y if x is None else None)))
        for x, y in zip(a, padded, strict=True)
    ]
    return tuple(sizes)
