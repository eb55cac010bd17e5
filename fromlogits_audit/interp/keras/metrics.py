"""Metrics: those with a probability threshold or a ``from_logits``, and the outputs they meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import MetricSpec
from fromlogits_audit.catalogue.losses import inferred_string
from fromlogits_audit.catalogue.metrics import (
    focal_metric,
    is_accuracy_string,
    is_argmax,
    metric_class,
    metric_function,
    metric_string,
)
from fromlogits_audit.interp.choice import alternatives, is_none, lift
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras.losses import function_place, misuse_of, reference_loss
from fromlogits_audit.interp.keras_values import DECISIONS, LossV, MetricV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    TRUE,
    Args,
    BoundV,
    Const,
    ExternalV,
    FuncV,
    Hop,
    InstanceV,
    ListV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Family, Form, Scale

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_ASKS = (Family.THRESHOLD, Family.CATEGORICAL, Family.BINARY)


def build_metric(run: Run, spec: MetricSpec, args: Args, place: Place) -> MetricV:
    """An instance of a Keras metric class."""
    given = args.bind(spec.parameters.names)
    unknown = args.double or args.star
    label = given.get("name", NONE)
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
        misuse=_misuse(spec.parameters.names, args, given.get("from_logits")),
        label=_label(spec, label),
    )


def _label(spec: MetricSpec, given: Value) -> str | None:
    """What Keras calls an instance in its logs: the name it is given, or ``auc`` of ``AUC``."""
    if not isinstance(given, Const):
        return None
    default = spec.parameters.default("name") or (spec.strings[0] if spec.strings else None)
    found = given.value if given.value is not None else default
    return found if isinstance(found, str) else None


def _misuse(names: tuple[str, ...], args: Args, flag: Value | None) -> str | None:
    return misuse_of(names, args, flag, called=False) if "from_logits" in names else None


def _flag(names: tuple[str, ...], given: dict[str, Value], unknown: Unknown | None) -> Value | None:
    if "from_logits" not in names:
        return None
    if "from_logits" not in given and unknown is not None:
        return Unknown(unknown.reason, ("argument", unknown.key, "from_logits"))
    return given.get("from_logits", FALSE)


def _threshold(run: Run, spec: MetricSpec, given: dict[str, Value], unknown: Unknown | None) -> Value | None:
    """The cut that says on which scale a metric decides, None where it has none of its own."""
    if spec.threshold is None:
        return None
    value = given.get(spec.threshold, NONE)
    if spec.threshold not in given and unknown is not None:
        return Unknown(unknown.reason, ("argument", unknown.key, spec.threshold))
    default = Const(spec.default_threshold)
    return lift(value, run.state.guard, lambda v: default if is_none(v) else _telling(run, v))


def _telling(run: Run, value: Value) -> Value:
    """Of several thresholds one that only a probability can have, where there is one."""
    items = spread(run, value) if isinstance(value, (ListV, TupleV)) else None
    if not isinstance(items, TupleV) or not items.items:
        return value
    plain = [v for v in items.items if isinstance(v, Const) and isinstance(v.value, (int, float))]
    return next(iter([*(v for v in plain if 0 < v.value < 1), *items.items]))


def string_metric(value: Const, units: int | None) -> MetricV | None:
    """What ``compile`` makes of a string, given the units of the output."""
    if not isinstance(value.value, str) or value.place is None:
        return None
    spec = metric_string(value.value)
    if is_accuracy_string(value.value):
        spec = metric_class("keras.metrics.BinaryAccuracy") if units == 1 else None
    elif inferred_string(value.value):
        spec = metric_string("binary_crossentropy" if units == 1 else "categorical_crossentropy")
    if spec is None:
        return None
    flag = FALSE if "from_logits" in spec.parameters.names else None
    cut = Const(spec.default_threshold) if spec.threshold is not None else None
    return MetricV(spec, flag, cut, Form.STRING, value.place, label=value.value)


def resolved(run: Run, value: Value, units: int | None, place: Place | None) -> MetricV | None:
    """The Keras metric behind a value, None where it is not directly one."""
    if isinstance(value, MetricV):
        return value
    if isinstance(value, LossV):
        return of_loss(value)
    if isinstance(value, InstanceV):
        inner = value.slots.get("$metric")
        return inner if isinstance(inner, MetricV) else None
    if isinstance(value, Const):
        return string_metric(value, units)
    where = value.place if isinstance(value, ExternalV) and value.place else place
    if isinstance(value, ExternalV) and where is not None:
        spec = metric_function(value.name) or metric_class(value.name)
        if spec is not None:
            form = Form.FUNCTION if metric_function(value.name) else Form.CLASS
            flag = FALSE if "from_logits" in spec.parameters.names else None
            cut = Const(spec.default_threshold) if spec.threshold is not None else None
            label = value.name.rpartition(".")[2] if form is Form.FUNCTION else None
            return MetricV(spec, flag, cut, form, where, label=label)
        named = reference_loss(value, where)
        return of_loss(named) if named is not None else None
    return None


def of_loss(loss: LossV) -> MetricV | None:
    """A loss that is computed for its value only, None where it asks for no scale."""
    spec = metric_class(f"keras.metrics.{loss.spec.name}") or focal_metric(loss.spec.name)
    if spec is None or spec.family not in (Family.CATEGORICAL, Family.BINARY):
        return None
    flag = TRUE if loss.always_logits else loss.from_logits
    return MetricV(spec, flag, None, loss.form, loss.place, misuse=loss.misuse)


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
        own = _own_metric(option)
        if own is not None:
            with run.state.branch(guard), run.recorder.measuring_for(partner):
                run.call(own, Args((data_tensor(what="labels"), predicted)), place)
            continue
        if isinstance(option, LossV):
            run.recorder.met.add(option.place.key)
        units = _units(run, predicted)
        known = resolved(run, option, units, place)
        if known is None:
            run.recorder.note_read(option, place)
            continue
        if not asks(known):
            known = replace(known, spec=replace(known.spec, family=Family.ANY))
        with run.state.branch(guard):
            flag = known.from_logits
            cuts = flag is None or (isinstance(flag, Const) and not flag.value)
            cuts = cuts and known.spec.family is Family.THRESHOLD
            given = _decided(run, predicted) if cuts else predicted
            run.recorder.measure(known, given, partner, name=name, hops=hops)


def _decided(run: Run, predicted: Value) -> Value:
    """What was cut already is 0 or 1, on whatever scale it was cut: between them every threshold is right."""
    return lift(
        predicted,
        run.state.guard,
        lambda one: (
            replace(one, scale=Scale.INDEPENDENT, reason=None)
            if isinstance(one, TensorV) and one.reason in DECISIONS
            else one
        ),
    )


def computed(
    run: Run, loss: Value, predicted: Value, *, name: str | None = None, hops: tuple[Hop, ...] = ()
) -> None:
    """A metric of the project's own computes a loss of an output: that is a metric as well."""
    for guard, option in alternatives(loss, run.state.guard):
        if isinstance(option, LossV):
            run.recorder.met.add(option.place.key)
            metric = of_loss(option)
            if metric is not None:
                with run.state.branch(guard):
                    run.recorder.measure(metric, predicted, None, name=name, hops=hops)


def _own_metric(value: Value) -> Value | None:
    """What Keras calls with labels and predictions for a metric of the project's own, None for Keras's."""
    if isinstance(value, InstanceV):
        own = own_method(value.cls, "update_state")
        inner = value.slots.get("$metric")
        return BoundV(own, value) if own is not None else inner if isinstance(inner, PartialV) else None
    return value if isinstance(value, (FuncV, BoundV, PartialV)) else None


def of_function(run: Run, spec: MetricSpec, args: Args, place: Place) -> MetricV:
    """The metric that is the mean of what a function gives, with what that is given besides."""
    names = spec.function.names if spec.function is not None else ()
    given, unknown = args.bind(names), args.double or args.star
    flag, cut = _flag(names, given, unknown), _threshold(run, spec, given, unknown)
    return MetricV(spec, flag, cut, Form.INSTANCE, place)


def call_function(run: Run, spec: MetricSpec, function: ExternalV, args: Args, place: Place) -> Value:
    """``keras.metrics.binary_accuracy(y_true, y_pred, threshold=0.5)``, called by hand."""
    given = args.bind(spec.function.names if spec.function is not None else ())
    predicted = given.get("y_pred")
    if predicted is not None:
        unknown = args.double or args.star
        flag = _flag(spec.function.names if spec.function is not None else (), given, unknown)
        cut = _threshold(run, spec, given, unknown)
        metric = MetricV(spec, flag, cut, Form.CALL, function_place(function, place))
        meet(run, metric, predicted, None, place=place, hops=(Hop(place, "called here"),))
    return data_tensor(what="the value of a metric")


def _units(run: Run, predicted: Value) -> int | None:
    sizes = {v.units if isinstance(v, TensorV) else None for _, v in alternatives(predicted, run.state.guard)}
    return sizes.pop() if len(sizes) == 1 else None
