"""Operations that move, join or split axes: what shape they leave, and whether the classes stay whole on the
last axis.

Rows of probabilities sum to one there and nowhere else. In doubt the answer is no.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.shapes import UNRANKED, Dims, dims, number, ranked, splits_last_axis
from fromlogits_audit.interp.values import NONE, Args, Const, TupleV, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Question = Callable[["Run", Args, Dims], bool]
"""Whether the last axis survives a function called with these arguments, the tensor first."""


def keeps_classes(run: Run, name: str, args: Args, before: Dims, after: Dims) -> bool:
    """Whether the last axis is the same one after a function that reshapes."""
    if splits_last_axis(before, after):
        return False
    question = _QUESTIONS.get(name)
    return question is None or question(run, args, ranked(before))


def may_be_last(axis: int, rank: int | None, least: int = 2) -> bool:
    """Whether an axis is the last, or may be where no more is known of the rank than that it is ``least``."""
    if rank is None:
        return axis == -1 or axis >= least - 1
    return axis in (-1, rank - 1)


def _rank(shape: Dims) -> int | None:
    return len(shape) if shape is not None else None


def _reshape(run: Run, args: Args, shape: Dims) -> bool:
    """``reshape(p, (-1,))`` joins all axes; a last size that is computed is taken for that of the classes."""
    given = args.get(1, "shape") or args.get(1, "newshape")
    sizes = tuple(number(v) for v in args.positional[1:]) if len(args.positional) > 2 else dims(run, given)
    if not sizes or sizes[-1] != -1:
        return True
    return len(sizes) == 2 and _rank(shape) == 2


def _order(run: Run, args: Args) -> Dims:
    """The axes that a transposition is told, None where it is told none."""
    given = next((args.keywords[n] for n in ("perm", "axes", "pattern") if n in args.keywords), None)
    positional = args.positional[1:]
    order = tuple(number(v) for v in positional) if len(positional) > 1 else None
    return dims(run, given or (positional[0] if positional else None)) if order is None else order


def _transpose(run: Run, args: Args, shape: Dims) -> bool:
    order = _order(run, args)
    return bool(order) and order is not None and order[-1] in (-1, len(order) - 1)


def _swap(run: Run, args: Args, shape: Dims) -> bool:
    axes = [number(v) for v in (*args.positional[1:], *args.keywords.values())]
    return len(axes) == 2 and not any(a is None or may_be_last(a, _rank(shape)) for a in axes)


def _repeat(run: Run, args: Args, shape: Dims) -> bool:
    axis = number(args.get(2, "axis"))
    return axis is not None and not may_be_last(axis, _rank(shape))


def _tile(run: Run, args: Args, shape: Dims) -> bool:
    given = next(
        (args.keywords[n] for n in ("multiples", "repeats", "reps", "n") if n in args.keywords), None
    )
    content = content_of(run, given or (args.positional[1] if len(args.positional) > 1 else NONE))
    last = content.items[-1] if isinstance(content, TupleV) and content.items else content
    return number(last) == 1


def _expand(run: Run, args: Args, shape: Dims) -> bool:
    axis = number(args.get(1, "axis"))
    rank = _rank(shape)
    return axis is not None and not may_be_last(axis, None if rank is None else rank + 1, 3)


def _rearrange(run: Run, args: Args, shape: Dims) -> bool:
    """``rearrange(p, "b h w c -> b (h w) c")``"""
    pattern = args.get(1, "pattern")
    if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
        return False
    before, arrow, after = pattern.value.partition("->")
    ends = [side.split()[-1:] for side in (before, after)]
    return bool(arrow) and ends[0] == ends[1]


def _batch_flatten(run: Run, args: Args, shape: Dims) -> bool:
    return _rank(shape) == 2


def _rotate(run: Run, args: Args, shape: Dims) -> bool:
    return shape is not None and len(shape) > 2 and "axes" not in args.keywords and len(args.positional) < 3


def _never(run: Run, args: Args, shape: Dims) -> bool:
    return False


_OVERSHOOTS = ("bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
"""Interpolations by which values leave the range of their neighbours, or do not sum to one."""


def _resize(run: Run, args: Args, shape: Dims) -> bool:
    values: tuple[Value, ...] = args.all()
    return not any(isinstance(v, Const) and v.value in _OVERSHOOTS for v in values)


def _pad(run: Run, args: Args, shape: Dims) -> bool:
    """``tf.pad(x, [[0, 0], [0, n], [0, 0]])``"""
    widths = content_of(run, args.get(1, "paddings") or args.keywords.get("pad_width") or NONE)
    last = widths.items[-1] if isinstance(widths, TupleV) and widths.items else NONE
    ends = content_of(run, last)
    return isinstance(ends, TupleV) and [number(end) for end in ends.items] == [0, 0]


_QUESTIONS: dict[str, Question] = {
    "pad": _pad,
    "reshape": _reshape,
    "transpose": _transpose,
    "permute_dimensions": _transpose,
    "swapaxes": _swap,
    "moveaxis": _swap,
    "rollaxis": _never,
    "rot90": _rotate,
    "repeat": _repeat,
    "repeat_elements": _repeat,
    "tile": _tile,
    "expand_dims": _expand,
    "rearrange": _rearrange,
    "batch_flatten": _batch_flatten,
    "resize": _resize,
    "resize_images": _resize,
    **dict.fromkeys(("ravel", "flatten", "T", "mT", "matrix_transpose", "atleast_3d"), _never),
    **dict.fromkeys(("depth_to_space", "space_to_depth"), _never),
}


# -- shapes ------------------------------------------------------------------------------------
OF_IMAGES = ("tf.image.transpose", "tf.image.rot90", "keras.backend.repeat")
"""They leave the last axis alone, whatever their namesakes do."""


def rearranged(run: Run, name: str, args: Args, shape: Dims, axis: Value | None) -> Dims:
    """The shape after an operation that moves, adds or joins axes, as far as it says."""
    short = name.rpartition(".")[2]
    if short == "reshape":
        return _target(run, args)
    if short == "expand_dims":
        return _expanded(shape, axis or args.get(1, "axis"))
    return _turned(run, name, args, shape)


def _turned(run: Run, name: str, args: Args, shape: Dims) -> Dims:
    """The shape after ``tf.transpose(x)``, which turns the axes round where it is told no order."""
    if not name.endswith((".transpose", ".permute_dimensions")) or name in OF_IMAGES or shape is None:
        return None
    if len(args.all()) == 1:
        return None if UNRANKED in shape else shape[::-1]
    order = _order(run, args)
    if not order:
        return None
    if UNRANKED in shape:
        return (UNRANKED, shape[-1]) if order[-1] in (-1, len(order) - 1) else None
    known = [axis for axis in order if axis is not None and -len(shape) <= axis < len(shape)]
    return tuple(shape[axis] for axis in known) if len(known) == len(shape) else None


def _expanded(shape: Dims, axis: Value | None) -> Dims:
    at = number(axis)
    shape = ranked(shape)
    if shape is None or at is None or not -len(shape) - 1 <= at <= len(shape):
        return None
    index = at % (len(shape) + 1)
    return (*shape[:index], 1, *shape[index:])


def squeezed(shape: Dims, axis: Value | None) -> Dims:
    at = number(axis)
    shape = ranked(shape)
    if shape is None or at is None or not -len(shape) <= at < len(shape):
        return None
    return shape[: at % len(shape)] + shape[at % len(shape) + 1 :]


_TENSOR_NAMES = frozenset(["tensor", "x", "a"])


def _target(run: Run, args: Args) -> Dims:
    """The shape that a tensor is brought to, as far as it is written out."""
    tensor_first = bool(args.positional) and _TENSOR_NAMES.isdisjoint(args.keywords)
    rest = args.positional[1:] if tensor_first else args.positional
    target = (
        args.keywords.get("shape") or args.keywords.get("newshape") or (rest[0] if len(rest) == 1 else None)
    )
    sizes = dims(run, target) if target is not None else tuple(number(v) for v in rest)
    return tuple(None if n == -1 else n for n in sizes) if sizes else None
