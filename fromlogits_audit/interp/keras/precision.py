"""Dtype policies: in which precision the activation that ends a model is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Effect
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras_values import LayerV, TensorV
from fromlogits_audit.interp.values import NONE, Const, Hop, ListV, Place, TupleV, Value
from fromlogits_audit.lean import dataclass

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
MAX_WALK = 24


def note_half_precision(run: Run, options: Sequence[Value]) -> None:
    """Record the layers that end one output of a model in half precision, where all that it may be do."""
    ends = [_end(run, tensor) for value in options for _, tensor in alternatives(value, run.state.guard)]
    known = [end for end in ends if end is not None]
    if len(known) == len(ends):
        for end in known:
            run.recorder.half_precision(end.tensor, end.dtype, end.layers, end.hops)


@dataclass(frozen=True)
class _End:
    """``tensor`` comes out in the ``dtype`` of ``layers``; ``hops`` say where the policy is set."""

    tensor: TensorV
    dtype: str
    layers: tuple[Place, ...]
    hops: tuple[Hop, ...]


def _end(run: Run, tensor: Value) -> _End | None:
    """What is known of the end, where a softmax or sigmoid is computed in half precision.

    A layer casts what it is given to the type that it computes in, even one that only hands it on: the
    output is no better than the worst of them (measured, Keras 3.15 under ``mixed_float16``).
    """
    if not isinstance(tensor, TensorV) or tensor.activation not in ("softmax", "sigmoid"):
        return None
    half = [(layer, dtype) for layer in _final_layers(run, tensor) if (dtype := dtype_of(layer))]
    if not half:
        return None
    policies = [layer.slots[POLICY] for layer, _ in half if _follows_policy(layer)]
    places = dict.fromkeys(one.place for one in policies if isinstance(one, Const) and one.place)
    hops = tuple(Hop(place, "the policy is set here") for place in places)
    return _End(tensor, half[0][1], tuple(dict.fromkeys(layer.place for layer, _ in half)), hops)


def dtype_of(layer: LayerV) -> str | None:
    """``float16`` or ``bfloat16`` where the layer computes in that for certain, else None."""
    given = layer.slots.get(POLICY if _follows_policy(layer) else "dtype", NONE)
    return _COMPUTED.get(str(given.value)) if isinstance(given, Const) else None


def _follows_policy(layer: LayerV) -> bool:
    """Whether a layer is not told its own type."""
    given = layer.slots.get("dtype", NONE)
    return isinstance(given, Const) and given.value is None


def _passes_on(layer: LayerV) -> bool:
    """Whether a layer hands on what it is given: ``Activation("linear")``, a reshape."""
    linear = layer.slots.get(layer.spec.activation or "", None)
    nothing = isinstance(linear, Const) and linear.value in ("linear", None)
    return layer.spec.effect is Effect.KEEP or (layer.spec.effect is Effect.ACTIVATION and nothing)


def _final_layers(run: Run, tensor: TensorV) -> list[LayerV]:
    """The layer that gives the scale and those that hand it on, in their order; none where not known."""
    found: list[LayerV] = []
    return found if _follow(run, tensor, found, set()) else []


def _follow(run: Run, tensor: TensorV, found: list[LayerV], seen: set[int]) -> bool:
    """Add the layers that lead to a tensor, False where one of them is not known."""
    if id(tensor) in seen:
        return True
    seen.add(id(tensor))
    layer = tensor.layer
    if layer is None or len(seen) > MAX_WALK:
        return False
    if layer.spec.effect is Effect.WRAPPER:
        found += [inner for inner in [layer.slots.get("layer")] if isinstance(inner, LayerV)]
    elif layer.spec.effect is Effect.MERGE or _passes_on(layer):
        before = _inputs(run, tensor)
        known = [_follow(run, one, found, seen) for one in before]
        if not known or False in known:
            return False
    found.append(layer)
    return True


def _inputs(run: Run, tensor: TensorV) -> list[TensorV]:
    """What the last layer was applied to, none where not all of it is a known tensor."""
    given = tensor.parents[0] if tensor.parents else NONE
    content = spread(run, given) if isinstance(given, (ListV, TupleV)) else TupleV((given,))
    items = content.items if isinstance(content, TupleV) and not content.open else ()
    tensors = [item for item in items if isinstance(item, TensorV)]
    return tensors if len(tensors) == len(items) else []
