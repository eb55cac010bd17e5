"""Losses and metrics as ``compile`` takes them, alive: strings, functions, instances, classes, partials."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec, MetricSpec
from fromlogits_audit.catalogue.losses import inferred_string, loss_class, loss_function
from fromlogits_audit.catalogue.metrics import metric_class, metric_function
from fromlogits_audit.ir import Family, Form, Loss, Metric, Undecided, Why
from fromlogits_audit.live.names import class_name, function_name, keras_base, label_of
from fromlogits_audit.saved import losses as saved

_CALLS = ("call", "__call__")
_UPDATES = ("update_state", "result", "__call__")
_WRAPPERS = ("LossFunctionWrapper", "MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")


# -- losses --------------------------------------------------------------------------------------
def loss_of(value: Any, units: int | None = None) -> Loss | None:
    """The loss behind a value that ``compile(loss=...)`` takes; None where there is none.

    ``units`` is the size of the output's last axis, None where unknown.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _string(value, units)
    if isinstance(value, dict):
        return saved.loss_of(value, units)
    if inspect.isclass(value):
        return _class(value)
    if isinstance(value, functools.partial):
        return _partial(value, units)
    if inspect.ismethod(value) and value.__name__ in _CALLS and not inspect.isclass(value.__self__):
        return loss_of(value.__self__, units)
    name = function_name(value)
    if name is not None:
        return _function(value, name, {})
    return _instance(value, units)


def _string(text: str, units: int | None) -> Loss | None:
    found = saved.loss_of(text, units)
    if found is not None and inferred_string(text) and units != 1:
        # Keras picks the sparse form or the other by the labels, so both are right.
        return replace(found, sparse=None)
    return found


def _class(value: type) -> Loss:
    spec = loss_class(class_name(value))
    if spec is None:
        return _custom(value, "is a class of its own")
    return saved.known_loss(spec, False if spec.has_flag else None, form=Form.CLASS, spelled=spec.name)


def _partial(value: functools.partial[Any], units: int | None) -> Loss | None:
    name = function_name(value.func)
    if value.args:
        return _custom(value, "is a partial with positional arguments")
    if name is not None:
        return _function(value.func, name, value.keywords)
    if inspect.isclass(value.func):
        return _custom(value, "is a partial of a class")
    inner = loss_of(value.func, units)
    return inner if not value.keywords else _custom(value, "is a partial of a loss of its own")


def _function(value: Any, name: str, given: Mapping[str, Any]) -> Loss:
    spec = loss_function(name)
    if spec is None:
        plain = loss_class(f"keras.losses.{_class_of(name)}")
        return _custom(value, "is no loss of the catalogue") if plain is None else _known(plain, None, given)
    return _known(spec.loss, spec, given, Form.OP if spec.always_logits else Form.FUNCTION)


def _class_of(name: str) -> str:
    """``keras.losses.mean_squared_error`` -> ``MeanSquaredError``."""
    return "".join(word.capitalize() for word in name.rpartition(".")[2].split("_"))


def _known(
    spec: LossSpec,
    function: LossFunctionSpec | None,
    given: Mapping[str, Any],
    form: Form = Form.FUNCTION,
) -> Loss:
    """A catalogued loss with the arguments that it was built or will be called with."""
    has_flag = function.has_flag if function is not None else spec.has_flag
    flag = given.get("from_logits", False) if has_flag else None
    name = function.name.rpartition(".")[2] if function is not None else spec.name
    written = f"(from_logits={flag!r})" if "from_logits" in given else "()" if form is Form.INSTANCE else ""
    return saved.known_loss(
        spec,
        None if flag is None else bool(flag),
        form=form,
        spelled=f"{name}{written}",
        explicit="from_logits" in given,
        misuse=None if flag is None or isinstance(flag, bool) else _misuse(flag),
        always_logits=function is not None and function.always_logits,
        axis=given.get("axis", -1),
    )


def _misuse(flag: Any) -> str:
    effect = "taken as True" if flag else "taken as False"
    return f"from_logits={str(flag)[:40]!r} is no bool and is {effect}"


def _instance(value: Any, units: int | None) -> Loss | None:
    base = keras_base(value, _CALLS)
    if base is None:
        return _custom(value, "is code of its own")
    name = class_name(base)
    if name.rpartition(".")[2] in _WRAPPERS:
        return _wrapped(value, units)
    spec = loss_class(name)
    # Its function may have been replaced on the object.
    if spec is None or not _computes(getattr(value, "fn", None)):
        return _custom(value, "is code of its own")
    return _known(spec, None, _settings(value), Form.INSTANCE)


def _computes(function: Any) -> bool:
    return function is None or function_name(function) is not None


def _settings(value: Any) -> Mapping[str, Any]:
    """What a loss or metric of Keras really computes with: its function's arguments, else its attributes."""
    given = getattr(value, "_fn_kwargs", None)
    return given if isinstance(given, dict) else vars(value)


def _wrapped(value: Any, units: int | None) -> Loss | None:
    """A function that Keras, or the project, wrapped into a loss."""
    function, given = getattr(value, "fn", None), _settings(value)
    name = function_name(function)
    if name is not None:
        return _function(function, name, given)
    inner = loss_of(function, units)
    return inner if not given else _custom(function, "is code of its own")


def _custom(value: Any, what: str) -> Loss:
    name = label_of(value)
    reason = Undecided(Why.OPAQUE_LOSS, f"loss {name} {what}")
    return Loss(f"custom:{name}", Family.UNKNOWN, form=Form.CUSTOM, spelled=name, reason=reason)


# -- metrics -------------------------------------------------------------------------------------
def metric_of(value: Any, units: int | None = None) -> Metric | None:
    """The metric behind a value that ``compile(metrics=...)`` takes, where it has a threshold or a
    ``from_logits``; else None."""
    if isinstance(value, (str, dict)):
        return saved.metric_of(value, units)
    if inspect.isclass(value):
        spec = metric_class(class_name(value))
        return saved.known_metric(spec, {}, Form.CLASS, spec.name) if spec else None
    if isinstance(value, functools.partial):
        return _metric_function(value.func, value.keywords) if not value.args else None
    if function_name(value) is not None:
        return _metric_function(value, {})
    return _metric_instance(value)


def _metric_function(function: Any, given: Mapping[str, Any]) -> Metric | None:
    name = function_name(function)
    spec = metric_function(name) or metric_function(_as_metric(name)) if name is not None else None
    return saved.known_metric(spec, given, Form.FUNCTION, label_of(function)) if spec else None


def _as_metric(name: str) -> str:
    """A loss function serves as a metric: ``keras.losses.binary_crossentropy``."""
    return f"keras.metrics.{name.rpartition('.')[2]}"


def _metric_instance(value: Any) -> Metric | None:
    # tf_keras sets these methods, wrapped, on every metric.
    base = keras_base(value, _UPDATES, instance=False)
    if base is None:
        return None
    name = class_name(base).rpartition(".")[2]
    if name in _WRAPPERS:
        return _metric_function(getattr(value, "_fn", None), _settings(value))
    spec: MetricSpec | None = metric_class(f"keras.metrics.{name}")
    if spec is None:
        return None
    return saved.known_metric(spec, _metric_settings(spec, value), Form.INSTANCE, f"{name}()")


def _metric_settings(spec: MetricSpec, value: Any) -> Mapping[str, Any]:
    """What the metric was built with, as far as rules ask for it."""
    asked = ("from_logits", spec.threshold)
    found = {name: given for name, given in _settings(value).items() if name in asked}
    # Keras keeps the thresholds that were given beside those it works with, and the flag of AUC for itself.
    for name, kept in (("thresholds", "init_thresholds"), ("from_logits", "_from_logits")):
        if hasattr(value, kept):
            found[name] = getattr(value, kept)
    return found
