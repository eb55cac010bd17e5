"""Metrics: those with a probability threshold or a ``from_logits``, and the outputs they meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import MetricSpec
from fromlogits_audit.catalogue.metrics import (
    is_accuracy_string,
    is_argmax,
    metric_class,
    metric_function,
    metric_string,
)
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras_values import MetricV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    FALSE,
    Args,
    BoundV,
    Const,
    ExternalV,
    FuncV,
    Hop,
    ListV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Family, Form

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_ASKS = (Family.THRESHOLD, Family.CATEGORICAL, Family.BINARY)


def build_metric(run: Run, spec: MetricSpec, args: Args, place: Place) -> MetricV:
    """An instance of a Keras metric class."""
    given = args.bind(spec.parameters.names)
    unknown = args.double or args.star
    top = given.get("top_k")
    if top is not None and not (isinstance(top, Const) and top.value is None) and spec.threshold not in given:
        # With top_k Keras ranks the classes and cuts nothing.
        spec = replace(spec, family=Family.ANY)
    return MetricV(
        spec,
        _flag(spec.parameters.names, given, unknown),
        _threshold(run, spec, given, unknown),
        Form.INSTANCE,
        place,
        misuse=_misuse(given.get("from_logits")),
    )


def _misuse(flag: Value | None) -> str | None:
    if isinstance(flag, Const) and not isinstance(flag.value, bool):
        return f"from_logits={flag.value!r} is no bool"
    return None


def _flag(names: tuple[str, ...], given: dict[str, Value], unknown: Unknown | None) -> Value | None:
    if "from_logits" not in names:
        return None
    if "from_logits" not in given and unknown is not None:
        return Unknown(unknown.reason, ("argument", unknown.key, "from_logits"))
    return given.get("from_logits", FALSE)


def _threshold(run: Run, spec: MetricSpec, given: dict[str, Value], unknown: Unknown | None) -> Value | None:
    """The cut; of several the first (a list of thresholds is all of one scale)."""
    if spec.threshold is None:
        return None
    value = given.get(spec.threshold)
    if value is None and unknown is not None:
        return Unknown(unknown.reason, ("argument", unknown.key, spec.threshold))
    if value is None or (isinstance(value, Const) and value.value is None):
        return Const(spec.default_threshold)
    if isinstance(value, (ListV, TupleV)):
        items = spread(run, value)
        return items.items[0] if isinstance(items, TupleV) and items.items else None
    return value


def string_metric(value: Const, units: int | None) -> MetricV | None:
    """What ``compile`` makes of a string, given the units of the output."""
    if not isinstance(value.value, str) or value.place is None:
        return None
    spec = metric_string(value.value)
    if is_accuracy_string(value.value):
        spec = metric_class("keras.metrics.BinaryAccuracy") if units == 1 else None
    if spec is None:
        return None
    flag = FALSE if "from_logits" in spec.parameters.names else None
    cut = Const(spec.default_threshold) if spec.threshold is not None else None
    return MetricV(spec, flag, cut, Form.STRING, value.place)


def resolved(run: Run, value: Value, units: int | None, place: Place | None) -> MetricV | None:
    """The Keras metric behind a value, None where it is not directly one."""
    if isinstance(value, MetricV):
        return value
    if isinstance(value, Const):
        return string_metric(value, units)
    where = value.place if isinstance(value, ExternalV) and value.place else place
    if isinstance(value, ExternalV) and where is not None:
        spec = metric_function(value.name) or metric_class(value.name)
        if spec is not None:
            form = Form.FUNCTION if metric_function(value.name) else Form.CLASS
            flag = FALSE if "from_logits" in spec.parameters.names else None
            cut = Const(spec.default_threshold) if spec.threshold is not None else None
            return MetricV(spec, flag, cut, form, where)
    return None


def asks(metric: MetricV) -> bool:
    """Whether the metric asks for a scale at all (argmax and mean metrics do not)."""
    cut = metric.threshold.value if isinstance(metric.threshold, Const) else "unknown"
    return metric.spec.family in _ASKS and not is_argmax(metric.spec, cut)


def meet(
    run: Run,
    metric: Value,
    predicted: Value,
    partner: Value | None,
    *,
    place: Place | None,
    name: str | None = None,
    hops: tuple[Hop, ...] = (),
) -> None:
    """Record the site of a metric on an output."""
    with run.recorder.together():
        _meet_each(run, metric, predicted, partner, place=place, name=name, hops=hops)


def _meet_each(
    run: Run,
    metric: Value,
    predicted: Value,
    partner: Value | None,
    *,
    place: Place | None,
    name: str | None,
    hops: tuple[Hop, ...],
) -> None:
    for guard, option in alternatives(metric, run.state.guard):
        if isinstance(option, (FuncV, BoundV, PartialV)):
            # A metric of the project's own: what it decides on the output is a decision like others.
            with run.state.branch(guard):
                run.call(option, Args((data_tensor(what="labels"), predicted)), place)
        units = _units(run, predicted)
        known = resolved(run, option, units, place)
        if known is None or not asks(known):
            run.recorder.note_plain(option, place)
            continue
        with run.state.branch(guard):
            run.recorder.measure(known, predicted, partner, name=name, hops=hops)


def _units(run: Run, predicted: Value) -> int | None:
    sizes = {v.units if isinstance(v, TensorV) else None for _, v in alternatives(predicted, run.state.guard)}
    return sizes.pop() if len(sizes) == 1 else None
