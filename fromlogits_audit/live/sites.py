"""A model in memory and its losses, as sites: the compiled ones, or a loss that is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fromlogits_audit.catalogue.losses import inferred_string
from fromlogits_audit.ir import (
    Applied,
    Family,
    Kind,
    LabelEncoding,
    Labels,
    Location,
    Loss,
    Output,
    Runtime,
    Scale,
    Site,
    Undecided,
    Why,
)
from fromlogits_audit.lean import dataclass
from fromlogits_audit.live import objects
from fromlogits_audit.live.labels import labels_of
from fromlogits_audit.live.names import keras_base
from fromlogits_audit.live.runtime import compiled_of, plain, runtime_of
from fromlogits_audit.live.structure import LiveOutput, flat, place_of, read
from fromlogits_audit.saved.compiling import Readers, Stored, sites

Outputs = tuple[LiveOutput, ...]
_STEPS = ("train_step", "compute_loss")
Fill = Callable[[Outputs], Outputs]
"""Adds to the outputs that a model's structure shows what it leaves open."""
Follow = Callable[[Site, Any, Any], list[Site]]
"""The sites of a loss of the project's own, from its site, the loss itself and the labels that reach it."""


@dataclass(frozen=True)
class LiveModel:
    """What is known of a model in memory: its outputs, and the sites where losses and metrics meet them.

    ``inner`` are sites of the model itself: activations applied twice, half precision at its end.
    """

    name: str
    location: Location
    runtime: Runtime
    outputs: Outputs
    sites: tuple[Site, ...]
    inner: tuple[Site, ...] = ()


def sites_of(
    model: Any,
    y: Any = None,
    loss: Any = None,
    *,
    fill: Fill | None = None,
    follow: Follow | None = None,
) -> LiveModel:
    """The sites of a Keras model: of its compiled losses and metrics, or of ``loss``, which is whatever
    ``compile(loss=...)`` takes. ``y`` are labels of one batch, in the structure of the outputs."""
    where, runtime = place_of(model), runtime_of(model)
    structure = read(model, where)
    outputs = fill(structure.outputs) if fill is not None else structure.outputs
    compiled = Stored(plain(loss)) if loss is not None else compiled_of(model)
    found = _paired(compiled, outputs, y, where, follow) if compiled is not None else []
    inner = (*_applied(structure.applied, where), *_half(outputs, where))
    return LiveModel(
        str(getattr(model, "name", type(model).__name__)),
        where,
        runtime,
        outputs,
        tuple(_by_own_metrics(site, model).at(runtime=runtime) for site in found),
        tuple(site.at(runtime=runtime) for site in inner),
    )


def has_own_step(model: Any) -> bool:
    """Whether a training step of the program's own stands between a model's outputs and its losses."""
    return keras_base(model, _STEPS) is None


def doubted(found: LiveModel, model: Any) -> LiveModel:
    """The same sites, undecided where a training step of the program's own decides what reaches its losses.

    What a model returns and what such a step makes of it before ``compute_loss`` are two things.
    """
    if not has_own_step(model):
        return found
    step = f"the training step of {type(model).__name__}"
    reason = Undecided(Why.UNSUPPORTED, f"{step} decides what reaches the loss")
    return replace(found, sites=tuple(_unknown(site, reason) for site in found.sites))


def _by_own_metrics(site: Site, model: Any) -> Site:
    """The site of a metric is undecided where a method of the program's own says what reaches it."""
    if site.kind is not Kind.METRIC or keras_base(model, ("compute_metrics",)) is not None:
        return site
    words = f"compute_metrics of {type(model).__name__} decides what reaches the metrics"
    return _unknown(site, Undecided(Why.UNSUPPORTED, words))


def _unknown(site: Site, reason: Undecided) -> Site:
    output = replace(site.output, scale=Scale.UNKNOWN, activation=None, reason=reason)
    return site.at(output=output, labels=None)


def _paired(compiled: Stored, outputs: Outputs, y: Any, where: Location, follow: Follow | None) -> list[Site]:
    """The sites of what ``compile`` was given, each loss with the labels that reach it."""
    given: dict[int, Any] = {}

    def loss(value: Any, units: int | None) -> Loss | None:
        found = objects.loss_of(value, units)
        given[id(found)] = value
        return found

    found = sites(compiled, [one.head for one in outputs], where, Readers(loss, objects.metric_of))
    by_output = _labels_by_output(y, outputs) if y is not None else {}
    if follow is not None:
        found = [one for site in found for one in _followed(site, given, by_output, follow)]
    return [_labelled(site, given.get(id(site.loss)), by_output, outputs) for site in found]


def _followed(
    site: Site, given: Mapping[int, Any], by_output: Mapping[str | None, Any], follow: Follow
) -> list[Site]:
    if site.loss is None or site.loss.family is not Family.UNKNOWN:
        return [site]
    return follow(site, given.get(id(site.loss)), by_output.get(site.output.name))


def _labelled(site: Site, value: Any, by_output: Mapping[str | None, Any], outputs: Outputs) -> Site:
    """A loss site with its labels; which cross-entropy ``"crossentropy"`` means shows in them."""
    labels = by_output.get(site.output.name)
    if site.loss is None or labels is None:
        return site
    shape = next((one.shape for one in outputs if one.output.name == site.output.name), None)
    found = labels_of(labels, shape, ignored=_ignored(value))
    loss = site.loss
    if isinstance(value, str) and inferred_string(value) and loss.sparse is None:
        loss = _inferred(loss, found)
    return site.at(labels=found, loss=loss)


def _inferred(loss: Loss, labels: Labels) -> Loss:
    if labels.encoding in (LabelEncoding.INTEGER, LabelEncoding.BINARY):
        return replace(loss, name="SparseCategoricalCrossentropy", sparse=True)
    return replace(loss, sparse=False) if labels.encoding is LabelEncoding.ONE_HOT else loss


def _ignored(value: Any) -> tuple[int, ...]:
    """The class number that a sparse loss leaves out."""
    given = getattr(value, "_fn_kwargs", None) or getattr(value, "keywords", None)
    ignored = given.get("ignore_class") if isinstance(given, dict) else None
    return (ignored,) if isinstance(ignored, int) else ()


def _labels_by_output(y: Any, outputs: Outputs) -> dict[str | None, Any]:
    """Labels under the name of the output that they belong to: by key, by position, or the only one."""
    if isinstance(y, Mapping):
        pairs = ((one, next((key for key in one.keys if key in y), None)) for one in outputs)
        found = {one.output.name: y[key] for one, key in pairs if key is not None}
        return found or ({outputs[0].output.name: next(iter(y.values()))} if _single(y, outputs) else {})
    if isinstance(y, (list, tuple)) and len(outputs) > 1:
        leaves = flat(list(y))
        same = len(leaves) == len(outputs)
        return {one.output.name: leaf for one, leaf in zip(outputs, leaves, strict=False)} if same else {}
    if isinstance(y, (list, tuple)) and len(y) == 1 and hasattr(y[0], "shape"):
        y = y[0]
    return {outputs[0].output.name: y} if len(outputs) == 1 else {}


def _single(y: Mapping[Any, Any], outputs: Outputs) -> bool:
    return len(y) == 1 and len(outputs) == 1


def _applied(applied: Sequence[tuple[Applied, Output]], where: Location) -> list[Site]:
    return [Site(Kind.ACTIVATION, where, before, applied=one) for one, before in applied]


def _half(outputs: Outputs, where: Location) -> list[Site]:
    return [Site(Kind.LAYER, where, one.output) for one in outputs if one.output.half_precision is not None]
