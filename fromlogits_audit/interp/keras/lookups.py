"""Functions of Keras and TensorFlow that hand on, look up or load other things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.catalogue.metrics import is_accuracy_string
from fromlogits_audit.catalogue.third_party import is_output_record
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.equality import identity
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import arrays, cloning, custom, losses, metrics, tuning, weights
from fromlogits_audit.interp.keras.distillation import distiller
from fromlogits_audit.interp.keras.labels import of_literal
from fromlogits_audit.interp.keras_values import LITERAL, LayerV, LossV, ModelV, TensorV, data_tensor
from fromlogits_audit.interp.truth import conditions, truth
from fromlogits_audit.interp.values import (
    NAMESPACE,
    NONE,
    Args,
    BagV,
    BoundV,
    Const,
    DictV,
    Entries,
    ExternalV,
    FuncV,
    InstanceV,
    IterV,
    ListV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Form, Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Function = Callable[["Run", str, Args, Place], "Value | None"]


def call(run: Run, name: str, args: Args, place: Place) -> Value | None:
    if is_output_record(name):
        return BagV(NAMESPACE, **args.keywords)
    function = _FUNCTIONS.get(name)
    if function is not None:
        return function(run, name, args, place)
    if name.endswith(".preprocess_input") and args.positional:
        return args.positional[0]
    if name.startswith(("tfp.", "tensorflow_probability.")):
        return None
    return None


def _same(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """A wrapper that leaves what it is given as it is; without arguments it is a decorator."""
    for value in args.positional:
        if isinstance(value, (FuncV, BoundV, PartialV)):
            return value
    return args.positional[0] if args.positional else ExternalV("fromlogits.transparent", place)


def _serialized(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """The name of a function, which stands for it. Of an object it is a dict, which may be changed."""
    value = next(iter(args.all()), NONE)
    options = [option for _, option in alternatives(value, run.state.guard)]
    return value if all(isinstance(option, (ExternalV, FuncV, Const)) for option in options) else None


def _activation_get(run: Run, name: str, args: Args, place: Place) -> Value | None:
    value = args.get(0, "identifier") or args.get(0, "name") or NONE
    return choose([(guard, activation_object(v)) for guard, v in alternatives(value, run.state.guard)])


def activation_object(value: Value) -> Value:
    """The function that Keras keeps for what is given as an activation."""
    if isinstance(value, Const) and value.value is None:
        return ExternalV("keras.activations.linear")
    if isinstance(value, Const) and isinstance(value.value, str):
        spec = activation_string(value.value)
        if spec is not None:
            return ExternalV(spec.functions[0] if spec.functions else f"keras.activations.{spec.name}")
    return value


def _loss_get(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``keras.losses.get(identifier)``: the loss stands at this call."""
    value = args.get(0, "identifier") or args.get(0, "name") or NONE
    return choose([(guard, _loss_of(run, v, place)) for guard, v in alternatives(value, run.state.guard)])


def _loss_of(run: Run, value: Value, place: Place) -> Value:
    if isinstance(value, DictV):
        return _from_config(run, value, place)
    if isinstance(value, Const) and isinstance(value.value, str):
        known = losses.string_loss(Const(value.value, place))
        if known is None:
            return Unknown(
                Undecided(Why.OPAQUE_LOSS, f"loss {value.value!r} is not known"),
                ("loss", id(place.node)),
                place,
            )
        form = Form.FUNCTION if value.value.islower() else Form.INSTANCE
        made = LossV(known.spec, known.from_logits, form, place, always_logits=known.always_logits)
        run.recorder.note_built(made)
        return made
    return value


def _from_config(run: Run, value: DictV, place: Place) -> Value:
    """``{"class_name": ..., "config": {...}}``: what a serialised loss looks like."""
    entries = content_of(run, value)
    items = entries.items if isinstance(entries, Entries) else {}
    name = items.get("class_name", (NONE, NONE))[1]
    spec = loss_class(f"keras.losses.{name.value}") if isinstance(name, Const) else None
    inner = content_of(run, items["config"][1]) if "config" in items else Entries({})
    if spec is None or not isinstance(inner, Entries):
        return Unknown(
            Undecided(Why.OPAQUE_LOSS, "a serialised loss that is not known"), ("loss", id(place.node)), place
        )
    keywords = {str(key): option for key, (_, option) in inner.items.items()}
    return losses.build_loss(run, spec, Args((), keywords), place)


def _metric_get(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``keras.metrics.get("binary_accuracy")``: the metric stands at this call."""
    value = args.get(0, "identifier")
    known = None
    if isinstance(value, Const) and isinstance(value.value, str) and not is_accuracy_string(value.value):
        known = metrics.string_metric(Const(value.value, place), None)
    return replace(known, form=Form.FUNCTION) if known is not None else value


def _save(run: Run, name: str, args: Args, place: Place) -> Value | None:
    model, path = args.get(0, "model") or args.get(0, "obj"), args.get(1, "filepath")
    if isinstance(model, (ModelV, InstanceV)) and path is not None:
        run.saved[identity(path)] = model
    return NONE


def _loaded(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """A model out of a file: the one that the program itself has saved there, else unknown."""
    path = args.get(0, "filepath")
    if path is not None and identity(path) in run.saved and not name.startswith("tf."):
        return run.saved[identity(path)]
    return Unknown(Undecided(Why.LOADED_MODEL, f"{name.rpartition('.')[2]}()"), ("loaded", id(place.node)))


def _hub(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """A layer out of a hub: what it yields is in no file here."""
    return Unknown(Undecided(Why.EXTERNAL, "a TensorFlow Hub module"), ("hub", id(place.node)))


def _cond(run: Run, name: str, args: Args, place: Place) -> Value | None:
    pred = args.get(0, "pred") or NONE
    yes, no = args.get(1, "true_fn"), args.get(2, "false_fn")
    if yes is None or no is None:
        return None
    known = truth(run.state, pred)
    if known is not None:
        return run.call(yes if known else no, Args(), place)
    guards = conditions(run.state, pred)
    sides = zip(guards, (yes, no), strict=True)
    return run.state.fork(sides, lambda function: run.call(function, Args(), place))


def _normalized(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``tf.linalg.normalize(x)``: the rows scaled to length one, and how long they were."""
    from fromlogits_audit.interp.keras.ops import apply_effect

    axis = args.get(2, "axis")
    rows = apply_effect(run, "tf.math.l2_normalize", OpEffect.UNIT, Args(args.positional[:1]), place, axis)
    return TupleV((rows, data_tensor())) if args.get(1, "ord") is None else None


def _map_fn(run: Run, name: str, args: Args, place: Place) -> Value | None:
    function = args.get(0, "fn") or args.keywords.get("f")
    elems = args.get(1, "elems") or args.keywords.get("xs")
    if function is None or elems is None:
        return None
    return run.call(function, Args((_element(run, elems),)), place)


def _map_structure(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``tf.nest.map_structure(layer, tensors)``: the function of each."""
    if len(args.positional) != 2:
        return None
    function, structure = args.positional
    content = content_of(run, structure)
    if not isinstance(content, TupleV):
        return run.call(function, Args((structure,)), place) if isinstance(structure, TensorV) else None
    return TupleV(tuple(run.call(function, Args((one,)), place) for one in content.items), content.open)


def _py_function(run: Run, name: str, args: Args, place: Place) -> Value | None:
    function, given = args.get(0, "func"), content_of(run, args.get(1, "inp") or TupleV(()))
    return run.call(function, Args(given.items), place) if function and isinstance(given, TupleV) else None


def _element(run: Run, elems: Value) -> Value:
    """What a function that is mapped over tensors gets: a part of each."""
    if isinstance(elems, TensorV):
        return run.keras.index(run, elems, Const(0))
    content = content_of(run, elems)
    if not isinstance(content, TupleV):
        return elems
    return TupleV(tuple(_element(run, one) for one in content.items))


def _dataset(run: Run, name: str, args: Args, place: Place) -> Value | None:
    return IterV(run.state.fresh(Why.RUNTIME, "an element of a data set"), "dataset")


def _linear_model(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``LinearModel(units=1, activation=None)`` and ``WideDeepModel(..., activation=None)``."""
    from fromlogits_audit.interp.keras.activations import apply_activation
    from fromlogits_audit.interp.keras.shapes import number

    units = number(args.get(0, "units")) or 1 if name.endswith("LinearModel") else None
    scores = TensorV(Scale.LOGITS, "linear", (None, units))
    model = ModelV("functional", place)
    model.slots["$outputs"] = apply_activation(run, scores, args.keywords.get("activation", NONE), place)
    return model


def _policy(run: Run, name: str, args: Args, place: Place) -> Value | None:
    policy = args.get(0, "policy") or args.get(0, "dtype_policy") or NONE
    # It stands where it is set: that is what decides for the layers made from now on.
    policy = Const(policy.value, place) if isinstance(policy, Const) else policy
    run.state.write(run.settings, "policy", policy)
    if id(place.chunk.module) not in run.policies:  # what a function does that nothing calls ends with it
        run.policy_lines[id(place.chunk.module)] = place.chunk.span(place.node)[0]
    return NONE


def _policy_object(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``Policy("mixed_float16")`` stands for its name."""
    return args.get(0, "name")


def _model_from_config(run: Run, name: str, args: Args, place: Place) -> Value | None:
    return _loaded(run, name, args, place)


def _convert(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``np.array``: tensors stay, literals are data."""
    first = args.get(0, "value") or args.get(0, "x") or NONE
    if isinstance(first, (TensorV, Unknown, LayerV)):
        return first
    if not isinstance(first, (Const, ListV, TupleV)):
        return None
    return TensorV(labels=of_literal(run, first), reason=LITERAL)


_FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys(custom.REGISTRY, custom.registry),
    **dict.fromkeys(custom.SCOPES, custom.scope),
    **dict.fromkeys(tuning.SEARCHES, tuning.search),
    "keras.activations.get": _activation_get,
    "keras.activations.deserialize": _activation_get,
    "keras.losses.get": _loss_get,
    "keras.losses.deserialize": _loss_get,
    **dict.fromkeys(("keras.losses.serialize", "keras.activations.serialize"), _serialized),
    "keras.metrics.get": _metric_get,
    "keras.metrics.deserialize": _metric_get,
    "keras.models.save_model": _save,
    "keras.saving.save_model": _save,
    "keras.models.clone_model": cloning.clone_model,
    "keras.utils.multi_gpu_model": cloning.same_once_more,
    "keras.models.SharpnessAwareMinimization": cloning.same_once_more,
    **dict.fromkeys(
        (
            "tensorflow_model_optimization.sparsity.keras.prune_low_magnitude",
            "tensorflow_model_optimization.sparsity.keras.strip_pruning",
            "tensorflow_model_optimization.clustering.keras.cluster_weights",
            "tensorflow_model_optimization.clustering.keras.strip_clustering",
            "tensorflow_model_optimization.quantization.keras.quantize_annotate_layer",
            "tensorflow_model_optimization.quantization.keras.quantize_annotate_model",
            "tensorflow_model_optimization.quantization.keras.quantize_apply",
            "tensorflow_model_optimization.quantization.keras.quantize_model",
            "neural_structured_learning.keras.AdversarialRegularization",
            "neural_structured_learning.keras.GraphRegularization",
            "tensorflow_model_remediation.min_diff.keras.MinDiffModel",
            "tensorflow_model_remediation.counterfactual.keras.CounterfactualModel",
        ),
        cloning.same_once_more,
    ),
    "keras.models.load_model": _loaded,
    "keras.saving.load_model": _loaded,
    "tf.saved_model.load": _loaded,
    "keras.models.model_from_json": _model_from_config,
    "keras.models.model_from_config": _model_from_config,
    "keras.models.model_from_yaml": _model_from_config,
    "tensorflow_hub.KerasLayer": _hub,
    "tensorflow_hub.load": _hub,
    "tensorflow_hub.Module": _hub,
    "tf.cond": _cond,
    "keras.ops.cond": _cond,
    "keras.backend.switch": _cond,
    "tf.linalg.normalize": _normalized,
    "tf.TensorArray": arrays.new_array,
    **dict.fromkeys(tuning.FEDERATED, tuning.federated),
    "tf.nest.map_structure": _map_structure,
    "keras.tree.map_structure": _map_structure,
    **dict.fromkeys(tuning.WRAPPERS, tuning.wrapped),
    "tf.py_function": _py_function,
    "tf.numpy_function": _py_function,
    "tf.map_fn": _map_fn,
    "tf.vectorized_map": _map_fn,
    "keras.ops.vectorized_map": _map_fn,
    "keras.ops.map": _map_fn,
    "keras.backend.map_fn": _map_fn,
    "tf.Variable": weights.variable,
    "tf.contrib.eager.Variable": weights.variable,
    "tf.experimental.dtensor.DVariable": weights.variable,
    "keras.Variable": weights.variable,
    "keras.backend.variable": weights.variable,
    "tf.get_variable": weights.named,
    "keras.distillation.Distiller": distiller,
    "keras.distillation.distiller.Distiller": distiller,
    "keras.experimental.LinearModel": _linear_model,
    "keras.experimental.WideDeepModel": _linear_model,
    "keras.models.LinearModel": _linear_model,
    "keras.models.WideDeepModel": _linear_model,
    "keras.mixed_precision.set_global_policy": _policy,
    "keras.mixed_precision.set_dtype_policy": _policy,
    "keras.mixed_precision.Policy": _policy_object,
    "keras.mixed_precision.DTypePolicy": _policy_object,
    "keras.mixed_precision.experimental.Policy": _policy_object,
    "keras.DTypePolicy": _policy_object,
    "keras.dtype_policies.DTypePolicy": _policy_object,
    "keras.config.set_dtype_policy": _policy,
    "keras.mixed_precision.experimental.set_policy": _policy,
    "keras.config.set_global_policy": _policy,
    "numpy.array": _convert,
    "numpy.asarray": _convert,
    "keras.ops.convert_to_tensor": _convert,
    "tf.convert_to_tensor": _convert,
    **dict.fromkeys(
        (
            "tf.function",
            "tf.autograph.experimental.do_not_convert",
            "tf.custom_gradient",
            "tf.recompute_grad",
            "jax.jit",
            "keras.saving.register_keras_serializable",
            "keras.utils.register_keras_serializable",
            "tf.keras.utils.register_keras_serializable",
            "fromlogits.transparent",
            "keras.ops.stop_gradient",
            "keras.saving.deserialize_keras_object",
        ),
        _same,
    ),
}
