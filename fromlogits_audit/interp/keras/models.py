"""Models: Sequential, functional, applications and catalogued heads; what calling one yields."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import ApplicationSpec, HeadSpec
from fromlogits_audit.catalogue.layers import layer_class
from fromlogits_audit.interp.choice import Work, alternatives, choose, lift, not_none
from fromlogits_audit.interp.classes import find_member
from fromlogits_audit.interp.functions import parameters
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras import graphs
from fromlogits_audit.interp.keras.activations import apply_activation
from fromlogits_audit.interp.keras.layers import apply_layer, make_layer, to_tensor
from fromlogits_audit.interp.keras.shapes import number
from fromlogits_audit.interp.keras_values import LayerV, ModelV, TensorV, data_tensor
from fromlogits_audit.interp.state import WORK_OF_A_STEP
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Choice,
    Const,
    DictV,
    Entries,
    FuncV,
    Hop,
    InstanceV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


# -- making ------------------------------------------------------------------------------------
def make_sequential(run: Run, args: Args, place: Place | None, into: InstanceV | None = None) -> Value:
    """``Sequential(layers=None, name=None)``."""
    model: ModelV | InstanceV = into or ModelV("sequential", place)
    given = args.get(0, "layers")
    content: Value = TupleV(())
    if given is not None and given is not NONE:
        content = lift(_content(run, given), run.state.guard, lambda c: _as_layers(run, c))
    elif given is None and (args.double or args.star):
        content = args.double or args.star or NONE
    model.slots["$layers"] = content
    run.built_models.append(model)
    _name(run, model, args.get(1, "name"))
    return model


def _content(run: Run, value: Value) -> Value:
    return content_of(run, value) if isinstance(value, ListV) else value


def _as_layers(run: Run, content: Value) -> Value:
    if isinstance(content, (TupleV, Unknown)):
        return content
    items = spread(run, content)
    return items


def _name(run: Run, model: ModelV | InstanceV, name: Value | None) -> None:
    if isinstance(name, Const) and isinstance(name.value, str):
        model.slots["$name"] = name


def make_functional(run: Run, args: Args, place: Place | None, into: InstanceV | None = None) -> Value:
    """``Model(inputs, outputs, name=None)``; Keras 1 spelled them ``input`` and ``output``."""
    model: ModelV | InstanceV = into or ModelV("functional", place)
    inputs = args.get(0, "inputs") or args.keywords.get("input")
    outputs = args.get(1, "outputs") or args.keywords.get("output")
    if outputs is None:
        unknown = args.double or args.star
        outputs = (
            unknown if unknown is not None else run.state.fresh(Why.UNSUPPORTED, "a model without outputs")
        )
    model.slots["$inputs"] = inputs or NONE
    model.slots["$outputs"] = snapshot(run, not_none(outputs, run.state.guard))
    _name(run, model, args.get(2, "name"))
    return model


def snapshot(run: Run, outputs: Value) -> Value:
    """The structure of outputs as it is now: a list that grows later is another one."""
    if isinstance(outputs, (ListV, DictV)):
        return content_of(run, outputs)
    return outputs


def make_application(run: Run, spec: ApplicationSpec, args: Args, place: Place) -> Value:
    """A ``keras.applications`` constructor."""
    given = args.bind(spec.parameters.names)
    model = ModelV("functional", place)
    pairs: list[tuple[frozenset[tuple[object, bool]], Value]] = []
    for guard, top in alternatives(given.get("include_top", Const(True)), run.state.guard):
        known = truth(run.state, top)
        if known is None:
            reason = top.reason if isinstance(top, Unknown) else Undecided(Why.RUNTIME, "include_top")
            pairs.append((guard, TensorV(reason=reason)))
        elif known:
            pairs.append((guard, _classifier(run, given, place)))
        else:
            pairs.append((guard, _features(given)))
    model.slots["$inputs"] = data_tensor((None, None, None, None))
    model.slots["$outputs"] = choose(pairs)
    return model


def _features(given: dict[str, Value]) -> TensorV:
    pooling = given.get("pooling")
    pooled = isinstance(pooling, Const) and pooling.value in ("avg", "max")
    return data_tensor(
        (None, None) if pooled else (None, None, None, None), what="features of a headless application"
    )


def _classifier(run: Run, given: dict[str, Value], place: Place) -> Value:
    """The head: average pooling, then Dense with ``classifier_activation``."""
    pool, dense = layer_class("keras.layers.GlobalAveragePooling2D"), layer_class("keras.layers.Dense")
    assert pool is not None and dense is not None
    classes = given.get("classes", Const(1000))
    activation = given.get("classifier_activation", Const("softmax"))
    arguments = Args((classes,), {"activation": activation, "name": Const("predictions")})
    features = apply_layer(
        run, make_layer(run, pool, Args(), place), data_tensor((None, None, None, None)), Args(), place
    )
    return apply_layer(run, make_layer(run, dense, arguments, place), features, Args(), place)


def make_head(run: Run, spec: HeadSpec, args: Args, place: Place) -> Value:
    """A ready-made model of keras_hub, keras_cv, segmentation_models or Hugging Face."""
    model = ModelV("head", place, spec)
    if not spec.known:
        model.slots["$outputs"] = TensorV(reason=Undecided(Why.EXTERNAL, f"{spec.name} documents no scale"))
        return model
    given = _given(spec, args, spec.units)
    units = number(given) if given is not None else spec.classes
    short = spec.name.rpartition(".")[2]
    scores = TensorV(
        Scale.LOGITS, "linear", (None, units), trace=(Hop(place, f"{short} yields logits by default"),)
    )
    activation = _given(spec, args, spec.parameter) or Const(spec.activation)
    model.slots["$outputs"] = apply_activation(run, scores, activation, place)
    return model


def _given(spec: HeadSpec, args: Args, name: str | None) -> Value | None:
    """An argument of a head; where ``**options`` may hold it, it is unknown."""
    if name is None:
        return None
    at = spec.positional.index(name) if name in spec.positional else -1
    value = args.get(at, name)
    return value if value is not None else args.double


# -- calling -----------------------------------------------------------------------------------
def call_model(run: Run, model: ModelV | InstanceV, args: Args, place: Place | None) -> Value:
    """What a model without a ``call`` of its own returns for an input."""
    inputs = args.positional[0] if args.positional else next(iter(args.keywords.values()), data_tensor())
    model.slots["$used"] = NONE
    if "$layers" in model.slots:
        result = run_layers(run, model.slots["$layers"], inputs, place)
    elif "$outputs" in model.slots:
        result = current(run, _alone(model.slots["$outputs"]))
    else:
        return TensorV(reason=Undecided(Why.OPAQUE_LAYER, "a model that was not followed"))
    return graphs.called(run, model, args, final(run, result, model))


def _alone(outputs: Value) -> Value:
    """``Model(inputs, [x])`` returns ``x`` and no list (measured: Keras 3 and tf_keras)."""
    if isinstance(outputs, TupleV) and len(outputs.items) == 1 and not outputs.open:
        return outputs.items[0]
    return outputs


def run_unused(run: Run) -> None:
    """Sequential models that nothing calls or compiles: what their layers do to one another still counts."""
    for model in run.built_models:
        if "$used" in model.slots or model.place is None:
            continue
        chunk = model.place.chunk
        run.state.start(chunk.module)
        with run.guard(chunk.module, chunk.first), run.state.scratch():
            call_model(run, model, Args((data_tensor(),)), model.place)


def outputs_of(run: Run, model: Value, place: Place | None) -> Value:
    """The outputs of a model on some input."""
    if isinstance(model, (ModelV, InstanceV)):
        return run.call(model, Args((data_tensor(),), _training(run, model)), place)
    if isinstance(model, Unknown):
        return TensorV(reason=model.reason)
    return TensorV(reason=Undecided(Why.UNSUPPORTED, "a model"))


def _training(run: Run, model: ModelV | InstanceV) -> dict[str, Value]:
    """``fit`` calls the model with ``training=True``, ``evaluate`` without: either may meet the loss."""
    own = find_member(model.cls, "call") if isinstance(model, InstanceV) else None
    if own is None or not isinstance(own[1], FuncV) or "training" not in parameters(own[1].core):
        return {}
    return {"training": Unknown(Undecided(Why.CONDITION, "training or inference"), ("training", id(model)))}


def run_layers(run: Run, layers: Value, inputs: Value, place: Place | None) -> Value:
    """Apply a list of layers one after the other."""
    if isinstance(layers, Choice):
        rows = []
        for guard, option in alternatives(layers, run.state.guard):
            with run.state.branch(guard) as branch:
                rows.append((guard, run_layers(run, option, inputs, place)))
            run.state.adopt(branch)
        return choose(rows)
    if not isinstance(layers, TupleV):
        reason = (
            layers.reason if isinstance(layers, Unknown) else Undecided(Why.UNSUPPORTED, "a list of layers")
        )
        return TensorV(reason=reason)
    current_value: Value = to_tensor(inputs) if not isinstance(inputs, (ListV, TupleV, DictV)) else inputs
    for layer in layers.items:
        if isinstance(layer, Const) and layer.value is None:
            continue
        # A layer takes the time of several statements, and a model may hold another one any number of times.
        Work.done += 3 * WORK_OF_A_STEP
        if not run.state.step():
            return TensorV(reason=Undecided(Why.LIMIT, "the program is too long to follow"))
        if isinstance(layer, TensorV):
            # keras.Input(...) in the list of a Sequential.
            current_value = (
                layer
                if not isinstance(current_value, TensorV) or current_value.shape is None
                else current_value
            )
            continue
        current_value = _through(run, layer, current_value, place)
    return current_value


def _through(run: Run, layer: Value, value: Value, place: Place | None) -> Value:
    if isinstance(layer, Unknown):
        return TensorV(reason=layer.reason)
    result = run.call(layer, Args((value,)), place)
    return TensorV(reason=result.reason) if isinstance(result, Unknown) else result


def final(run: Run, outputs: Value, model: Value, head: str | None = None) -> Value:
    """Mark tensors as what a model returns, each as the output that it is."""
    if isinstance(outputs, Choice):
        return choose([(g, final(run, v, model, head)) for g, v in outputs.alternatives])
    if isinstance(outputs, TensorV):
        return replace(outputs, final=model, head=head)
    if isinstance(outputs, TupleV):
        marked = [final(run, v, model, _part(head, n)) for n, v in enumerate(outputs.items)]
        return TupleV(tuple(marked), outputs.open)
    if isinstance(outputs, Entries):
        entries = {k: (key, final(run, v, model, _part(head, k))) for k, (key, v) in outputs.items.items()}
        return DictV(entries, outputs.open)
    if isinstance(outputs, (ListV, DictV)):
        return final(run, content_of(run, outputs), model, head)
    return outputs


def _part(head: str | None, key: object) -> str:
    return str(key) if head is None else f"{head}.{key}"


# -- graphs ------------------------------------------------------------------------------------
def current(run: Run, outputs: Value) -> Value:
    """Outputs as the graph computes them now: a layer's activation may have been replaced."""
    if not run.keras.rewired:
        return outputs
    if isinstance(outputs, TensorV):
        return _recomputed(run, outputs, 0)
    if isinstance(outputs, TupleV):
        return TupleV(tuple(current(run, v) for v in outputs.items), outputs.open)
    if isinstance(outputs, Entries):
        return Entries({k: (key, current(run, v)) for k, (key, v) in outputs.items.items()}, outputs.open)
    return outputs


def _recomputed(run: Run, tensor: TensorV, depth: int) -> Value:
    if tensor.layer is None or not tensor.parents or depth > 60:
        return tensor
    parent = tensor.parents[0]
    if isinstance(parent, TensorV) and parent.layer is not None:
        parent = _recomputed(run, parent, depth + 1)
    return apply_layer(run, tensor.layer, parent, Args(), None)


def layers_of(run: Run, model: Value, place: Place | None) -> Value:
    """``model.layers``."""
    if not isinstance(model, (ModelV, InstanceV)):
        return run.state.fresh(Why.OPAQUE_LAYER, "the layers of a model")
    if "$layers" in model.slots:
        outputs_of(run, model, place)  # so that every layer knows its output
        made = ListV()
        made.slots["items"] = lift(model.slots["$layers"], run.state.guard, _without_input)
        return made
    outputs = model.slots.get("$outputs")
    if outputs is None:
        return run.state.fresh(Why.OPAQUE_LAYER, "the layers of a model")
    return graphs.layers_of(run, model, outputs)


def _without_input(layers: Value) -> Value:
    """Keras leaves InputLayer out of ``model.layers`` of a Sequential."""
    if not isinstance(layers, TupleV):
        return layers
    return TupleV(tuple(one for one in layers.items if not _is_input(one)), layers.open)


def _is_input(value: Value) -> bool:
    """Whether an item of a Sequential is its input, or the layer that stands for that of another model."""
    return isinstance(value, TensorV) or (
        isinstance(value, LayerV) and value.spec.name == "keras.layers.InputLayer"
    )


def find_layer(run: Run, model: Value, args: Args, place: Place | None) -> Value:
    """``model.get_layer(name=None, index=None)``."""
    return lift(layers_of(run, model, place), run.state.guard, lambda layers: _find(run, layers, args))


def _find(run: Run, listed: Value, args: Args) -> Value:
    layers = content_of(run, listed)
    name, index = args.get(0, "name"), args.get(1, "index")
    items = layers.items if isinstance(layers, TupleV) else ()
    if isinstance(name, Const) and isinstance(name.value, str):
        for layer in items:
            if graphs.name_of(layer) == name.value:
                return layer
    at = number(index)
    if at is not None and -len(items) <= at < len(items):
        return items[at]
    return run.state.fresh(Why.OPAQUE_LAYER, "a layer looked up by name")
