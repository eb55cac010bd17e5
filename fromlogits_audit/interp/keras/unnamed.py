"""Tensors that have no name any more."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.interp.choice import lift
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import ALWAYS, Value


def unnamed(value: Value) -> Value:
    """What an operator or a function makes of a layer's output: it has not that layer's name any more."""
    return lift(value, ALWAYS, _without_name)


def _without_name(value: Value) -> Value:
    return replace(value, name=None) if isinstance(value, TensorV) and value.name is not None else value
