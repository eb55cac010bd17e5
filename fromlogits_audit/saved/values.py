"""What flows through a saved model: a tensor as far as scale, shape and number format are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeGuard

from fromlogits_audit.ir import Scale, Undecided, Why
from fromlogits_audit.lean import dataclass

Json = Any
"""Whatever ``json.loads`` returns; nothing about its shape may be taken for granted."""

Dims = tuple[int | None, ...] | None
"""Sizes with the batch first, None where unknown; None where the rank is unknown."""

MAX_NOTES = 12


@dataclass(frozen=True)
class Tensor:
    """The waist's ``Output`` before it is one. ``notes`` is the way here, in words.

    ``half`` names float16 or bfloat16 where the activation that gave the scale was computed in it;
    ``dtype`` is what the values are computed in. ``rescaled`` marks scores that are unbounded only because
    a normalisation stands behind something that was not. ``origin`` is what a reshape took apart, so
    that a later one may put it together.
    """

    scale: Scale = Scale.UNKNOWN
    activation: str | None = None
    shape: Dims = None
    reason: Undecided | None = None
    unit_softmax: bool = False
    dtype: str = "float32"
    half: str | None = None
    notes: tuple[str, ...] = ()
    rescaled: bool = False
    origin: Tensor | None = None

    @property
    def units(self) -> int | None:
        return self.shape[-1] if self.shape else None

    def noted(self, note: str) -> Tensor:
        """The same tensor, one hop further."""
        return replace(self, notes=(*self.notes, note)[-MAX_NOTES:])


Value = Any
"""A Tensor, a list or dict of values, or a constant of the config."""


def data(shape: Dims = None, what: str = "the input of the model", dtype: str = "float32") -> Tensor:
    """A tensor that is no output of a layer with weights."""
    return Tensor(shape=shape, reason=Undecided(Why.DATA, what), dtype=dtype)


def unknown(why: Why, detail: str, shape: Dims = None) -> Tensor:
    return Tensor(shape=shape, reason=Undecided(why, detail))


def opaque(tensor: Tensor, reason: Undecided) -> Tensor:
    """The same tensor with no known scale."""
    return replace(tensor, scale=Scale.UNKNOWN, activation=None, reason=reason, unit_softmax=False, half=None)


def combined(tensor: Tensor, detail: str) -> Tensor:
    """What arithmetic has left without a known scale."""
    return opaque(tensor, Undecided(Why.COMBINED, detail))


def taken_apart(tensor: Tensor, detail: str) -> Tensor:
    """What is left of probabilities whose axis is not the last any more: those of one class are still 1."""
    known = tensor.unit_softmax and tensor.scale is Scale.PROBABILITIES
    return replace(tensor, scale=Scale.INDEPENDENT) if known else combined(tensor, detail)


def scores(shape: Dims, note: str, dtype: str = "float32") -> Tensor:
    """Fresh unbounded scores."""
    return Tensor(Scale.LOGITS, "linear", shape, dtype=dtype, notes=(note,))


def is_number(value: Value) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(value: Json) -> int | None:
    """A whole number that a size or an axis may be."""
    # Python's json reads NaN and Infinity; a comparison with NaN is false.
    if not is_number(value) or not abs(value) <= 1e12 or value != int(value):
        return None
    return int(value)


def dims(value: Json) -> Dims:
    """A shape given as a list or a single number; -1 and None stay as they are (-1 as -1)."""
    if isinstance(value, dict):  # Keras 3 writes tuples as {"class_name": "__tuple__", "items": [...]}
        value = value.get("items")
    if isinstance(value, (list, tuple)):
        return tuple(number(item) for item in value[:64])
    size = number(value)
    return None if size is None else (size,)


def tensors_of(value: Value) -> list[Tensor]:
    """Every tensor in a structure, in Keras's order (dicts by sorted key)."""
    found: list[Tensor] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Tensor):
            found.append(one)
        elif isinstance(one, (list, tuple)):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            waiting.extend(one[key] for key in sorted(one, key=str, reverse=True))
    return found
