"""Layers of Keras: making them from arguments, and what applying one does to a tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.layers import FIXED_INITIALIZERS, parameter_name
from fromlogits_audit.interp.choice import alternatives, choose, product
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras import merging
from fromlogits_audit.interp.keras.activations import (
    NORMALISED,
    apply_activation,
    apply_spec,
    as_tensors,
    capped,
    opaque,
    taken_apart,
)
from fromlogits_audit.interp.keras.arithmetic import length_one
from fromlogits_audit.interp.keras.joined import joins, still_joined
from fromlogits_audit.interp.keras.labels import encoded
from fromlogits_audit.interp.keras.precision import POLICY, dtype_of
from fromlogits_audit.interp.keras.recurrent import behind_gates, both_ways, run_cell
from fromlogits_audit.interp.keras.shapes import dims, number, out_shape, takes_apart
from fromlogits_audit.interp.keras_values import LayerV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Choice,
    Const,
    DictV,
    Hop,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def make_layer(run: Run, spec: LayerSpec, args: Args, place: Place) -> LayerV:
    """A layer object; unknown ``**kwargs`` leave what is not given unknown."""
    bound = args.bind(spec.parameters.names)
    arguments = {parameter_name(spec, name): value for name, value in bound.items()}
    unknown = args.double or args.star
    if unknown is not None:
        for name in (spec.activation, spec.units):
            if name in spec.parameters.names and name not in arguments:
                arguments[name] = Unknown(unknown.reason, ("argument", unknown.key, name))
    arguments = {name: value for name, value in arguments.items() if not (value is NONE and name == "units")}
    arguments[POLICY] = run.settings.slots["policy"]
    run.state.promise()
    return LayerV(spec, place, arguments)


def units_of(run: Run, layer: LayerV) -> int | None:
    """The units, where they are known, possible and the same under all alternatives."""
    value = layer.slots.get(layer.spec.units) if layer.spec.units else None
    if value is None:
        return None
    sizes = {number(v) for _, v in alternatives(value, run.state.guard)}
    size = sizes.pop() if len(sizes) == 1 else None
    return size if size is not None and size > 0 else None  # ``classes=-1`` says: not yet known


def to_tensor(value: Value) -> Value:
    """A value as the input of a layer: tensors stay, anything else is data."""
    if isinstance(value, (TensorV, Choice)):
        return value
    if isinstance(value, Unknown):
        return TensorV(reason=value.reason)
    return data_tensor()


def apply_layer(run: Run, layer: LayerV, inputs: Value, args: Args, place: Place | None) -> Value:
    """What calling a layer on tensors gives; the result remembers the layer."""
    spec = layer.spec
    if spec.effect is Effect.MERGE:
        result = merging.merge(run, layer, inputs)
    elif spec.effect is Effect.WRAPPER:
        result = _wrapper(run, layer, inputs, args, place)
    elif spec.effect is Effect.LAMBDA:
        result = _lambda(run, layer, inputs, place)
    elif spec.effect is Effect.OPAQUE:
        result = TensorV(reason=Undecided(Why.OPAQUE_LAYER, spec.name))
    else:
        result = _over_alternatives(run, layer, inputs, args)
    return _noted(run, layer, inputs, result)


def _over_alternatives(run: Run, layer: LayerV, inputs: Value, args: Args) -> Value:
    first = inputs
    if isinstance(inputs, (ListV, TupleV)):
        items = spread(run, inputs)
        first = items.items[0] if isinstance(items, TupleV) and items.items else inputs
    elif isinstance(inputs, DictV):
        first = data_tensor()
    units = layer.slots.get(layer.spec.units) if layer.spec.units else None
    if not isinstance(units, Choice) and not isinstance(first, Choice):
        return _apply(run, layer, to_tensor(first), args)
    with run.recorder.together():
        return _each(run, layer, first, units, args)


def _each(run: Run, layer: LayerV, first: Value, units: Value | None, args: Args) -> Value:
    if isinstance(units, Choice):
        return _by_units(run, layer, first, units, args)
    return choose(
        [(g, _apply(run, layer, to_tensor(v), args)) for g, v in alternatives(first, run.state.guard)]
    )


def _by_units(run: Run, layer: LayerV, inputs: Value, units: Choice, args: Args) -> Value:
    """Units and activation that vary together stay together."""
    rows = []
    for guard, (size, tensor) in product([units, inputs], run.state.guard):
        with run.state.branch(guard):
            variant = LayerV(layer.spec, layer.place, {**layer.slots, layer.spec.units: size})  # type: ignore[dict-item]
            rows.append((guard, _apply(run, variant, to_tensor(tensor), args)))
    return choose(rows)


def _apply(run: Run, layer: LayerV, tensor: Value, args: Args) -> Value:
    assert isinstance(tensor, TensorV)
    effect = layer.spec.effect
    shape = out_shape(run, layer, tensor.shape, units_of(run, layer))
    if effect in (Effect.WEIGHTED, Effect.SCORES):
        made = _weighted(run, layer, shape)
        scores = args.keywords.get("return_attention_scores")
        asked = isinstance(scores, Const) and bool(scores.value)
        return TupleV((made, _attention(layer))) if asked else made
    if effect is Effect.RECURRENT:
        return _recurrent(run, layer, shape)
    if effect is Effect.ACTIVATION:
        return _activation(run, layer, tensor)
    if effect is Effect.DATA:
        return data_tensor(shape, encoded(layer), what=f"the output of {layer.spec.name}")
    return _kept(run, layer, tensor, shape)


def _weighted(run: Run, layer: LayerV, shape: tuple[int | None, ...] | None) -> Value:
    short = layer.spec.name.rpartition(".")[2]
    size = shape[-1] if shape else None
    detail = f"{short} of {size} unit{'' if size == 1 else 's'}" if size is not None else short
    if layer.spec.name == "keras.layers.EinsumDense":
        target = dims(run, layer.slots.get("output_shape"))
        shape = (None, *target) if target else None
    scores = TensorV(Scale.LOGITS, "linear", shape, trace=(Hop(layer.place, f"{detail}: unbounded scores"),))
    if _is_fixed(layer):
        scores = opaque(scores, Undecided(Why.COMBINED, f"{short} with weights that are given and stay"))
    return _activated(run, layer, scores)


def _is_fixed(layer: LayerV) -> bool:
    """Whether a layer keeps the weights that it is given: of ones, say, which make it a sum."""
    trainable, given = layer.slots.get("trainable"), layer.slots.get("kernel_initializer")
    if not isinstance(trainable, Const) or trainable.value:
        return False
    if isinstance(given, Const) and isinstance(given.value, str):
        return given.value.lower() in FIXED_INITIALIZERS
    return given is not None or "weights" in layer.slots


def _attention(layer: LayerV) -> TensorV:
    """The attention scores that a layer of it returns when it is asked to: a softmax over the keys."""
    hop = Hop(layer.place, "attention scores: softmax gives probabilities")
    return TensorV(Scale.PROBABILITIES, "softmax", trace=(hop,))


def _activated(run: Run, layer: LayerV, scores: TensorV) -> Value:
    name = layer.spec.activation
    if name is None:
        return scores
    parameters = layer.spec.parameters
    if name not in parameters.names:  # CuDNNLSTM is tanh and has no parameter for it
        if "activation" in layer.slots:
            return opaque(scores, Undecided(Why.RUNTIME, f"{layer.spec.name} takes no activation"))
        return apply_activation(run, scores, Const(name), layer.place)
    default = parameters.default(name)
    activation = layer.slots.get(name, Const(default if isinstance(default, str) else None))
    return apply_activation(run, scores, activation, layer.place)


def _recurrent(run: Run, layer: LayerV, shape: tuple[int | None, ...] | None) -> Value:
    short = layer.spec.name.rpartition(".")[2]
    base = TensorV(Scale.LOGITS, "linear", shape, trace=(Hop(layer.place, short),))
    result = behind_gates(_activated(run, layer, base), short)
    state = layer.slots.get("return_state")
    states = (data_tensor(what="the state of a recurrent layer"),) * (2 if "LSTM" in short else 1)
    if short.endswith("Cell"):  # ``output, states = cell(inputs, states)``
        return TupleV((result, ListV(states)))
    return ListV((result, *states)) if isinstance(state, Const) and state.value else result


def _activation(run: Run, layer: LayerV, tensor: TensorV) -> Value:
    from fromlogits_audit.catalogue.activations import activation_string

    spec = layer.spec
    if spec.activation in spec.parameters.names:
        return apply_activation(run, tensor, layer.slots.get(spec.activation, NONE), layer.place)
    known = activation_string(spec.activation or "")
    if known is None:
        return opaque(tensor, Undecided(Why.OPAQUE_LAYER, spec.name))
    threshold = layer.slots.get("threshold", Const(0))
    cuts = spec.name.endswith("ThresholdedReLU") or not isinstance(threshold, Const) or threshold.value
    if tensor.scale in NORMALISED and cuts:
        return opaque(tensor, Undecided(Why.COMBINED, "probabilities below a threshold set to 0"))
    result = apply_spec(run, tensor, known, layer.place, layer.slots.get("axis"))
    return capped(result, layer.slots.get("max_value"))


_RESHAPES = (Shape.RESHAPE, Shape.FLATTEN, Shape.PERMUTE)


def _moved(run: Run, layer: LayerV, tensor: TensorV, after: TensorV) -> TensorV:
    """Layers that leave every value as it is, and mostly where it is."""
    short = layer.spec.name.rpartition(".")[2]
    normalised = tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)
    reshapes = layer.spec.shape in _RESHAPES
    if normalised and reshapes and takes_apart(run, layer, tensor.shape, after.shape):
        return taken_apart(after, Undecided(Why.COMBINED, f"{short} takes the class axis apart"))
    resizes = short.startswith(("UpSampling", "Resizing"))
    if resizes and _overshoots(layer) and tensor.scale is not Scale.LOGITS:
        return opaque(after, Undecided(Why.COMBINED, f"{short} overshoots"))
    return after


def _kept(run: Run, layer: LayerV, tensor: TensorV, shape: tuple[int | None, ...] | None) -> TensorV:
    """Layers without scores of their own: what they leave of the scale."""
    after = replace(tensor, shape=shape, labels=None)
    short, effect = layer.spec.name.rpartition(".")[2], layer.spec.effect
    if effect is Effect.KEEP:
        return _moved(run, layer, tensor, after)
    if effect is Effect.UNIT:
        return length_one(after)
    if tensor.scale is Scale.LOGITS:
        return after
    if effect is Effect.UNBOUND:
        hop = Hop(layer.place, f"{short}: unbounded scores")
        return replace(
            after,
            scale=Scale.LOGITS,
            activation="linear",
            reason=None,
            unit_softmax=None,
            trace=(*tensor.trace, hop),
        )
    stays = tensor.scale in (Scale.INDEPENDENT, Scale.NON_NEGATIVE, Scale.BOUNDED) and "MaxPool" in short
    if tensor.scale is Scale.UNKNOWN or stays:
        return after
    return opaque(after, Undecided(Why.COMBINED, f"{short} after {tensor.activation}"))


def _overshoots(layer: LayerV) -> bool:
    kind = layer.slots.get("interpolation")
    return not (kind is None or (isinstance(kind, Const) and kind.value in ("nearest", "bilinear", "area")))


def _wrapper(run: Run, layer: LayerV, inputs: Value, args: Args, place: Place | None) -> Value:
    if layer.spec.name.endswith(".RNN"):
        return run_cell(run, layer, place)
    inner = layer.slots.get("layer") or next(iter(layer.slots.values()), None)
    if inner is None:
        return TensorV(reason=Undecided(Why.OPAQUE_LAYER, layer.spec.name))
    distributed = layer.spec.name.endswith("TimeDistributed")

    def through(value: Value) -> Value:
        tensor = to_tensor(value)
        assert isinstance(tensor, TensorV)
        shape = tensor.shape
        cut = (
            replace(tensor, shape=(shape[0], *shape[2:]))
            if distributed and shape and len(shape) > 2
            else tensor
        )
        result = run.call(inner, Args((cut,)), place or layer.place)
        both = layer.spec.name.endswith("Bidirectional")
        if both:
            result = both_ways(result, layer.slots.get("merge_mode"))
        return as_wrapped(result, distributed, shape, _joined(layer) if both else 1)

    source = content_of(run, inputs)
    if isinstance(source, (TupleV, DictV)):
        return through(data_tensor())
    return choose([(g, through(v)) for g, v in alternatives(source, run.state.guard)])


def _joined(layer: LayerV) -> int | None:
    """How many times as many units Bidirectional has, None where it is not known how it merges."""
    mode = layer.slots.get("merge_mode", Const("concat"))
    return (2 if mode.value == "concat" else 1) if isinstance(mode, Const) else None


def as_wrapped(
    result: Value, distributed: bool, shape: tuple[int | None, ...] | None, times: int | None
) -> Value:
    """The shape of what a wrapper returns, with so many times the units."""
    if isinstance(result, Choice):
        return choose([(g, as_wrapped(v, distributed, shape, times)) for g, v in result.alternatives])
    if isinstance(result, ListV):
        content = result.slots["items"]
        first = content.items[0] if isinstance(content, TupleV) and content.items else data_tensor()
        rest = content.items[1:] if isinstance(content, TupleV) else ()
        return ListV((as_wrapped(first, distributed, shape, times), *rest))
    if not isinstance(result, TensorV) or result.shape is None:
        return result
    if distributed:
        time = shape[1] if shape and len(shape) > 2 else None
        return replace(result, shape=(result.shape[0], time, *result.shape[1:]))
    last = result.shape[-1]
    units = last * times if times is not None and last is not None else None
    return replace(result, shape=(*result.shape[:-1], units))


def _lambda(run: Run, layer: LayerV, inputs: Value, place: Place | None) -> Value:
    function = layer.slots.get("function")
    if function is None:
        return TensorV(reason=Undecided(Why.OPAQUE_LAYER, "a Lambda layer"))
    extra = layer.slots.get("arguments")
    keywords: dict[str, Value] = {}
    if isinstance(extra, DictV):
        content = content_of(run, extra)
        keywords = {str(k): v for k, (_, v) in getattr(content, "items", {}).items()}
    argument = inputs if isinstance(inputs, (ListV, TupleV, DictV)) else to_tensor(inputs)
    result = run.call(function, Args((argument,), keywords), layer.place)
    if isinstance(result, (ListV, TupleV, DictV)):
        return result
    return as_tensors(result, argument if isinstance(argument, TensorV) else data_tensor())


def _noted(run: Run, layer: LayerV, inputs: Value, result: Value) -> Value:
    """Let tensors remember the layer that made them, and the layer its last output."""
    if isinstance(result, Choice):
        return choose([(g, _noted(run, layer, inputs, v)) for g, v in result.alternatives])
    if isinstance(result, TupleV) and result.items:
        return TupleV((_noted(run, layer, inputs, result.items[0]), *result.items[1:]), result.open)
    if isinstance(result, TensorV):
        name = layer.slots.get("name")
        known = name.value if isinstance(name, Const) and isinstance(name.value, str) else None
        made = replace(result, layer=layer, parents=(inputs,), name=known, dtype=dtype_of(layer))
        result = still_joined(result, made) if joins(layer) else made
        run.state.write(layer, "$output", result)
        run.state.write(layer, "$input", inputs)
    return result
