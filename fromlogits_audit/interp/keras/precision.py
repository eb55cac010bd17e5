"""Dtype policies: in which precision the activation that ends a model is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Effect
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.keras_values import LayerV, TensorV
from fromlogits_audit.interp.values import NONE, Const, Place, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

POLICY = "$policy"
_COMPUTED = {
    "mixed_float16": "float16",
    "float16": "float16",
    "mixed_bfloat16": "bfloat16",
    "bfloat16": "bfloat16",
}
"""What a policy or dtype computes in, for those that lose precision (keras.src.dtype_policies)."""
MAX_WALK = 12


def note_half_precision(run: Run, options: Sequence[Value]) -> None:
    """Record the layers that end one output of a model in half precision, where all that it may be do."""
    ends = [_end(tensor) for value in options for _, tensor in alternatives(value, run.state.guard)]
    known = [end for end in ends if end is not None]
    if len(known) == len(ends):
        for tensor, dtype, place in known:
            run.recorder.half_precision(tensor, dtype, place)


def _end(tensor: Value) -> tuple[TensorV, str, Place] | None:
    """The tensor, the type and the layer, where that computes a softmax or sigmoid in half precision."""
    layer = _final_layer(tensor) if isinstance(tensor, TensorV) else None
    if layer is None or not isinstance(tensor, TensorV) or tensor.activation not in ("softmax", "sigmoid"):
        return None
    dtype = dtype_of(layer)
    return (tensor, dtype, layer.place) if dtype is not None else None


def dtype_of(layer: LayerV) -> str | None:
    """``float16`` or ``bfloat16`` where the layer computes in that for certain, else None."""
    given = layer.slots.get("dtype", NONE)
    if isinstance(given, Const) and given.value is None:
        given = layer.slots.get(POLICY, NONE)
    return _COMPUTED.get(str(given.value)) if isinstance(given, Const) else None


def _passes_on(layer: LayerV) -> bool:
    """Whether a layer hands on what it is given: ``Activation("linear")``, a reshape."""
    linear = layer.slots.get(layer.spec.activation or "", None)
    nothing = isinstance(linear, Const) and linear.value in ("linear", None)
    return layer.spec.effect is Effect.KEEP or (layer.spec.effect is Effect.ACTIVATION and nothing)


def _final_layer(tensor: TensorV) -> LayerV | None:
    """The layer that gives the scale: what only keeps it is passed over."""
    for _ in range(MAX_WALK):
        layer = tensor.layer
        if layer is None or not _passes_on(layer):
            return layer
        parent = tensor.parents[0] if tensor.parents else None
        if not isinstance(parent, TensorV):
            return None
        tensor = parent
    return None
