"""Losses and metrics as saved models write them: strings, functions, instances, lists and dicts.

KERAS writes an instance as ``{"class_name": ..., "config": {...}}`` (with ``module`` and
``registered_name`` in ``.keras`` files), a function as ``{"class_name": "function", "config": name}`` or,
in HDF5 files, as its bare name.
"""

from __future__ import annotations

from collections.abc import Mapping

from fromlogits_audit.catalogue.interface import LossSpec, MetricSpec
from fromlogits_audit.catalogue.losses import inferred_string, loss_class, loss_string
from fromlogits_audit.catalogue.metrics import (
    is_accuracy_string,
    is_argmax,
    metric_class,
    metric_function,
    metric_string,
)
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.ir import Family, Form, Loss, Metric, Undecided, Why
from fromlogits_audit.saved.values import Json, is_number

_WRAPPERS = ("LossFunctionWrapper", "MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")
_ASKS = (Family.THRESHOLD, Family.CATEGORICAL, Family.BINARY)
_LONGEST = 100


def is_object(value: Json) -> bool:
    """Whether a dict is one serialised object, and not losses by output name."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def named_by_keras(value: Json) -> str | None:
    """The class name of an object of Keras's own; None for what the project registered or imported."""
    name, module = value["class_name"], value.get("module")
    if ">" in name:
        return None
    if "module" not in value:
        return str(name)
    return str(name) if isinstance(module, str) and canonical(module).split(".")[0] == "keras" else None


# -- losses --------------------------------------------------------------------------------------
def loss_of(value: Json, units: int | None) -> Loss | None:
    """The loss behind one serialised value, None where there is none."""
    if value is None:
        return None
    if isinstance(value, str):
        return _string_loss(value, units)
    if not is_object(value):
        return _custom("unknown", "a loss that is not in a form of Keras")
    if value["class_name"] == "function":
        return _function_loss(value, units)
    if value["class_name"] == "__lambda__":
        return _custom("<lambda>", "a lambda, whose code is not looked into")
    return _instance_loss(value, units)


def _string_loss(text: str, units: int | None, form: Form = Form.STRING) -> Loss:
    spec = loss_string(text)
    if spec is None and inferred_string(text):
        spec = loss_string("binary_crossentropy" if units == 1 else "categorical_crossentropy")
    if spec is None:
        name = text.rpartition(">")[2] if text != "<lambda>" else text
        return _custom(name, f"loss {text[:_LONGEST]!r}, whose code is not in the file")
    flag = False if spec.has_flag else None
    spelled = repr(text) if form is Form.STRING else text
    return known_loss(spec, flag, form=form, spelled=spelled)


def _function_loss(value: Json, units: int | None) -> Loss:
    name, module = value.get("config"), value.get("module")
    if not isinstance(name, str):
        return _custom("unknown", "a function without a name")
    foreign = isinstance(module, str) and canonical(module).split(".")[0] not in ("builtins", "keras")
    if foreign or ">" in name:
        return _custom(name.rpartition(">")[2], f"loss {name[:_LONGEST]}, whose code is not in the file")
    return _string_loss(name, units, Form.FUNCTION)


def _instance_loss(value: Json, units: int | None) -> Loss:
    name = value["class_name"]
    config = value["config"] if isinstance(value["config"], dict) else {}
    keras_name = named_by_keras(value)
    if keras_name in _WRAPPERS:
        return _wrapped(config, units)
    spec = loss_class(f"keras.losses.{keras_name}") if keras_name else None
    if spec is None:
        short = name.rpartition(">")[2]
        return _custom(short, f"loss {short[:_LONGEST]}, a class whose code is not in the file")
    given = config.get("from_logits", False) if spec.has_flag else None
    return known_loss(
        spec,
        bool(given) if spec.has_flag else None,
        form=Form.INSTANCE,
        spelled=_spelled(spec, given, "from_logits" in config),
        explicit="from_logits" in config,
        misuse=_misuse(given) if spec.has_flag else None,
        axis=config.get("axis", -1),
    )


def _wrapped(config: Json, units: int | None) -> Loss:
    """A function that tf_keras wrapped into a loss."""
    inner = loss_of(config.get("fn"), units)
    return inner or _custom("unknown", "a wrapped function without a name")


def known_loss(
    spec: LossSpec,
    from_logits: bool | None,
    *,
    form: Form,
    spelled: str,
    explicit: bool = False,
    misuse: str | None = None,
    always_logits: bool = False,
    axis: object = -1,
) -> Loss:
    """The waist's view of a catalogued loss."""
    return Loss(
        name=spec.name,
        family=spec.family,
        from_logits=True if always_logits or spec.always_logits else from_logits,
        sparse=spec.sparse,
        form=form,
        spelled=spelled,
        misuse=misuse,
        always_logits=always_logits or spec.always_logits,
        focal=spec.focal,
        explicit=explicit,
        across=axis not in (None, -1),
    )


def _spelled(spec: LossSpec, flag: Json, written: bool) -> str:
    return f"{spec.name}(from_logits={flag!r})" if written and spec.has_flag else f"{spec.name}()"


def _misuse(flag: Json) -> str | None:
    if isinstance(flag, bool):
        return None
    effect = "taken as True" if flag else "taken as False"
    return f"from_logits={str(flag)[:40]!r} is no bool and is {effect}"


def _custom(name: str, detail: str) -> Loss:
    reason = Undecided(Why.OPAQUE_LOSS, detail)
    name = name[:_LONGEST]
    return Loss(f"custom:{name}", Family.UNKNOWN, form=Form.CUSTOM, spelled=name, reason=reason)


# -- metrics -------------------------------------------------------------------------------------
def metric_of(value: Json, units: int | None) -> Metric | None:
    """The metric behind a serialised value, where it has a threshold or a flag; else None."""
    found = _metric_spec(value, units)
    if found is None:
        return None
    return known_metric(*found)


def known_metric(spec: MetricSpec, config: Mapping[str, Json], form: Form, spelled: str) -> Metric | None:
    """The waist's view of a catalogued metric built with ``config``; None where it asks for no scale."""
    threshold = _threshold(spec, config)
    if spec.family not in _ASKS or is_argmax(spec, threshold):
        return None
    flag = config.get("from_logits", False) if "from_logits" in spec.parameters.names else None
    return Metric(
        name=spec.name,
        family=spec.family,
        from_logits=None if flag is None else bool(flag),
        threshold=threshold,
        form=form,
        spelled=spelled,
        misuse=None
        if flag is None or isinstance(flag, bool)
        else f"from_logits={str(flag)[:40]!r} is no bool",
    )


def _metric_spec(value: Json, units: int | None) -> tuple[MetricSpec, dict[str, Json], Form, str] | None:
    if isinstance(value, str):
        spec = metric_string(value)
        if is_accuracy_string(value):
            spec = metric_class("keras.metrics.BinaryAccuracy") if units == 1 else None
        return (spec, {}, Form.STRING, repr(value)) if spec else None
    if not is_object(value):
        return None
    config = value["config"]
    name = named_by_keras(value)
    if value["class_name"] == "function" and isinstance(config, str):
        return _metric_function(config, {})
    if name is None or not isinstance(config, dict):
        return None
    if name in _WRAPPERS:
        fn = config.get("fn")
        fn = fn.get("config") if isinstance(fn, dict) else fn
        return _metric_function(fn, config) if isinstance(fn, str) else None
    spec = metric_class(f"keras.metrics.{name}")
    return (spec, config, Form.INSTANCE, f"{name}()") if spec else None


def _metric_function(
    name: str, config: dict[str, Json]
) -> tuple[MetricSpec, dict[str, Json], Form, str] | None:
    spec = metric_function(f"keras.metrics.{name}") or metric_string(name)
    return (spec, config, Form.FUNCTION, name) if spec else None


def _threshold(spec: MetricSpec, config: Mapping[str, Json]) -> float | None:
    """The cut; of several the first (a list of thresholds is all of one scale)."""
    if spec.threshold is None:
        return None
    value = config.get(spec.threshold)
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if value is None:
        return spec.default_threshold
    return float(value) if is_number(value) else None
