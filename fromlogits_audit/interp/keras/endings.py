"""Which activation the layer that gives an output its scale could end in, so that the loss meets just that.

For fixes. What stands behind the layer has to hand the activation on: a softmax is one no more once a
``Flatten`` has taken its classes apart, and one branch of an ``Add`` is not the output. All in doubt is no.
"""

from __future__ import annotations

from collections.abc import Iterator

from fromlogits_audit.catalogue.interface import Effect, Shape
from fromlogits_audit.interp.drafts import scale_source
from fromlogits_audit.interp.keras_values import LayerV, TensorV
from fromlogits_audit.interp.values import Choice, Const, Place, Value
from fromlogits_audit.ir import Scale

LINEAR, SIGMOID, SOFTMAX = "linear", "sigmoid", "softmax"
_EVERY = frozenset([LINEAR, SIGMOID, SOFTMAX])
_BY_VALUE = frozenset([LINEAR, SIGMOID])
"""What no move of the axes can hurt."""
_NONE: frozenset[str] = frozenset()
MAX_WALK = 48

_NOISY = ("Dropout", "SpatialDropout", "Gaussian", "AlphaDropout")
"""How layers begin that change probabilities while a model is trained."""
_MOVING = (Shape.FLATTEN, Shape.RESHAPE)
_OF_ONE = ("keras.layers.TimeDistributed", "keras.layers.SpectralNormalization")
"""Wrappers whose result is just what the layer inside gives."""


def reaching(tensor: TensorV) -> frozenset[str]:
    """The activations, of those that fixes ask for, that would reach the end of ``tensor`` as they are."""
    source = scale_source(tensor)
    return _reaching(tensor, source, {}) if source is not None else _NONE


def _reaching(tensor: TensorV, source: Place, seen: dict[int, frozenset[str]]) -> frozenset[str]:
    """What reaches one of the steps; ``seen`` are those that were asked for, by identity."""
    if id(tensor) not in seen:
        seen[id(tensor)] = _NONE  # as long as it is not known, and past the bound
        if len(seen) < MAX_WALK:
            seen[id(tensor)] = _reached(tensor, source, seen)
    return seen[id(tensor)]


def _reached(tensor: TensorV, source: Place, seen: dict[int, frozenset[str]]) -> frozenset[str]:
    layer = tensor.layer
    own = _told(layer) if layer is not None else None
    if own is not None and own.place.key == source.key:
        return _taken(own, tensor)
    if layer is not None and layer.spec.effect is Effect.WRAPPER:
        return _NONE
    before = [one for one in _before(tensor) if _same(scale_source(one), source)]
    if not before:
        return _made_here(tensor)
    handed = _through(layer, tensor, before)
    for one in before if handed else ():
        handed &= _reaching(one, source, seen)
    return handed


def _told(layer: LayerV) -> LayerV:
    """The layer that would be told another activation: the one inside of a wrapper."""
    inner = layer.slots.get("layer") if layer.spec.name in _OF_ONE else None
    return inner if isinstance(inner, LayerV) else layer


def _same(one: Place | None, other: Place) -> bool:
    return one is not None and one.key == other.key


def _before(tensor: TensorV) -> Iterator[TensorV]:
    """What the last step was applied to, over all that it may have been."""
    waiting: list[Value] = list(tensor.parents)
    while waiting:
        value = waiting.pop()
        if isinstance(value, TensorV):
            yield value
        elif isinstance(value, Choice):
            waiting += [option for _, option in value.alternatives]


def _taken(layer: LayerV, tensor: TensorV) -> frozenset[str]:
    """What a layer that gives the scale can give in place of it."""
    effect = layer.spec.effect
    plain = effect is Effect.RECURRENT and layer.spec.name.endswith("SimpleRNN")
    if effect not in (Effect.WEIGHTED, Effect.ACTIVATION) and not plain:
        return _NONE  # Gates and attention scale what an activation gives.
    return _BY_VALUE if tensor.units == 1 or _may_be_channels_first(layer) else _EVERY


def _made_here(tensor: TensorV) -> frozenset[str]:
    """The scale is given inside of the last step: by a function, or in the code of a ``Lambda``."""
    if tensor.layer is not None:
        return _BY_VALUE if tensor.layer.spec.effect is not Effect.MERGE else _NONE
    single = len(tensor.parents) == 1
    return _NONE if not single else _BY_VALUE if tensor.units == 1 else _EVERY


def _through(layer: LayerV | None, tensor: TensorV, before: list[TensorV]) -> frozenset[str]:
    """What a step behind the layer hands on as it is."""
    if layer is None:
        return _through_function(tensor)
    effect = layer.spec.effect
    if effect is Effect.ACTIVATION:
        return _EVERY  # The scale is older, so this one is linear, or changes nothing of probabilities.
    if effect is Effect.KEEP:
        return _through_kept(layer, tensor, before)
    largest = effect is Effect.LOGITS_ONLY and "MaxPool" in layer.spec.name
    return _BY_VALUE if largest else _NONE


def _through_function(tensor: TensorV) -> frozenset[str]:
    """Which function it was is not known. Only those that keep them leave probabilities what they are."""
    kept = len(tensor.parents) == 1 and tensor.scale is not Scale.LOGITS
    return _BY_VALUE if kept else _NONE


def _through_kept(layer: LayerV, tensor: TensorV, before: list[TensorV]) -> frozenset[str]:
    short = layer.spec.name.rpartition(".")[2]
    if short.startswith(_NOISY) or not _is_smooth(layer):
        return frozenset([LINEAR])
    if layer.spec.shape is Shape.PERMUTE or _may_be_channels_first(layer):
        return _BY_VALUE
    keeps = layer.spec.shape not in _MOVING or all(_units_stay(one, tensor) for one in before)
    return _EVERY if keeps else _BY_VALUE


def _units_stay(before: TensorV, after: TensorV) -> bool:
    """Whether the class axis has the size that it had: values keep their order, so it is the same axis."""
    return before.units is not None and before.units == after.units


def _is_smooth(layer: LayerV) -> bool:
    """Whether a layer never leaves the range of what it interpolates."""
    kind = layer.slots.get("interpolation")
    return kind is None or (isinstance(kind, Const) and kind.value in ("nearest", "bilinear", "area"))


def _may_be_channels_first(layer: LayerV) -> bool:
    given = layer.slots.get("data_format")
    return given is not None and not (isinstance(given, Const) and given.value in (None, "channels_last"))
