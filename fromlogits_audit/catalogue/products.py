"""What is left of the shapes of two tensors that a layer of Keras multiplies."""

from __future__ import annotations

Dims = tuple[int | None, ...] | None


def dot_shape(first: Dims, second: Dims, axes: Dims) -> Dims:
    """The shape after ``Dot(axes)([first, second])`` (keras.src.layers.merging.dot), the batch first.

    ``axes`` is one number or two, None where not known. The answer is None where the rank is not known.
    """
    if first is None or second is None:
        return None
    if len(first) == len(second) == 2:
        return (first[0], 1)  # along the only axis there is
    pair = axes * 2 if axes is not None and len(axes) == 1 else axes
    if pair is None or len(pair) != 2 or pair[0] is None or pair[1] is None:
        return None
    if not (_is_axis(pair[0], first) and _is_axis(pair[1], second)):
        return None
    left = [size for at, size in enumerate(first) if at != pair[0] % len(first)]
    right = [size for at, size in enumerate(second) if at != pair[1] % len(second)]
    return (*left, *right[1:])


def _is_axis(axis: int, shape: tuple[int | None, ...]) -> bool:
    """Whether an axis is one of a shape's, and not that of the batch."""
    return -len(shape) < axis < len(shape) and axis != 0
