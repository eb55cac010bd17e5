"""Activations as a saved model writes them: a string, a function's name, a layer, marshalled code."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.catalogue.activations import KEEP_POSITIVE, activation_function, activation_string
from fromlogits_audit.catalogue.interface import ActivationSpec
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.ir import Applied, Scale, Undecided, Why
from fromlogits_audit.saved.dtypes import HALF
from fromlogits_audit.saved.values import Dims, Json, Tensor, combined, number

NORMALISED = (Scale.PROBABILITIES, Scale.INDEPENDENT)


class Recorder:
    """Collects every softmax and sigmoid that is worth a look, wherever in the model it stands."""

    def __init__(self) -> None:
        self.applied: list[tuple[Applied, Tensor]] = []

    def note(self, applied: Applied, before: Tensor) -> None:
        if (applied, before) not in self.applied[-64:]:
            self.applied.append((applied, before))


def resolve(value: Json) -> ActivationSpec | Undecided | None:
    """The activation behind a serialised value that is no layer; None where there is none."""
    if value is None:
        return None
    if isinstance(value, str):
        return _named(value)
    if not isinstance(value, dict):
        return Undecided(Why.OPAQUE_LAYER, "an activation that is stored as code")
    if value.get("class_name") == "function" and isinstance(value.get("config"), str):
        return _function(value.get("module"), value["config"])
    if value.get("class_name") == "__lambda__" or "value" in value:
        return Undecided(Why.OPAQUE_LAYER, "a lambda as activation")
    return Undecided(Why.OPAQUE_LAYER, f"activation {value.get('class_name')}")


def _named(name: str) -> ActivationSpec | Undecided:
    known = activation_string(name) or activation_string(name.removesuffix("_v2"))
    return known or Undecided(Why.OPAQUE_LAYER, f"activation {name[:80]}")


def _function(module: Json, name: str) -> ActivationSpec | Undecided:
    """A function by name; only Keras's and TensorFlow's own are what their name says."""
    if not isinstance(module, str) or module == "builtins":
        return _named(name)
    known = activation_function(canonical(f"{module}.{name}"))
    if known is None and module.split(".")[0] in ("keras", "tf_keras", "tensorflow"):
        return _named(name)
    return known or Undecided(Why.OPAQUE_LAYER, f"activation {name[:80]}")


def apply_spec(
    recorder: Recorder,
    tensor: Tensor,
    spec: ActivationSpec,
    where: str,
    axis: Json = -1,
    dtype: str | None = None,
) -> Tensor:
    """The tensor after a catalogued activation; ``where`` names the layer that applies it."""
    if spec.name == "linear" or (spec.name in KEEP_POSITIVE and tensor.scale in NORMALISED):
        return tensor
    dtype = dtype or tensor.dtype
    result = replace(
        tensor,
        scale=spec.scale,
        activation=spec.name,
        reason=Undecided(Why.UNSUPPORTED, f"activation {spec.name}") if spec.scale is Scale.UNKNOWN else None,
        unit_softmax=False,
        dtype=dtype,
        half=dtype if dtype in HALF else None,
        shape=_halved(tensor.shape) if spec.name == "glu" else tensor.shape,
        origin=None,
    ).noted(f"{where}: {spec.name} gives {spec.scale.value}")
    if spec.name == "softmax":
        return _softmax(recorder, tensor, result, where, axis)
    if spec.name == "sigmoid" and tensor.scale in NORMALISED:
        recorder.note(Applied("sigmoid", None, where), tensor)
    if spec.name == "log_softmax" and axis != -1:
        return _over_last(result, tensor, axis)
    return result


def _softmax(recorder: Recorder, before: Tensor, result: Tensor, where: str, axis: Json) -> Tensor:
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    index = number(axis)
    if index is None:
        return combined(result, "softmax over several axes")
    size, last = _axis(before, index)
    if size == 1:
        result = replace(result, unit_softmax=True)
    if size == 1 or before.scale in NORMALISED:
        recorder.note(Applied("softmax", size, where), before)
    if last is False and size == 1:
        return replace(result, scale=Scale.INDEPENDENT)  # each of them is 1
    return _over_last(result, before, axis) if last is False else result


def _halved(shape: Dims) -> Dims:
    """``glu`` makes a gate of one half of its input for the other."""
    units = shape[-1] if shape else None
    return (*shape[:-1], units // 2 if units is not None else None) if shape else None


def _over_last(result: Tensor, before: Tensor, axis: Json) -> Tensor:
    index = number(axis)
    if index is not None and _axis(before, index)[1] is not False:
        return result
    return combined(result, f"{result.activation} over axis {axis}, which is not the last")


def _axis(tensor: Tensor, index: int) -> tuple[int | None, bool | None]:
    """The size of an axis, and whether it is the last (None: the rank is unknown)."""
    shape = tensor.shape
    if index == -1:
        return (shape[-1] if shape else None), True
    if shape is None or not -len(shape) <= index < len(shape):
        return None, None
    return shape[index], index in (len(shape) - 1, -1)
