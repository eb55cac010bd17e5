"""What a program reads off the shape of a tensor: its sizes and its rank, where they are known beforehand.

``tf.shape(x)`` is none of it: that is a tensor, whatever is known of ``x``.
"""

from __future__ import annotations

from fromlogits_audit.interp.keras.shapes import Dims, ranked
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import Const, TupleV, Unknown, Value
from fromlogits_audit.ir import Undecided, Why

_SHAPES = frozenset(
    ["keras.backend.int_shape", "keras.ops.shape", "numpy.shape", "method.get_shape", "shape", "_keras_shape"]
)
_RANKS = frozenset(["keras.ops.ndim", "keras.backend.ndim", "numpy.ndim", "tf.rank", "method.ndim", "ndim"])


def read(tensor: TensorV, name: str) -> Value | None:
    """What a function, method or attribute of that name tells of a shape, None where it tells nothing."""
    if name in _SHAPES:
        return shape_value(tensor.shape, id(tensor))
    return _rank(tensor.shape, id(tensor)) if name in _RANKS else None


def shape_value(shape: Dims, key: int) -> Value:
    """``tensor.shape``: sizes that are unknown have a key of their own, so equal ones stay equal."""
    known = ranked(shape)
    if known is None:
        return Unknown(Undecided(Why.RUNTIME, "a shape"), ("shape", key))
    reason = Undecided(Why.RUNTIME, "a size")
    return TupleV(
        tuple(Unknown(reason, ("size", key, i)) if n is None else Const(n) for i, n in enumerate(known))
    )


def _rank(shape: Dims, key: int) -> Value:
    known = ranked(shape)
    if known is None:
        return Unknown(Undecided(Why.RUNTIME, "a rank"), ("len", ("shape", key)))
    return Const(len(known))


def of_shape(shape: TupleV, name: str) -> Value | None:
    """Attributes of ``tf.TensorShape`` that a tuple has not."""
    return Const(len(shape.items)) if name in ("ndims", "rank") and not shape.open else None
