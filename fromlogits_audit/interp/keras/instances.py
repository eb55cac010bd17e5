"""Instances of project classes that derive from Keras: layers, models, losses, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.applications import application
from fromlogits_audit.catalogue.layers import layer_class
from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.catalogue.metrics import metric_class
from fromlogits_audit.catalogue.third_party import is_output_record
from fromlogits_audit.interp import wrapped
from fromlogits_audit.interp.choice import choose, lift, split
from fromlogits_audit.interp.classes import external_bases, find_member, own_method
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import graphs, losses, metrics, models, wrappers
from fromlogits_audit.interp.keras.attributes import model_attribute
from fromlogits_audit.interp.keras.layers import apply_layer, make_layer
from fromlogits_audit.interp.keras.shapes import Dims
from fromlogits_audit.interp.keras.sizes import shape_value
from fromlogits_audit.interp.keras_values import WEIGHTS, LayerV, LossV, MetricV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    TRUE,
    Args,
    BoundV,
    Const,
    DictV,
    FuncV,
    Hop,
    InstanceV,
    ListV,
    MethodV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MODEL_BASES = ("keras.Model", "keras.Sequential")
_METHODS = frozenset(
    [
        "compile",
        "fit",
        "evaluate",
        "predict",
        "predict_on_batch",
        "train_on_batch",
        "test_on_batch",
        "summary",
        "add",
        "pop",
        "build",
        "call",
        "get_layer",
        "add_weight",
        "add_variable",
        "add_loss",
        "add_metric",
        "save",
        "save_weights",
        "load_weights",
        "compute_loss",
        "compiled_loss",
        "compute_metrics",
        "compute_output_shape",
        "get_config",
        "from_config",
        "train_step",
        "test_step",
        "predict_step",
        "compute_mask",
        "set_weights",
        "get_weights",
        "count_params",
        "export",
        "update_state",
        "result",
        "reset_state",
        "reset_states",
        "fit_generator",
        "evaluate_generator",
        "predict_generator",
        "track_variable",
        "stateless_call",
        "reset_metrics",
        "make_train_function",
        "__call__",
        "__init__",
        "compiled_metrics",
        "_get_trainable_state",
        "stateless_compute_loss",
        "get_compile_config",
    ]
)


def hop(place: Place | None, note: str) -> tuple[Hop, ...]:
    return (Hop(place, note),) if place is not None else ()


def keras_base(instance: InstanceV) -> str | None:
    """The Keras class that an instance derives from."""
    for base in external_bases(instance.cls):
        if base.startswith(("keras.", "keras_", "transformers.")) or base in ("tf.Module",):
            return base
    return None


def is_model(instance: InstanceV) -> bool:
    base = keras_base(instance)
    return base in MODEL_BASES or (
        base is not None and (application(base) is not None or base.startswith("keras_hub.models."))
    )


def prepare(run: Run, instance: InstanceV, args: Args) -> None:
    """Before the project's own constructor: a Keras loss has its defaults."""
    base = keras_base(instance)
    spec = loss_class(base) if base is not None else None
    if spec is not None and instance.place is not None:
        instance.slots["$loss"] = losses.build_loss(run, spec, Args(), instance.place)


def construct(run: Run, instance: InstanceV, bases: list[str], args: Args) -> None:
    """``super().__init__(...)`` of a Keras class or a dict, or a constructor that is inherited whole."""
    if wrapped.call_method(run, instance, "__init__", args, instance.place) is not None:
        return
    if isinstance(args.keywords.get("name"), Const):
        run.state.write(instance, "$name", args.keywords["name"])
    for base in bases:
        if _construct_as(run, instance, base, args):
            return


def _construct_as(run: Run, instance: InstanceV, base: str, args: Args) -> bool:
    if base == "keras.Sequential":
        models.make_sequential(run, args, instance.place, into=instance)
        return True
    if base == "keras.Model":
        if args.positional or "outputs" in args.keywords:
            models.make_functional(run, args, instance.place, into=instance)
        return True
    if is_output_record(base):
        for name, value in args.keywords.items():
            run.state.write(instance, name, value)
        return True
    place = instance.place
    if place is None:
        return False
    layer, loss, metric = layer_class(base), loss_class(base), metric_class(base)
    around, mean = wrappers.loss(base, args, place), wrappers.metric(run, base, args, place)
    if layer is not None:
        run.state.write(instance, "$layer", make_layer(run, layer, args, place))
    elif loss is not None:
        run.state.write(instance, "$loss", losses.build_loss(run, loss, args, place))
    elif metric is not None:
        run.state.write(instance, "$metric", metrics.build_metric(run, metric, args, place))
    elif around is not None:
        run.state.write(instance, "$loss", around)
    elif mean is not None:
        run.state.write(instance, "$metric", mean)
    elif application(base) is not None:
        made = models.make_application(run, application(base), args, place)  # type: ignore[arg-type]
        run.state.write(instance, "$outputs", made.slots["$outputs"])  # type: ignore[attr-defined]
    else:
        return False
    return True


def call(run: Run, instance: InstanceV, args: Args, place: Place | None) -> Value | None:
    """``instance(inputs)``: the project's ``call``, or what the Keras base does."""
    base = keras_base(instance)
    own = find_member(instance.cls, "call")
    if base is not None and _is_loss(base):
        return run.keras.call_loss(run, instance, args, place)
    given = instance.slots.get("call")
    if given is not None:  # ``model.call = types.MethodType(f, model)``
        return run.call(given, args, place)
    if own is not None and isinstance(own[1], FuncV):
        _build(run, instance, args)
        full = Args((instance, *args.positional), args.keywords, args.star, args.double)
        result = invoke(run, own[1].core, full, instance)
        if is_model(instance):
            result = models.final(run, result, instance)
        else:
            result = graphs.under_its_name(instance, result)
        return graphs.called(run, instance, args, result)
    if base is None:
        return _without_base(instance)
    return call_base(run, instance, base, args, place)


def _without_base(instance: InstanceV) -> Value | None:
    return TensorV(reason=Undecided(Why.OPAQUE_LAYER, f"an instance of {instance.cls.name}"))


def _is_loss(base: str) -> bool:
    return base in ("keras.losses.Loss", *wrappers.LOSSES) or loss_class(base) is not None


def call_base(run: Run, instance: InstanceV, base: str, args: Args, place: Place | None) -> Value:
    """What the Keras base class computes."""
    inner = instance.slots.get("$layer")
    if isinstance(inner, LayerV):
        _build(run, instance, args)
        name = inner.spec.activation
        if name is not None and name in instance.slots:  # set by the class itself
            run.state.write(inner, name, choose(split(instance.slots[name])[0]))
        inputs = args.positional[0] if args.positional else data_tensor()
        result = apply_layer(run, inner, inputs, args, place)
        hook = next((name for name in _HOOKS if own_method(instance.cls, name) is not None), None)
        if hook is not None:
            reason = Undecided(Why.OPAQUE_LAYER, f"{instance.cls.name} has a {hook}() of its own")
            return lift(result, run.state.guard, lambda one: TensorV(shape=_shape_of(one), reason=reason))
        return result
    if "$layers" in instance.slots or "$outputs" in instance.slots:
        return models.call_model(run, instance, args, place)
    metric = instance.slots.get("$metric")
    if isinstance(metric, MetricV):
        return run.keras.update_metric(run, metric, args, place)
    return TensorV(
        reason=Undecided(Why.OPAQUE_LAYER, f"{instance.cls.name} has no call() that can be followed")
    )


_HOOKS = ("step", "inner_loop", "convolution_op")
"""What the ``call`` of Keras's recurrent and convolutional layers calls."""


def _shape_of(value: Value) -> Dims:
    return value.shape if isinstance(value, TensorV) else None


def _build(run: Run, instance: InstanceV, args: Args) -> None:
    """Keras calls ``build(input_shape)`` before the first call."""
    own = find_member(instance.cls, "build")
    if own is None or not isinstance(own[1], FuncV) or "$built" in instance.slots:
        return
    run.state.write(instance, "$built", TRUE)
    inputs = args.positional[0] if args.positional else data_tensor()
    content = content_of(run, inputs)
    shape: Value
    if isinstance(content, TupleV):
        shape = ListV(tuple(_shape(run, v) for v in content.items))
    else:
        shape = _shape(run, content)
    invoke(run, own[1].core, Args((instance, shape)), instance)


def _shape(run: Run, value: Value) -> Value:
    if isinstance(value, TensorV):
        return shape_value(value.shape, id(value))
    return run.state.fresh(Why.RUNTIME, "an input shape")


def inherited(run: Run, base: InstanceV, name: str, external: str, place: Place | None) -> Value | None:
    """An attribute that comes from the Keras base."""
    if not external.startswith(("keras.", "tf.")):
        return None
    if name in _METHODS:
        return MethodV(base, name, external, place)
    if is_model(base):
        found = model_attribute(run, base, name, place)
        if found is not None:
            return found
    if name == "output" and "$output" in base.slots:
        return base.slots["$output"]
    inner = base.slots.get("$layer")
    if isinstance(inner, LayerV):
        return run.keras.attribute(run, inner, name, place) if place is not None else None
    loss = losses.kept(run, base)
    if isinstance(loss, LossV) and name == "from_logits":
        return loss.from_logits
    if name in ("trainable_variables", "trainable_weights"):
        return TensorV(reason=WEIGHTS)
    if name in ("name", "dtype", "trainable", "built", "losses", "weights"):
        return base.slots.get("$name") or run.state.fresh(Why.RUNTIME, f"{name} of a layer")
    return None


def replica(run: Run, args: Args) -> Value | None:
    """``strategy.run(step, args=(...))``."""
    function = args.positional[0]
    if not isinstance(function, (FuncV, BoundV)):
        return None
    given = args.get(1, "args")
    keywords = args.get(2, "kwargs")
    content = content_of(run, given) if given is not None else TupleV(())
    positional = content.items if isinstance(content, TupleV) else ((content,) if given is not None else ())
    named: dict[str, Value] = {}
    if isinstance(keywords, DictV):
        entries = content_of(run, keywords)
        named = {str(key): value for key, (_, value) in getattr(entries, "items", {}).items()}
    return run.call(function, Args(positional, named), None)
