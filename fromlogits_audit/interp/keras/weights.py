"""Variables: those that training changes are weights, others only store what they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.shapes import dims
from fromlogits_audit.interp.keras_values import CONSTANTS, DRAWN, LITERAL, NORMAL, WEIGHTS, TensorV
from fromlogits_audit.interp.values import NONE, Args, Const, ListV, Place, TupleV, Value
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

STORED = Undecided(Why.DATA, "a variable that is not trained")
_INITIAL = (CONSTANTS, LITERAL, DRAWN, NORMAL)
"""What weights start from. Outputs, labels and data stay what they are in a variable."""


def variable(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``tf.Variable(value)``, ``keras.Variable(...)``, ``K.variable(...)``."""
    first = next((v for v in (args.get(0, key) for key in _VALUE) if v is not None), NONE)
    reason = STORED if not _is_trained(args) or _is_empty(run, first) else WEIGHTS
    if not isinstance(first, TensorV):
        return TensorV(reason=reason)
    return replace(first, reason=reason, labels=None) if first.reason in _INITIAL else first


_VALUE = ("initial_value", "initializer", "value")


def named(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``tf.get_variable(name, shape)``."""
    return added(run, Args(args.positional[1:], args.keywords))


def added(run: Run, args: Args) -> TensorV:
    """``layer.add_weight(shape=...)``, where Keras 2 has the name first."""
    first = args.positional[0] if args.positional else None
    shape = args.keywords.get("shape") or (first if isinstance(first, (ListV, TupleV)) else None)
    return TensorV(shape=dims(run, shape), reason=WEIGHTS if _is_trained(args) else STORED)


def _is_trained(args: Args) -> bool:
    """False where the arguments say that the variable is kept from training or may change its shape."""
    said = (args.keywords.get("trainable"), args.keywords.get("validate_shape"))
    return not any(isinstance(value, Const) and value.value is False for value in said)


def _is_empty(run: Run, value: Value) -> bool:
    """Whether a literal has no number in it: ``[]``, ``[[]]``. There is nothing to train."""
    content = content_of(run, value)
    return (
        isinstance(content, TupleV)
        and not content.open
        and all(_is_empty(run, item) for item in content.items)
    )
