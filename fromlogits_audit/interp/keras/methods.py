"""Methods of Keras objects: models, layers, losses, metrics, tensors, data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fromlogits_audit.catalogue.ops import method as tensor_method
from fromlogits_audit.interp.choice import lift
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.equality import identity
from fromlogits_audit.interp.keras import (
    arrays,
    callbacks,
    configs,
    encoders,
    external,
    fitting,
    instances,
    losses,
    models,
    ops,
    steps,
    tuning,
    weights,
)
from fromlogits_audit.interp.keras.compiling import compile_model, update_compiled
from fromlogits_audit.interp.keras.labels import of_literal
from fromlogits_audit.interp.keras.pairing import meet_compiled
from fromlogits_audit.interp.keras_values import (
    LITERAL,
    LayerV,
    LossV,
    MetricV,
    ModelV,
    TensorV,
    data_tensor,
)
from fromlogits_audit.interp.raising import doubt_builtin
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    ClassV,
    DictV,
    InstanceV,
    IterV,
    ListV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Model = ModelV | InstanceV
Handler = Callable[["Run", Any, Args, "Place | None"], "Value | None"]
_WEIGHT_MAKERS = ("add_weight", "add_variable")


def call(run: Run, method: MethodV, args: Args, place: Place | None) -> Value | None:
    """A method call on a Keras object, None where the receiver is none."""
    receiver, name = method.receiver, method.name
    if name in ("get_config", "to_json"):
        written = configs.config_of(receiver)
        if written is not None:
            return written
    compiled = _update_of(method)
    if compiled is not None:
        return _compute_metrics(run, compiled, Args((NONE, *args.positional), args.keywords), place)
    if isinstance(receiver, InstanceV):
        return _instance(run, receiver, method, args, place)
    if isinstance(receiver, ModelV):
        return _model(run, receiver, name, args, place)
    if isinstance(receiver, LayerV):
        return _layer(run, receiver, name, args, place)
    if isinstance(receiver, LossV):
        return (
            run.keras.call_loss(run, receiver, args, place) if name in ("call", "__call__") else data_tensor()
        )
    if isinstance(receiver, MetricV):
        return _metric(run, receiver, name, args, place)
    if isinstance(receiver, TensorV):
        return _tensor(run, receiver, name, args, place)
    if isinstance(receiver, IterV):
        return run.keras.data.call_method(run, receiver, name, args, place)
    if isinstance(receiver, BagV) and receiver.kind == arrays.KIND:
        return arrays.call_method(run, receiver, name, args, place)
    if isinstance(receiver, BagV) and receiver.kind in tuning.SEARCHES:
        return tuning.call_method(run, receiver, name, args, place)
    if isinstance(receiver, BagV):
        return encoders.call_method(run, receiver, name, args)
    if isinstance(receiver, ClassV) and name == "from_config":
        return configs.instance_from(run, receiver, args, place)
    if isinstance(receiver, ClassV) and name in ("from_preset", "from_pretrained"):
        return run.call(receiver, Args((), args.keywords, args.star, args.double), place)
    if isinstance(receiver, (ListV, TupleV, DictV)) and name in ("numpy", "copy", "items"):
        return None if name != "numpy" else receiver
    if isinstance(receiver, TupleV) and name == "as_list":
        return ListV(receiver.items, receiver.open)
    if isinstance(receiver, (ListV, TupleV)) and not hasattr(list, name) and tensor_method(name) is not None:
        return _array(run, receiver, name, args, place)
    return None


def _array(run: Run, literal: ListV | TupleV, name: str, args: Args, place: Place | None) -> Value:
    """``np.array([1, 0]).reshape(-1, 1)``: its shape is no number of units, as no model gives it."""
    made = _tensor(run, TensorV(labels=of_literal(run, literal), reason=LITERAL), name, args, place)
    return replace(made, shape=None) if isinstance(made, TensorV) else made


# -- models ------------------------------------------------------------------------------------
def _compile(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    fitting.compiled(run, model)
    if place is not None:
        with run.recorder.compiles.compiling(model):
            compile_model(run, model, args, place)
    return NONE


def _is_list(run: Run, model: Model) -> bool:
    """Whether layers can be added to a model: one with a graph has no such method."""
    if "$layers" not in model.slots and "$outputs" in model.slots:
        doubt_builtin(run, "AttributeError")
        return False
    return True


def _add(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    if not _is_list(run, model):
        return NONE
    layer = args.get(0, "layer") or NONE
    before = model.slots.get("$layers", TupleV(()))
    grown = lift(
        before, run.state.guard, lambda c: TupleV((*c.items, layer), c.open) if isinstance(c, TupleV) else c
    )
    run.state.write(model, "$layers", grown)
    return NONE


def _pop(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    if not _is_list(run, model):
        return NONE
    before = model.slots.get("$layers", TupleV(()))
    run.state.write(
        model,
        "$layers",
        lift(before, run.state.guard, lambda c: TupleV(c.items[:-1], c.open) if isinstance(c, TupleV) else c),
    )
    return NONE


def _fit(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    if isinstance(model, InstanceV):
        model.trained = True
    run.keras.data.fit(run, model, args, place)
    callbacks.note(run, model, args)
    return run.state.fresh(Why.RUNTIME, "a training history")


def _fit_as(name: str) -> Handler:
    def handle(run: Run, model: Model, args: Args, place: Place | None) -> Value:
        steps.note(run, model, name, args)
        fitting.run_steps(run, model, name, args, place)
        return _fit(run, model, args, place)

    return handle


def _returned(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    return models.outputs_of(run, model, place)


def _call(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    return run.call(model, args, place)


def _same_model(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    return model


def _compute_loss(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    """``self.compute_loss(x, y, y_pred, sample_weight)``."""
    return _meet_compiled(run, model, args.get(1, "y"), args.get(2, "y_pred"), place)


def _compiled_loss(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    """``self.compiled_loss(y_true, y_pred, sample_weight)`` of Keras 2."""
    return _meet_compiled(run, model, args.get(0, "y_true"), args.get(1, "y_pred"), place)


def _meet_compiled(
    run: Run, model: Model, labels: Value | None, predicted: Value | None, place: Place | None
) -> Value:
    loss = model.slots.get("$loss")
    if isinstance(loss, MethodV) and loss.receiver is model:  # without end, but for a library's own loss
        if not (isinstance(model, ModelV) and model.head is not None):
            run.recorder.note_opaque(Undecided(Why.OPAQUE_LOSS, "is the model's own compute_loss"))
    elif predicted is not None:
        meet_compiled(run, model, labels, predicted, place)
    return data_tensor((), what=losses.LOSS_VALUE)


def _compute_metrics(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    predicted = args.get(2, "y_pred")
    if predicted is not None:
        update_compiled(run, model, predicted, place)
    return run.state.fresh(Why.RUNTIME, "what a step logs")


def _update_of(method: MethodV) -> Model | None:
    """The model whose ``self.compiled_metrics.update_state`` this is."""
    inner = method.receiver
    if method.name != "update_state" or not isinstance(inner, MethodV) or inner.name != "compiled_metrics":
        return None
    return inner.receiver if isinstance(inner.receiver, (ModelV, InstanceV)) else None


def _save(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    path = args.get(0, "filepath")
    if path is not None:
        run.saved[identity(path)] = model
    return NONE


def _nothing(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    return NONE


def _layer_by_name(run: Run, model: Model, args: Args, place: Place | None) -> Value:
    return models.find_layer(run, model, args, place)


_FITS = ("fit", "evaluate", "train_on_batch", "test_on_batch", "fit_generator", "evaluate_generator")
_MODEL: dict[str, Handler] = {
    "compile": _compile,
    "add": _add,
    "pop": _pop,
    **{name: _fit_as(name) for name in _FITS},
    "predict": steps.predict,
    "predict_on_batch": steps.predict,
    "predict_generator": steps.predict,
    "predict_step": _returned,
    "predict_proba": _returned,
    "train_step": steps.take,
    "test_step": steps.take,
    "call": _call,
    "__call__": _call,
    "get_layer": _layer_by_name,
    "compute_loss": _compute_loss,
    "compiled_loss": _compiled_loss,
    "compute_metrics": _compute_metrics,
    "summary": _nothing,
    "save": _save,
    "save_weights": _nothing,
    "load_weights": _nothing,
    "set_weights": _nothing,
    "build": _nothing,
    "export": _nothing,
    "add_loss": _nothing,
    "_clone": _same_model,
}


def _model(run: Run, model: ModelV, name: str, args: Args, place: Place | None) -> Value | None:
    handler = _MODEL.get(name)
    if handler is not None:
        return handler(run, model, args, place)
    if name in ("stateless_call",):
        outputs = models.outputs_of(run, model, place)
        return TupleV((outputs, data_tensor(what="variables")))
    return run.state.fresh(Why.RUNTIME, f"{name} of a model")


# -- instances of project classes ----------------------------------------------------------------
def _instance(
    run: Run, receiver: InstanceV, method: MethodV, args: Args, place: Place | None
) -> Value | None:
    name, base = method.name, method.base or ""
    if name == "__init__":
        instances.construct(run, receiver, [base], args)
        return NONE
    if not base.startswith(("keras.", "tf.", "keras_")):
        return None
    if name == "get_config":
        return configs.base_config(run, receiver, base) or run.state.fresh(Why.EXTERNAL, f"{name} of {base}")
    metric = receiver.slots.get("$metric")
    if name == "update_state" and isinstance(metric, MetricV):
        return run.keras.update_metric(run, metric, args, place)
    if name == "__call__" and own_method(receiver.cls, "call") is not None:  # behind one of the class's own
        return instances.call(run, receiver, args, place)
    if name in ("call", "__call__"):
        return _inherited_call(run, receiver, base, args, place)
    if name in _WEIGHT_MAKERS:
        return weights.added(run, args)
    if name == "add_metric":
        return data_tensor(what="a metric")
    if name == "stateless_call":
        return TupleV(
            (
                run.call(receiver, Args(args.positional[2:], args.keywords), place),
                data_tensor(what="variables"),
            )
        )
    handler = _MODEL.get(name)
    if handler is not None:
        return handler(run, receiver, args, place)
    return run.state.fresh(Why.EXTERNAL, f"{name} of {base}")


def _inherited_call(run: Run, receiver: InstanceV, base: str, args: Args, place: Place | None) -> Value:
    loss = losses.kept(run, receiver)
    if isinstance(loss, LossV):
        return run.keras.call_loss(run, loss, args, place)
    if isinstance(loss, PartialV):
        return run.call(loss, args, place)
    return instances.call_base(run, receiver, base, args, place)


# -- the rest --------------------------------------------------------------------------------------
def _layer(run: Run, layer: LayerV, name: str, args: Args, place: Place | None) -> Value:
    if name in ("call", "__call__"):
        return run.call(layer, args, place)
    if name == "adapt":
        return NONE
    return run.state.fresh(Why.RUNTIME, f"{name} of a layer")


def _metric(run: Run, metric: MetricV, name: str, args: Args, place: Place | None) -> Value:
    if name in ("update_state", "__call__", "call"):
        return run.keras.update_metric(run, metric, args, place)
    return data_tensor((), what="the value of a metric")


def _tensor(run: Run, tensor: TensorV, name: str, args: Args, place: Place | None) -> Value:
    effect = tensor_method(name)
    if effect is not None:
        axis = args.keywords.get("axis") or (
            args.positional[0] if args.positional and name in _AXIS_FIRST else None
        )
        full = Args((tensor, *args.positional), args.keywords, args.star, args.double)
        return ops.apply_effect(run, f"method.{name}", effect, full, place, axis)
    if name in _SAME_ARRAY:
        return tensor
    if name == "log_prob":  # of a distribution: the density of the labels
        return data_tensor((), what="the density of a distribution")
    external.note_escape(run, f"method.{name}", Args((tensor,)))
    return data_tensor(what=f"{name}() of a tensor")


_SAME_ARRAY = ("toarray", "todense", "to_numpy")
"""Methods that give the same rows out of a sparse matrix or a data frame."""
_AXIS_FIRST = frozenset(["mean", "sum", "max", "min", "std", "var", "prod", "squeeze", "argmax"])
