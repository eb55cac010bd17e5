"""Activations: what a value given as one does to a tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.catalogue.activations import (
    KEEP_POSITIVE,
    activation_function,
    activation_layer,
    activation_string,
)
from fromlogits_audit.catalogue.interface import ActivationSpec
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.keras.custom import registered
from fromlogits_audit.interp.keras.formulas import unscaled
from fromlogits_audit.interp.keras.shapes import number, ranked
from fromlogits_audit.interp.keras_values import StepKind, TensorV
from fromlogits_audit.interp.truth import rests_on_shape, rests_on_values
from fromlogits_audit.interp.values import (
    Args,
    Choice,
    Const,
    ExternalV,
    Hop,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

NORMALISED = (Scale.PROBABILITIES, Scale.INDEPENDENT)


def apply_activation(run: Run, tensor: TensorV, activation: Value, place: Place) -> Value:
    """The tensor after an activation, over all alternatives of it."""
    if not isinstance(activation, Choice):
        return _apply(run, tensor, activation, place)
    with run.recorder.together():
        options = alternatives(activation, run.state.guard)
        return choose([(guard, _apply(run, tensor, option, place)) for guard, option in options])


def _apply(run: Run, tensor: TensorV, activation: Value, place: Place) -> Value:
    if isinstance(activation, Const):
        return _by_name(run, tensor, activation, place)
    if isinstance(activation, ExternalV):
        spec = activation_function(activation.name) or activation_layer(activation.name)
        if spec is not None:
            return apply_spec(run, tensor, spec, place)
        if activation.name in ("tf.identity", "keras.ops.identity"):
            return tensor
        return opaque(tensor, Undecided(Why.EXTERNAL, f"activation {activation.name}"))
    if isinstance(activation, Unknown):
        return opaque(tensor, activation.reason)
    result = run.call(activation, Args((tensor,)), place)
    return as_tensors(result, tensor)


def as_tensors(result: Value, before: TensorV) -> Value:
    """What a called activation gave: tensors, or something with a reason."""
    if isinstance(result, Choice):
        return choose([(g, as_tensors(v, before)) for g, v in result.alternatives])
    if isinstance(result, TensorV):
        return result
    reason = result.reason if isinstance(result, Unknown) else Undecided(Why.OPAQUE_LAYER, "an activation")
    return opaque(before, reason)


def opaque(tensor: TensorV, reason: Undecided) -> TensorV:
    """The same tensor with no known scale."""
    step = None if tensor.step is not None and tensor.step.kind is StepKind.JOINED else tensor.step
    return replace(tensor, scale=Scale.UNKNOWN, activation=None, reason=reason, unit_softmax=None, step=step)


def taken_apart(tensor: TensorV, reason: Undecided) -> TensorV:
    """What is left of probabilities whose axis is not the last any more: those of one class are still 1."""
    known = tensor.unit_softmax is not None and tensor.scale is Scale.PROBABILITIES
    return replace(tensor, scale=Scale.INDEPENDENT) if known else opaque(tensor, reason)


def _by_name(run: Run, tensor: TensorV, name: Const, place: Place) -> Value:
    if name.value is None:
        return tensor
    spec = activation_string(name.value) if isinstance(name.value, str) else None
    if spec is None:
        own = registered(run, name)
        if own is not None:
            return _apply(run, tensor, own, place)
        return opaque(tensor, Undecided(Why.UNSUPPORTED, f"activation {name.value!r} is not known"))
    return apply_spec(run, tensor, spec, place)


def apply_spec(
    run: Run, tensor: TensorV, spec: ActivationSpec, place: Place, axis: Value | None = None
) -> TensorV:
    """The tensor after a catalogued activation; ``place`` is what applies it."""
    if spec.name == "linear" or (spec.name in KEEP_POSITIVE and tensor.scale in NORMALISED):
        return tensor
    if spec.name in _OF_SCORES:
        note_for_scores(run, spec.name, tensor)
    hop = Hop(place, f"{spec.name} gives {spec.scale.value}")
    result = replace(
        tensor,
        scale=spec.scale,
        activation=spec.name,
        reason=None,
        trace=(*tensor.trace, hop),
        unit_softmax=None,
        layer=None,
        parents=(tensor,),
    )
    if spec.name in ("softmax", "sigmoid"):
        return _normalising(run, tensor, result, spec.name, place, axis)
    return result


_OF_SCORES = ("log_softmax", "log_sigmoid", "softplus")
"""What a hand-written loss applies that takes logits."""


def note_for_scores(run: Run, name: str, tensor: TensorV) -> None:
    """A hand-written loss does to probabilities what is there for logits."""
    made_of = [tensor, *(one for one in tensor.parents if isinstance(one, TensorV))]
    given = next((one.activation for one in made_of if one.scale in NORMALISED), None)
    if given is not None:
        run.recorder.note_opaque(Undecided(Why.OPAQUE_LOSS, f"takes {name} of {given}"))


def capped(tensor: TensorV, most: Value | None) -> TensorV:
    """``ReLU(max_value=1.0)``: numbers in [0, 1], though no loss speaks of them so."""
    known = most.value if isinstance(most, Const) else None
    within = isinstance(known, (int, float)) and known <= 1 and tensor.scale is Scale.NON_NEGATIVE
    return opaque(tensor, Undecided(Why.COMBINED, "scores cut off at 0 and at 1")) if within else tensor


def _normalising(
    run: Run, before: TensorV, result: TensorV, name: str, place: Place, axis: Value | None
) -> TensorV:
    size: int | None = None
    run.recorder.heads.note_followed(before, place)
    if name == "softmax":
        index = -1 if axis is None else number(axis)
        if index is None:
            return opaque(result, Undecided(Why.RUNTIME, "softmax over an axis that is not known"))
        size, last = _axis(before, index)
        if size == 1 and rests_on_shape(run.state.guard):
            size = None  # of another shape than this code is for
        if last is False:
            reason = Undecided(Why.COMBINED, f"softmax over axis {index}, which is not the last")
            if size != 1:
                return opaque(result, reason)
            result = replace(result, scale=Scale.INDEPENDENT)  # each of them is 1
        if size == 1:
            result = replace(result, unit_softmax=place)
    if size == 1 and run.state.guard and not _written_one(before):
        size = None
    met = unscaled(before)
    scaled = met is not before
    if met.scale in NORMALISED and rests_on_values(run.state.guard):
        # ``if p.max() > 1:`` is asked where it may not have been applied before.
        met = opaque(met, Undecided(Why.CONDITION, "applied where values say so"))
    if met.scale in NORMALISED or size == 1 or run.recorder.plural:
        run.recorder.applied(name, size, met, place, scaled)
    return result


def _written_one(tensor: TensorV) -> bool:
    """Whether a layer or call on the way to a tensor says 1 itself.

    Units that are given may be one only where a condition that is not known leads elsewhere.
    """
    calls = (hop.place.node for hop in tensor.trace if isinstance(hop.place.node, cst.Call))
    values = (arg.value for call in calls for arg in call.args)
    return any(isinstance(value, cst.Integer) and value.value == "1" for value in values)


def _axis(tensor: TensorV, index: int) -> tuple[int | None, bool | None]:
    """The size of an axis, and whether it is the last (None: the rank is unknown)."""
    shape = tensor.shape
    if index == -1:
        return (shape[-1] if shape else None), True
    if shape is None or ranked(shape) is None:
        return None, None
    if not -len(shape) <= index < len(shape):
        return None, None
    return shape[index], index in (len(shape) - 1, -1)
