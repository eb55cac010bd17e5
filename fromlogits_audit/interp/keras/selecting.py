"""Functions that take some of the values they are given: ``where``, ``gather``, ``slice``."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras.indexing import covers
from fromlogits_audit.interp.keras.moving import may_be_last
from fromlogits_audit.interp.keras.shapes import UNRANKED, Dims, broadcast, number, ranked
from fromlogits_audit.interp.keras_values import PART_OF_CLASSES, Step, StepKind, TensorV, data_tensor
from fromlogits_audit.interp.values import NONE, Args, Const, FuncV, ListV, Place, TupleV, Unknown, Value
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def first(args: Args) -> TensorV:
    """The tensor that a function is given; an unknown argument may be one."""
    for value in args.all():
        if isinstance(value, TensorV):
            return value
        if isinstance(value, Unknown):
            return TensorV(reason=value.reason)
    return data_tensor()


def select(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    short = name.rpartition(".")[2]
    values = _chosen_from(run, args, place) if short in _BY_CONDITION else args.positional[:1]
    tensors = [v for v in values if isinstance(v, TensorV)] or [first(args)]
    if len({t.scale for t in tensors}) > 1:
        return opaque(replace(tensors[0], shape=None), Undecided(Why.COMBINED, short))
    chosen = tensors[0]
    if len(tensors) > 1 and short in _BY_CONDITION and _mixes_rows(args, chosen):
        return opaque(chosen, Undecided(Why.COMBINED, f"{short} of several outputs, class by class"))
    if _picks_rows(name, args, chosen):
        return replace(chosen, shape=(UNRANKED, chosen.units), layer=None, parents=(chosen,))
    if short in _SPLITS and number(axis if axis is not None else Const(0)) == 0 and len(tensors) == 1:
        part = replace(chosen, shape=(UNRANKED, chosen.units), layer=None, parents=(chosen,))
        return TupleV((part,), open=True)
    parts = _parts(run, name, args, chosen, number(axis)) if short == "split" and len(tensors) == 1 else None
    if parts is not None:
        return parts
    if chosen.scale is Scale.PROBABILITIES and short != "where":
        return opaque(replace(chosen, shape=None), Undecided(Why.COMBINED, f"{short} of probabilities"))
    shape = _of_all(args.get(0, "condition"), tensors) if short == "where" else None
    return replace(chosen, shape=shape, layer=None, parents=(chosen,))


def _of_all(condition: Value | None, tensors: list[TensorV]) -> Dims:
    """The shape of what is picked value by value: that of all that is given."""
    own = condition.shape if isinstance(condition, TensorV) else None
    return reduce(broadcast, (one.shape for one in tensors), own)


_SPLITS = ("split", "array_split")
"""Along the first axis, which is theirs by default, they part the rows."""
MAX_PARTS = 16


def _parts(run: Run, name: str, args: Args, tensor: TensorV, axis: int | None) -> Value | None:
    """``tf.split(x, 2, axis=-1)``, ``tf.split(x, (2, 2, 1, classes), axis=-1)``: as many parts, along the
    classes; None where that is not known, or is another axis."""
    given = args.get(1, "num_or_size_splits") or args.keywords.get("indices_or_sections")
    count, sizes = number(given or NONE), content_of(run, given or NONE)
    shape = ranked(tensor.shape)
    if axis != -1 and (shape is None or axis != len(shape) - 1):
        return None
    if count is not None:
        whole = tensor.units
        units = [whole // count if whole is not None and count and whole % count == 0 else None] * count
    elif name == "tf.split" and isinstance(sizes, TupleV) and not sizes.open:
        units = [number(size) for size in sizes.items]
    else:
        return None
    if not 0 < len(units) <= MAX_PARTS:
        return None
    parents = (tensor,)
    step = Step(StepKind.PART, tensor, parents)
    part = replace(tensor, name=None, layer=None, parents=parents, step=step)
    if tensor.scale is Scale.PROBABILITIES:
        part = opaque(part, PART_OF_CLASSES)
    before = shape[:-1] if shape is not None else (UNRANKED,)
    return TupleV(tuple(replace(part, shape=(*before, size)) for size in units))


_BY_CONDITION = ("where", "switch", "select", "choose", "compress", "extract")
"""Their first argument says which of the others are taken."""
_CONDITIONS = ("condition", "condlist", "pred", "index")


def _chosen_from(run: Run, args: Args, place: Place | None) -> list[Value]:
    """What ``where(condition, a, b)`` takes its values from; lists and functions of them too."""
    given = [v for name, v in args.keywords.items() if name not in _CONDITIONS]
    chosen: list[Value] = []
    for value in (*args.positional[1:], *given):
        items = spread(run, value) if isinstance(value, (ListV, TupleV)) else None
        for item in items.items if isinstance(items, TupleV) else (value,):
            chosen.append(run.call(item, Args(), place) if isinstance(item, FuncV) else item)
    return chosen


def _mixes_rows(args: Args, chosen: TensorV) -> bool:
    """Whether a condition for each class puts a row together of several."""
    condition = args.get(0, "condition")
    by_class = isinstance(condition, TensorV) and condition.units == chosen.units not in (None, 1)
    return by_class and chosen.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)


def _picks_rows(name: str, args: Args, chosen: TensorV) -> bool:
    """Whether a function takes some of the rows, and leaves each of them whole."""
    axis = _row_axis(name, args)
    if (
        axis is None
        or chosen.shape is None
        or (name.endswith(".boolean_mask") and covers(args.get(1, "mask"), chosen, axis))
    ):
        return False
    shape = ranked(chosen.shape)
    return not may_be_last(axis, None if shape is None else len(shape))


def _row_axis(name: str, args: Args) -> int | None:
    """The axis along which values are taken, None where it is not known or there is none."""
    if name == "keras.backend.gather":
        return 0
    if name.endswith(".boolean_mask"):
        return _number_or(args.get(2, "axis"), 0)
    if name.endswith(".take"):
        return number(args.get(2, "axis"))  # without an axis it takes single values
    if name != "tf.gather":
        return None
    batch = _number_or(args.get(4, "batch_dims"), 0)
    axis = _number_or(args.get(3, "axis"), batch)
    return axis if axis is None or batch is None or axis < 0 else max(axis, batch)


def _number_or(value: Value | None, default: int | None) -> int | None:
    return default if value is None or value is NONE else number(value)
