"""Functions, operators and methods on tensors: what they leave of the scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.catalogue.ops import WITHIN_ALONE
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras import formulas, sizes
from fromlogits_audit.interp.keras.activations import note_for_scores, opaque, taken_apart
from fromlogits_audit.interp.keras.arithmetic import (
    binary,
    counted,
    length_one,
    negate,
    note_cutoff,
    one_sided,
    tensors_of,
)
from fromlogits_audit.interp.keras.joined import SAME_VALUES, still_joined
from fromlogits_audit.interp.keras.labels import labelled
from fromlogits_audit.interp.keras.merging import combine
from fromlogits_audit.interp.keras.moving import OF_IMAGES, keeps_classes, rearranged, squeezed
from fromlogits_audit.interp.keras.products import linear
from fromlogits_audit.interp.keras.selecting import first, select
from fromlogits_audit.interp.keras.shapes import UNRANKED, Dims, dims, number, ranked
from fromlogits_audit.interp.keras.unnamed import unnamed
from fromlogits_audit.interp.keras_values import CONSTANTS, DECISION, MOVED_CLASSES, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import LabelEncoding, Labels, Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def apply_effect(
    run: Run, name: str, effect: OpEffect, args: Args, place: Place | None, axis: Value | None
) -> Value:
    """The result of a tensor function, over all alternatives of its arguments."""
    names = tuple(args.keywords)
    values = [*args.positional, *args.keywords.values()]
    rows = product(values, run.state.guard)
    results = []
    for guard, row in rows:
        count = len(args.positional)
        one = Args(row[:count], dict(zip(names, row[count:], strict=True)))
        result = _HANDLERS[effect](run, name, one, place, axis)
        if effect in (OpEffect.EXP, OpEffect.CLIP, OpEffect.FOLD):
            result = one_sided(result)
        results.append((guard, unnamed(labelled(run, effect, name, one, result))))
    return choose(results)


def _keep(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    short = name.rpartition(".")[2]
    row = _each_row(run, args.positional[0]) if args.positional else None
    if row is not None:
        return replace(row, shape=None, layer=None, parents=(row,))
    if not tensors_of(args) and args.positional and isinstance(args.positional[0], (Unknown, Const, ListV)):
        return args.positional[0] if not isinstance(args.positional[0], Const) else data_tensor()
    if short == "squeeze":
        return replace(tensor, shape=squeezed(tensor.shape, axis), layer=None, parents=(tensor,))
    after = replace(tensor, layer=None, parents=(tensor,))
    return still_joined(tensor, after) if short in SAME_VALUES else after


def _each_row(run: Run, value: Value) -> TensorV | None:
    """What stands for every row of ``[p[0] for p in predictions]``, None for other values."""
    items = spread(run, value) if isinstance(value, ListV) else None
    if not isinstance(items, TupleV) or not items.open or len(items.items) != 1:
        return None
    row = items.items[0]
    return row if isinstance(row, TensorV) and row.scale is not Scale.UNKNOWN else None


def _reshape(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    args = _with_stacked(run, args)
    tensor = first(args)
    short = name.rpartition(".")[2]
    shape = rearranged(run, name, args, tensor.shape, axis)
    kept = name in OF_IMAGES or keeps_classes(run, short, args, tensor.shape, shape)
    if shape is None and kept and tensor.shape and short not in _RESIZING:
        shape = (UNRANKED, tensor.units)
    after = replace(tensor, shape=shape, layer=None, parents=(tensor,))
    if short == "resize" and _overshoots(args) and tensor.scale not in (Scale.LOGITS, Scale.UNKNOWN):
        return opaque(after, Undecided(Why.COMBINED, f"resizing after {tensor.activation}"))
    if kept or tensor.scale not in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES):
        return after
    return taken_apart(after, MOVED_CLASSES)


_RESIZING = ("reshape", "view", "broadcast_to")
"""They may give the last axis another size."""


def _overshoots(args: Args) -> bool:
    """Whether an interpolation may leave the range of the values."""
    method = args.get(2, "method") or args.keywords.get("interpolation")
    name = method.value if isinstance(method, Const) else getattr(method, "name", "")
    return isinstance(name, str) and name.lower().rpartition(".")[2].startswith(
        ("bicubic", "lanczos", "mitchell")
    )


def _with_stacked(run: Run, args: Args) -> Args:
    """Arguments whose first, where it is a list of tensors, is the one tensor that functions make of it."""
    listed = args.positional[0] if args.positional else None
    items = spread(run, listed) if isinstance(listed, (ListV, TupleV)) else None
    if not isinstance(items, TupleV) or not any(isinstance(item, TensorV) for item in items.items):
        return args
    stacked = combine("stack", [_as_tensor(item) for item in items.items], 0, open=items.open)
    return replace(args, positional=(stacked, *args.positional[1:]))


def _add(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    short = name.rpartition(".")[2]
    known = [v for v in args.positional if isinstance(v, (TensorV, Const, Unknown))]
    values: list[Value] = [*(known or args.all())]
    if short == "add_n":
        items = spread(run, args.positional[0]) if args.positional else TupleV(())
        values = list(items.items) if isinstance(items, TupleV) else []
    if not values:
        return data_tensor()
    result: Value = values[0]
    for value in values[1:2] if short != "add_n" else values[1:]:
        result = binary("-" if short.startswith("sub") else "+", result, value, place)
    return result


def _scale(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    short = name.rpartition(".")[2]
    if short in ("negative", "neg"):
        return negate(first(args))
    if len(args.positional) < 2:
        return opaque(first(args), Undecided(Why.COMBINED, short))
    divides = short.startswith(("div", "true", "real"))
    return binary("/" if divides else "*", args.positional[0], args.positional[1], place)


def _mean(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    given = _first_or_stacked(run, args)
    axis = axis if axis is not None else args.get(1, "axis")
    sizes = dims(run, axis) if axis is not None else None
    if axis is None or axis is NONE or sizes is None:
        return replace(data_tensor((), what="a mean"), parents=(given,))
    shape = ranked(given.shape)
    after = replace(given, shape=_left(shape, sizes, args), layer=None, parents=(given,))
    if _over_classes(sizes, shape) and given.scale is not Scale.INDEPENDENT:
        return opaque(replace(after, shape=None), Undecided(Why.COMBINED, "a mean over the classes"))
    return after


def _first_or_stacked(run: Run, args: Args) -> TensorV:
    """The tensor; a list of tensors is stacked along a new first axis: ``np.mean([p, q], axis=0)``."""
    content = args.positional[0] if args.positional else NONE
    items = spread(run, content) if isinstance(content, (ListV, TupleV)) else None
    tensors = [v for v in items.items if isinstance(v, TensorV)] if isinstance(items, TupleV) else []
    if not tensors or not isinstance(items, TupleV) or len(tensors) < len(items.items):
        return first(args)
    stacked = combine("stack", tensors, 0, open=items.open)
    return replace(stacked, parents=tuple(tensors))


def _over_classes(axes: tuple[int | None, ...], shape: Dims) -> bool:
    return -1 in axes or (shape is not None and len(shape) - 1 in axes)


def _left(shape: Dims, axes: tuple[int | None, ...], args: Args) -> Dims:
    """The shape once some axes are gone, or of size one."""
    if shape is None or None in axes:
        return None
    rank = len(shape)
    gone = {(n or 0) % rank for n in axes if -rank <= (n or 0) < rank}
    keep = args.keywords.get("keepdims")
    kept = isinstance(keep, Const) and keep.value
    return tuple(1 if i in gone else n for i, n in enumerate(shape) if kept or i not in gone)


def _reduce(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    given = first(args)
    axis = axis if axis is not None else args.get(1, "axis")
    if axis is None or axis is NONE:
        return replace(data_tensor((), what="a reduction"), parents=(given,))
    sizes = dims(run, axis) or ()
    shape = ranked(given.shape)
    after = replace(given, shape=_left(shape, sizes, args), layer=None, parents=(given,))
    short = name.rpartition(".")[2]
    of_classes = _over_classes(sizes, shape)
    if given.scale is Scale.LOGITS and of_classes and short.endswith("logsumexp"):
        return formulas.after_logsumexp(given, after)
    if short.endswith("logsumexp"):
        note_for_scores(run, short, given)
    if given.scale is Scale.UNKNOWN or (given.scale is Scale.LOGITS and short not in _SPREADS):
        return after if short in _PICKS else counted(after)
    if given.scale is Scale.INDEPENDENT and short in _PICKS:
        return after
    if given.scale is Scale.PROBABILITIES and short in _PICKS and of_classes:
        return replace(after, scale=Scale.INDEPENDENT)  # how sure it is of its class
    made = opaque(after, Undecided(Why.COMBINED, f"{short} of {given.activation}"))
    return formulas.after_sum(given, made) if short.endswith("sum") and of_classes else made


_PICKS = ("max", "min", "amax", "amin", "reduce_max", "reduce_min", "prod", "reduce_prod", "median")
"""What takes numbers in [0, 1] to a number in [0, 1]."""
_SPREADS = ("std", "var", "reduce_std", "reduce_variance", "norm", "ptp")
"""How far numbers lie apart or from zero: never below it."""


def _argmax(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    return data_tensor(None, Labels(LabelEncoding.INTEGER), what="class ids")


def _round(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    places = args.get(1, "decimals")
    if places is None or (isinstance(places, Const) and places.value == 0):
        note_cutoff(run, formulas.before_rounding(tensor), 0.5, place)
    decided = tensor.scale in (Scale.PROBABILITIES, Scale.INDEPENDENT)
    return TensorV(shape=tensor.shape, reason=DECISION if decided else _ROUNDED)


_ROUNDED = Undecided(Why.DATA, "rounded numbers")


def _sequence(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    source = args.positional[0] if args.positional else next(iter(args.keywords.values()), NONE)
    items = spread(run, source)
    if not isinstance(items, TupleV) or not items.items:
        return first(args)
    given = axis if axis is not None else args.get(1, "axis")
    rows = []
    for guard, row in product(items.items, run.state.guard):
        tensors = [_as_tensor(v) for v in row]
        kind, at = _joins(name.rpartition(".")[2], tensors[0].shape, given)
        rows.append((guard, combine(kind, tensors, at, open=items.open)))
    return choose(rows)


def _joins(short: str, shape: Dims, axis: Value | None) -> tuple[str, int | None]:
    """Whether a function makes a new axis, and along which it joins."""
    shape = ranked(shape)
    rank = len(shape) if shape is not None else None
    if short == "vstack":
        return ("stack" if rank == 1 else "concat"), 0
    if short in ("hstack", "column_stack"):
        columns = short == "column_stack" and rank == 1
        return ("stack", -1) if columns else ("concat", 0 if rank == 1 else 1)
    if short == "dstack":
        return ("concat", 2) if rank is not None and rank > 2 else ("stack", -1)
    return ("stack" if "stack" in short else "concat"), number(axis or Const(0))


def _as_tensor(value: Value) -> TensorV:
    if isinstance(value, TensorV):
        return value
    return TensorV(reason=value.reason) if isinstance(value, Unknown) else data_tensor()


def _new(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = args.positional[0] if args.positional else None
    size = sizes.read(tensor, name) if isinstance(tensor, TensorV) else None
    return size if size is not None else run.keras.data.new_tensor(run, name, args)


def _unit(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    return length_one(replace(tensor, layer=None, parents=(tensor,)))


def _exp(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    if tensor.scale is Scale.LOG_PROBABILITIES:
        softmax = tensor.activation == "log_softmax"
        scale = Scale.PROBABILITIES if softmax else Scale.INDEPENDENT
        return replace(tensor, scale=scale, activation="softmax" if softmax else "sigmoid", parents=(tensor,))
    if tensor.scale is Scale.UNKNOWN:
        return replace(tensor, parents=(tensor,))
    return replace(tensor, scale=Scale.NON_NEGATIVE, activation="exponential", reason=None, parents=(tensor,))


def _fold(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    short = name.rpartition(".")[2]
    after = replace(tensor, layer=None, parents=(tensor,))
    inside = tensor.scale is Scale.INDEPENDENT and short in WITHIN_ALONE
    if tensor.scale is Scale.UNKNOWN or inside:
        return after
    return opaque(after, Undecided(Why.COMBINED, f"{short} of {tensor.activation}"))


def _log(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor = first(args)
    if tensor.reason is None or tensor.reason.why is not Why.DATA:
        run.recorder.note_opaque(Undecided(Why.OPAQUE_LOSS, "takes a logarithm of y_pred"))
    after = replace(tensor, layer=None, parents=(tensor,))
    if tensor.scale is Scale.PROBABILITIES:
        after = replace(after, scale=Scale.LOG_PROBABILITIES, activation="log_softmax")
    elif tensor.scale is Scale.INDEPENDENT:
        after = replace(after, scale=Scale.LOG_PROBABILITIES, activation="log_sigmoid")
    else:
        after = opaque(after, tensor.reason or Undecided(Why.COMBINED, "a logarithm"))
    return formulas.after_logarithm(tensor, after, place)


def _clip(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    tensor, short = first(args), name.rpartition(".")[2]
    outputs = [one for one in tensors_of(args) if one.reason != CONSTANTS]
    if short in ("maximum", "minimum") and len(outputs) > 1:
        return replace(combine(short, outputs, None), layer=None, parents=tuple(outputs))
    bounds = [v.value for v in args.all() if isinstance(v, Const) and isinstance(v.value, (int, float))]
    cuts = any(-1e-3 <= b <= 1 for b in bounds)
    bounds_too = tuple(v for v in args.all() if v is not tensor)  # no function of the tensor alone
    after = replace(tensor, layer=None, parents=(tensor, *bounds_too))
    if tensor.scale in (Scale.LOGITS, Scale.NON_NEGATIVE, Scale.BOUNDED) and cuts:
        after = opaque(after, Undecided(Why.COMBINED, "clipped scores"))
    return formulas.after_clip(tensor, after, bounds)


Handler = Callable[["Run", str, Args, "Place | None", "Value | None"], Value]
_HANDLERS: dict[OpEffect, Handler] = {
    OpEffect.KEEP: _keep,
    OpEffect.RESHAPE: _reshape,
    OpEffect.LINEAR: linear,
    OpEffect.ADD: _add,
    OpEffect.SCALE: _scale,
    OpEffect.MEAN: _mean,
    OpEffect.REDUCE: _reduce,
    OpEffect.ARGMAX: _argmax,
    OpEffect.ROUND: _round,
    OpEffect.CONCAT: _sequence,
    OpEffect.STACK: _sequence,
    OpEffect.SELECT: select,
    OpEffect.NEW: _new,
    OpEffect.UNIT: _unit,
    OpEffect.EXP: _exp,
    OpEffect.LOG: _log,
    OpEffect.CLIP: _clip,
    OpEffect.FOLD: _fold,
}
