"""Bounded outputs that a program shifts and scales by numbers: ``(tanh(z) + 1) / 2``, ``0.9 * p + 0.05``."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.interp.keras.formulas import noted, of_step
from fromlogits_audit.interp.keras.shapes import real
from fromlogits_audit.interp.keras_values import StepKind, TensorV
from fromlogits_audit.interp.values import Const, TupleV, Value
from fromlogits_audit.ir import Scale

_RANGES = {Scale.PROBABILITIES: (0.0, 1.0), Scale.INDEPENDENT: (0.0, 1.0), Scale.BOUNDED: (-1.0, 1.0)}
_OUTSIDE = 1e-3
"""So far beyond 0 or 1 changes nothing: losses clip what they are given."""
_INSIDE = 0.1
"""So far from 0 and 1 a probability may end: smoothed, or kept away from where the logarithm is steep."""


def shifted(symbol: str, a: Value, b: Value, made: TensorV) -> TensorV:
    """A bounded output and a number: it is a probability where that lies between 0 and 1.

    ``made`` is what the operator leaves of it otherwise.
    """
    tensor, number = (a, b) if isinstance(a, TensorV) else (b, a)
    if not isinstance(tensor, TensorV) or made.scale is not Scale.UNKNOWN:
        return made
    line = _then(symbol, _line(tensor), _number(number), tensor_first=tensor is a)
    if line is None:
        return made
    base, factor, offset = line
    low, high = sorted(offset + factor * end for end in _RANGES[base.scale])
    after = noted(made, StepKind.SHIFTED, TupleV((base, Const(factor), Const(offset))))
    if not offset:
        return after  # a share of a mean, perhaps
    within = -_OUTSIDE <= low <= _INSIDE and 1 - _INSIDE <= high <= 1 + _OUTSIDE
    if not within or (base.scale is Scale.PROBABILITIES and factor < 0):
        return after
    scale = Scale.INDEPENDENT if base.scale is Scale.BOUNDED else base.scale
    return replace(after, scale=scale, activation=base.activation, reason=None, share=None)


_Line = tuple[TensorV, float, float]
"""An output, what it is multiplied by, and what is added to that."""


def _line(tensor: TensorV) -> _Line | None:
    step = of_step(tensor, StepKind.SHIFTED)
    if not isinstance(step, TupleV):
        return (tensor, 1.0, 0.0) if tensor.scale in _RANGES else None
    base, factor, offset = step.items
    assert isinstance(base, TensorV) and isinstance(factor, Const) and isinstance(offset, Const)
    return base, float(factor.value), float(offset.value)


def _number(value: Value) -> float | None:
    known = real(value)
    return known if known is not None and abs(known) < 1e6 else None


def _then(symbol: str, line: _Line | None, number: float | None, *, tensor_first: bool) -> _Line | None:
    """The line after one more operator, None for what is no line."""
    if line is None or number is None:
        return None
    base, factor, offset = line
    if symbol == "+":
        return base, factor, offset + number
    if symbol == "-":
        return (base, factor, offset - number) if tensor_first else (base, -factor, number - offset)
    if symbol == "*":
        return base, factor * number, offset * number
    if symbol == "/" and tensor_first and number:
        return base, factor / number, offset / number
    return None
