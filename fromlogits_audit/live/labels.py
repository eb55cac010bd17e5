"""The encoding of labels, from the y_true of one batch and the shape of the output beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fromlogits_audit.ir import LabelEncoding, Labels
from fromlogits_audit.saved.values import Dims

MAX_VALUES = 4_000_000
"""Labels of one batch that are looked at: more are cut to whole samples."""


def labels_of(y: Any, shape: Dims = None, *, ignored: Sequence[int] = ()) -> Labels:
    """How ``y`` is written: the labels of a batch, of whatever array type, for an output of ``shape``.

    Whether ``(batch, n)`` numbers are one-hot or a sequence of classes shows in the output's rank, so without
    ``shape`` only what can't be both is told. ``ignored`` are class numbers that mark samples without a
    label. ``classes`` is the width of one-hot labels; of class numbers it is only given where they go beyond
    the output's units.
    """
    values = as_array(y)
    if values is None or values.size == 0 or values.dtype.kind not in "biuf":
        return Labels()
    values = _cut(values)
    width = values.shape[-1] if values.ndim else 1
    rank = len(shape) if shape is not None else None
    if rank is None:
        rank = 2 if values.ndim < 2 or width == 1 else None
    if rank is None:
        return Labels()
    if values.ndim == rank and width > 1:
        return _by_class(values)
    if values.ndim in (rank, rank - 1):
        return _numbers(values, shape[-1] if shape else None, ignored)
    return Labels()


def as_array(value: Any) -> Any:
    """A numpy array of a tensor of any backend; None where there is none to have."""
    import numpy

    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        if hasattr(value, "numpy") and not isinstance(value, numpy.ndarray):
            value = value.numpy()
        found = numpy.asarray(value)
    except Exception:
        # Ragged, sparse, symbolic or lazy: each array type has its own error for it.
        return None
    if found.dtype.kind == "V" or str(found.dtype) == "bfloat16":
        return found.astype("float32")
    return None if found.dtype.kind == "O" else found


def _cut(values: Any) -> Any:
    if values.size <= MAX_VALUES or values.ndim == 0:
        return values
    return values[: max(MAX_VALUES * len(values) // values.size, 1)]


def _by_class(values: Any) -> Labels:
    """One column a class: exactly one of each row is 1, or it is something else than one-hot."""
    zeros_and_ones = ((values == 0) | (values == 1)).all()
    one_each = zeros_and_ones and (values.sum(axis=-1) == 1).all()
    return Labels(LabelEncoding.ONE_HOT, int(values.shape[-1])) if one_each else Labels()


def _numbers(values: Any, units: int | None, ignored: Sequence[int]) -> Labels:
    """Class numbers, or 0/1."""
    import numpy

    kept = values[~numpy.isin(values, list(ignored))] if ignored else values
    whole = kept.dtype.kind in "biu" or (numpy.isfinite(kept).all() and (kept == numpy.floor(kept)).all())
    if kept.size == 0 or not whole or kept.min() < 0:
        return Labels()
    highest = int(kept.max())
    if highest <= 1:
        return Labels(LabelEncoding.BINARY)
    beyond = units is not None and units > 1 and highest >= units
    return Labels(LabelEncoding.INTEGER, highest + 1 if beyond else None)


def share_of_ones(y: Any) -> float | None:
    """How many of 0/1 labels are 1, as a share; None where they are not all 0 or 1."""
    values = as_array(y)
    if values is None or values.size == 0 or not ((values == 0) | (values == 1)).all():
        return None
    return float(values.mean())
