"""Outputs beside one another along the last axis, ``concat([boxes, classes])``: an index finds them again.

Only what certainly holds the same values remembers them: the joined tensor itself, its cast, a Dropout.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from fromlogits_audit.catalogue.interface import Effect, Shape
from fromlogits_audit.interp.items import part_of
from fromlogits_audit.interp.keras.merging import combine
from fromlogits_audit.interp.keras.shapes import ranked
from fromlogits_audit.interp.keras_values import LayerV, StepKind, TensorV
from fromlogits_audit.interp.values import NONE, Const, SliceV, TupleV, Value

WHOLE = SliceV(NONE, NONE, NONE)


def parts_of(tensor: TensorV) -> list[TensorV]:
    """The tensors that one was joined from, none where it was not."""
    step = tensor.step
    if step is None or step.kind is not StepKind.JOINED or step.parents is not tensor.parents:
        return []
    parts = step.of.items if isinstance(step.of, TupleV) else ()
    return [part for part in parts if isinstance(part, TensorV)]


def still_joined(before: TensorV, after: TensorV) -> TensorV:
    """What was made of a tensor without changing or moving its values: it is joined from the same."""
    if before.step is None or not parts_of(before):
        return after
    return replace(after, step=replace(before.step, parents=after.parents))


def rewritten(tensor: TensorV) -> TensorV:
    """An array in which something is replaced: its parts are not what they were."""
    return replace(tensor, step=None) if parts_of(tensor) else tensor


def joins(layer: LayerV) -> bool:
    """Whether a layer joins tensors, or leaves one as it is."""
    spec = layer.spec
    return spec.effect is Effect.MERGE or (spec.effect is Effect.KEEP and spec.shape is Shape.SAME)


SAME_VALUES = (
    *("cast", "saturate_cast", "astype", "float16", "float32", "float64", "to_float", "to_double"),
    *("convert_to_tensor", "convert_to_numpy", "asarray", "array", "ascontiguousarray", "numpy", "copy"),
    *("identity", "stop_gradient", "ensure_shape", "check_numerics", "device_get", "get_value", "eval"),
)
"""Functions and methods that leave every value as it is, and where it is."""


def taken(tensor: TensorV, key: list[Value]) -> tuple[TensorV, list[Value]] | None:
    """What an index takes of one part, or of several whole ones, and the index into that; None for others."""
    parts, span = parts_of(tensor), _span(tensor, key)
    if not parts or span is None or len(span) == tensor.units:  # all of it
        return None
    start = 0
    inside: list[TensorV] = []
    for part in parts:
        if part.units is None:
            break  # where what comes after it stands is not known
        size = part.units
        if start <= span.start and span.stop <= start + size:
            return part, [*key[:-1], _moved(key[-1], span, start, size)]
        if span.start <= start and start + size <= span.stop:
            inside.append(part)
        start += size
    if sum(part.units or 0 for part in inside) != len(span):
        return None
    return combine("concat", inside, -1), [*key[:-1], WHOLE]


def _span(tensor: TensorV, key: list[Value]) -> range | None:
    """Which of the last axis an index takes, None where that is not known or it is not the last axis's."""
    shape, units = ranked(tensor.shape), tensor.units
    open = units is None
    if units is None:
        units = sum(
            part.units or 0 for part in takewhile(lambda part: part.units is not None, parts_of(tensor))
        )
    solid = [one for one in key if one is not NONE and not is_ellipsis(one)]
    last = key[-1] if key else NONE
    reaches = len(solid) < len(key) and any(map(is_ellipsis, key[:-1]))
    if last not in solid or not (reaches or (shape is not None and len(solid) == len(shape))):
        return None
    if open and _counts_from_the_end(last, units):
        return None
    if isinstance(last, SliceV):
        bounds = part_of(last)
        found = range(units)[bounds] if bounds is not None else None
    elif isinstance(last, Const) and isinstance(last.value, int) and -units <= last.value < units:
        found = range(last.value % units, last.value % units + 1)
    else:
        found = None
    return found if found and found.step == 1 else None


def _counts_from_the_end(last: Value, known: int) -> bool:
    """Whether an index may reach beyond the first ``known`` of an axis, or counts from its end."""
    if not isinstance(last, SliceV):
        return isinstance(last, Const) and isinstance(last.value, int) and last.value < 0
    bounds = part_of(last)
    begin, end = (bounds.start or 0, bounds.stop) if bounds is not None else (-1, None)
    return begin < 0 or end is None or not 0 <= end <= known


def _moved(last: Value, span: range, start: int, size: int) -> Value:
    if not isinstance(last, SliceV):
        return Const(span.start - start)
    return WHOLE if len(span) == size else SliceV(Const(span.start - start), Const(span.stop - start), NONE)


def is_ellipsis(value: Value) -> bool:
    return getattr(value, "name", None) == "builtins.Ellipsis"
