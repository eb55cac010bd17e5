"""Keras's classes around a function of labels and outputs: LossFunctionWrapper, MeanMetricWrapper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.metrics import metric_function
from fromlogits_audit.interp.keras import metrics
from fromlogits_audit.interp.keras_values import MetricV
from fromlogits_audit.interp.values import Args, ExternalV, PartialV, Place

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

LOSSES = ("keras.losses.LossFunctionWrapper", "keras.__internal__.losses.LossFunctionWrapper")
METRICS = ("keras.metrics.MeanMetricWrapper", "keras.__internal__.metrics.MeanMetricWrapper")
_ITS_OWN = ("fn", "reduction", "name", "dtype")
"""What the wrapper keeps; all else is given to the function (keras.src.losses.losses, tf_keras.losses)."""


def loss(name: str, args: Args, place: Place) -> PartialV | None:
    """What a wrapper calls with labels and outputs, None for other names."""
    return _called(args, place) if name in LOSSES else None


def metric(run: Run, name: str, args: Args, place: Place) -> MetricV | PartialV | None:
    """The metric that a wrapper makes of a function, None for other names."""
    made = _called(args, place) if name in METRICS else None
    function = made.func if made is not None else None
    given = made.args if made is not None else Args()
    if isinstance(function, PartialV):
        given = Args((), {**function.args.keywords, **given.keywords}, double=given.double)
        function = function.func
    spec = metric_function(function.name) if isinstance(function, ExternalV) else None
    return made if spec is None else metrics.of_function(run, spec, given, place)


def _called(args: Args, place: Place) -> PartialV | None:
    function = args.get(0, "fn")
    if function is None:
        return None
    rest = {name: value for name, value in args.keywords.items() if name not in _ITS_OWN}
    return PartialV(function, Args((), rest, double=args.double), place)
