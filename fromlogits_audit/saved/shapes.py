"""Shapes after a layer, as far as the size of the last axis and the rank depend on them.

Everything in doubt is None: an unknown size counts as several units.
"""

from __future__ import annotations

import math
from typing import Any

from fromlogits_audit.catalogue.interface import LayerSpec, Shape
from fromlogits_audit.saved.values import Dims, Json, dims, number

Config = dict[str, Any]


def units_of(spec: LayerSpec, config: Config) -> int | None:
    size = number(config.get(spec.units)) if spec.units else None
    return size if size is not None and size > 0 else None


def out_shape(spec: LayerSpec, config: Config, shape: Dims) -> Dims:
    """The shape after a layer that is no merge."""
    units, rule = units_of(spec, config), spec.shape
    if rule is Shape.SAME:
        return shape
    if rule is Shape.UNITS:
        return (*shape[:-1], units) if shape else (None, units)
    if rule is Shape.CONV:
        return _conv(spec, config, shape, units)
    if rule is Shape.EMBEDDING:
        return (*shape, units) if shape else (None, None, units)
    if rule is Shape.RECURRENT:
        return recurrent(config, shape, units)
    return _moved(spec, config, shape)


def _moved(spec: LayerSpec, config: Config, shape: Dims) -> Dims:
    """Layers without units of their own."""
    rule = spec.shape
    if rule is Shape.POOL:
        return _pool(spec, config, shape)
    if rule is Shape.GLOBAL_POOL:
        return _global_pool(config, shape)
    if rule is Shape.FLATTEN:
        return flatten(shape)
    if rule is Shape.RESHAPE:
        return reshape(config.get("target_shape"), shape)
    if rule is Shape.PERMUTE:
        return _permute(config.get("dims"), shape)
    if rule is Shape.REPEAT:
        return (None, number(config.get("n")), shape[-1]) if shape and len(shape) == 2 else None
    return None


def _channels_first(config: Config) -> bool:
    return config.get("data_format") == "channels_first"


def _spatial(value: Json, count: int, default: int | None) -> list[int | None]:
    """One number for each spatial axis; a single one serves all."""
    if value is None:
        return [default] * count
    sizes = dims(value)
    if not sizes:
        return [None] * count
    return list(sizes) if len(sizes) == count else [sizes[0]] * count


def _conv(spec: LayerSpec, config: Config, shape: Dims, units: int | None) -> Dims:
    if _channels_first(config):
        return None
    if shape is None or len(shape) < 3:
        rank = next((int(digit) for digit in "123" if f"{digit}D" in spec.name), None)
        return (None,) * (rank + 1) + (units,) if rank else None
    if units is None and "Depthwise" in spec.name:
        multiplier = number(config.get("depth_multiplier")) or 1
        units = shape[-1] * multiplier if shape[-1] is not None else None
    count = len(shape) - 2
    kernel = _spatial(config.get("kernel_size"), count, None)
    stride = _spatial(config.get("strides"), count, 1)
    dilated = any(rate != 1 for rate in _spatial(config.get("dilation_rate"), count, 1))
    step = _grown if "Transpose" in spec.name else _windowed
    sizes = [step(s, k, st, config) for s, k, st in zip(shape[1:-1], kernel, stride, strict=True)]
    if "LSTM" in spec.name or (dilated and not _same_padding(config)):
        sizes = [None] * count
    return (shape[0], *sizes, units)


def _same_padding(config: Config) -> bool:
    return str(config.get("padding", "valid")).lower() in ("same", "causal")


def _windowed(size: int | None, window: int | None, stride: int | None, config: Config) -> int | None:
    if size is None or stride is None or stride < 1:
        return None
    if _same_padding(config):
        return math.ceil(size / stride)
    return (size - window) // stride + 1 if window is not None and size >= window else None


def _grown(size: int | None, window: int | None, stride: int | None, config: Config) -> int | None:
    if size is None or stride is None or not _same_padding(config):
        return None
    return size * stride


def _pool(spec: LayerSpec, config: Config, shape: Dims) -> Dims:
    if shape is None or len(shape) < 3 or _channels_first(config):
        return None
    count = len(shape) - 2
    if "UpSampling" in spec.name:
        factor = _spatial(config.get("size"), count, 2)
        grown = [
            s * f if s is not None and f is not None else None
            for s, f in zip(shape[1:-1], factor, strict=True)
        ]
        return (shape[0], *grown, shape[-1])
    if "Pool" not in spec.name or "Adaptive" in spec.name:
        return (shape[0], *[None] * count, shape[-1])
    window = _spatial(config.get("pool_size"), count, 2)
    steps = _spatial(config.get("strides"), count, None)
    sizes = [
        _windowed(s, w, w if st is None else st, config)
        for s, w, st in zip(shape[1:-1], window, steps, strict=True)
    ]
    return (shape[0], *sizes, shape[-1])


def _global_pool(config: Config, shape: Dims) -> Dims:
    if shape is None or _channels_first(config):
        return None
    if config.get("keepdims"):
        return (shape[0], *[1] * (len(shape) - 2), shape[-1])
    return (shape[0], shape[-1])


def flatten(shape: Dims) -> Dims:
    if shape is None:
        return (None, None)
    inner = shape[1:]
    if not inner:
        return (shape[0], 1)
    return (shape[0], math.prod(n for n in inner if n is not None) if None not in inner else None)


def reshape(target: Json, shape: Dims) -> Dims:
    """The shape after a reshape of everything but the batch; one -1 is worked out where it can be."""
    sizes = dims(target)
    if sizes is None:
        return None
    rest = [n for n in sizes if n != -1]
    resolved = [None if n == -1 else n for n in sizes]
    if len(rest) == len(sizes) - 1 and shape is not None and None not in shape[1:] and None not in rest:
        taken = math.prod(n for n in rest if n is not None)
        total = math.prod(n for n in shape[1:] if n is not None)
        resolved[sizes.index(-1)] = total // taken if taken else None
    return (None, *resolved)


def _permute(order: Json, shape: Dims) -> Dims:
    places = dims(order)
    if shape is None or places is None:
        return None
    known = [place for place in places if place is not None and 0 < place < len(shape)]
    return (shape[0], *[shape[place] for place in known]) if len(known) == len(places) else None


def recurrent(config: Config, shape: Dims, units: int | None) -> Dims:
    if not config.get("return_sequences"):
        return (shape[0] if shape else None, units)
    return (shape[0], *shape[1:-1], units) if shape else (None, None, units)


def splits_last_axis(before: Dims, after: Dims) -> bool:
    """Whether the class axis certainly does not survive: its size changed."""
    old, new = (before[-1] if before else None), (after[-1] if after else None)
    return old is not None and new is not None and old != new


def joins_axes(before: Dims, after: Dims) -> bool:
    """Whether the last axis of a shape joins several, where its new size is left to be worked out."""
    several = before is not None and any(size != 1 for size in before[1:-1])
    return several and (after is None or after[-1] is None)


def broadcast(a: Dims, b: Dims) -> Dims:
    """The shape of an elementwise operation, None where unsure."""
    if a is None or b is None:
        return a if b is None else b
    if len(a) < len(b):
        a, b = b, a
    padded = (1,) * (len(a) - len(b)) + b
    return tuple(_wider(x, y) for x, y in zip(a, padded, strict=True))


def _wider(x: int | None, y: int | None) -> int | None:
    if x == 1:
        return y
    if y in (1, None, x):
        return x
    return y if x is None else None
