"""Dtype policies: in which precision the activation that ends a model is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Effect
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.keras_values import LayerV, TensorV
from fromlogits_audit.interp.values import Const, Value

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


def note_half_precision(run: Run, output: Value) -> None:
    """Record the layer that ends a model in half precision, where the code says so for certain."""
    for _, tensor in alternatives(output, run.state.guard):
        layer = _final_layer(tensor) if isinstance(tensor, TensorV) else None
        if layer is None or not isinstance(tensor, TensorV):
            continue
        given = layer.slots.get("dtype", layer.slots.get(POLICY))
        dtype = _COMPUTED.get(str(given.value)) if isinstance(given, Const) else None
        if dtype is not None and tensor.activation in ("softmax", "sigmoid"):
            run.recorder.half_precision(tensor, dtype, layer.place)


def _final_layer(tensor: TensorV) -> LayerV | None:
    """The layer that gives the scale: what only keeps it is passed over."""
    for _ in range(MAX_WALK):
        layer = tensor.layer
        if layer is None or layer.spec.effect is not Effect.KEEP:
            return layer
        parent = tensor.parents[0] if tensor.parents else None
        if not isinstance(parent, TensorV):
            return None
        tensor = parent
    return None
