"""Calls of names outside the project: Keras, TensorFlow, NumPy and what builds on them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.activations import activation_function
from fromlogits_audit.catalogue.applications import application
from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.catalogue.layers import functional_layer, layer_class, merge_function
from fromlogits_audit.catalogue.losses import loss_class, loss_function
from fromlogits_audit.catalogue.metrics import metric_class, metric_function
from fromlogits_audit.catalogue.names import LIBRARIES
from fromlogits_audit.catalogue.ops import comparison, op
from fromlogits_audit.catalogue.third_party import head
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.classes import external_bases
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import (
    arithmetic,
    configs,
    lookups,
    losses,
    metrics,
    models,
    ops,
    refused,
    wrappers,
)
from fromlogits_audit.interp.keras.activations import apply_spec, capped
from fromlogits_audit.interp.keras.layers import apply_layer, make_layer, to_tensor
from fromlogits_audit.interp.keras.shapes import dims
from fromlogits_audit.interp.keras.unnamed import unnamed
from fromlogits_audit.interp.keras_values import MODEL_INPUT, ModelV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    TRUE,
    Args,
    BoundV,
    Const,
    ExternalV,
    FuncV,
    InstanceV,
    ListV,
    MethodV,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_CONSTANTS = {
    "typing.TYPE_CHECKING": FALSE,
    "numpy.newaxis": NONE,
    "tf.newaxis": NONE,
    "math.pi": Const(3.141592653589793),
    "six.PY2": FALSE,
    "six.PY3": TRUE,
    "sys.version_info.major": Const(3),
}
_OPEN_FAMILIES = ("tf.", "keras.", "numpy.", "jax.", "builtins.", "math.")
"""Packages whose functions are known well enough: one without ``log`` in its name takes no logarithm."""


_CATALOGUES = (
    layer_class,
    loss_class,
    loss_function,
    metric_class,
    metric_function,
    merge_function,
    application,
    activation_function,
    op,
    head,
)
_KNOWN_MODULES = frozenset(
    [
        "keras.activations",
        "keras.layers",
        "keras.losses",
        "keras.backend",
        "keras.metrics",
        "keras.models",
        "keras.utils.to_categorical",
    ]
)


def constant(name: str) -> Value | None:
    return _CONSTANTS.get(name)


def is_known(name: str) -> bool:
    """Whether a canonical name is something the catalogue or the semantics know."""
    if name in ("keras.Model", "keras.Sequential", "keras.Input", "keras.layers.Layer", "keras.losses.Loss"):
        return True
    return name in _KNOWN_MODULES or any(find(name) is not None for find in _CATALOGUES)


def call(run: Run, function: ExternalV, args: Args, place: Place | None) -> Value | None:
    """A call of an external name; None where nothing is known of it."""
    name = function.name
    if place is None:
        return None
    made = _constructor(run, name, args, place)
    if made is not None:
        run.state.promise()
        return made
    computed = _computed(run, function, args, place)
    if computed is not None:
        return computed
    special = _unbound(run, name, args, place) or configs.from_config(run, name, args, place)
    special = special or lookups.call(run, name, args, place)
    if special is not None:
        return special
    return run.keras.data.call_external(run, name, args, place) or refused.misspelt(run, name, args, place)


def _unbound(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``keras.Model.compile(model, ...)``, ``Dense.__init__(self, 4)``: a method that is given its object."""
    owner, _, method = name.rpartition(".")
    given = args.positional[0] if args.positional else None
    if not isinstance(given, (ModelV, InstanceV)) or not (method[:1].islower() or method == "__init__"):
        return None
    bases = external_bases(given.cls) if isinstance(given, InstanceV) else ()
    if owner not in ("keras.Model", "keras.Sequential", *bases):
        return None
    return run.call(MethodV(given, method, owner), args.rest(), place)


def _constructor(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """Classes: layers, models, losses, metrics."""
    if not name.startswith(("keras", *LIBRARIES)):
        return None
    layer = layer_class(name)
    if layer is not None:
        return _input(run, args) if name == "keras.layers.InputLayer" else make_layer(run, layer, args, place)
    if name == "keras.Sequential":
        return models.make_sequential(run, args, place)
    if name == "keras.Model":
        return models.make_functional(run, args, place)
    if name == "keras.Input":
        return _input(run, args)
    loss = loss_class(name)
    if loss is not None:
        return losses.build_loss(run, loss, args, place)
    metric = metric_class(name)
    if metric is not None:
        return metrics.build_metric(run, metric, args, place)
    around = wrappers.loss(name, args, place) or wrappers.metric(run, name, args, place)
    if around is not None:
        return around
    built_in = application(name)
    if built_in is not None:
        return models.make_application(run, built_in, args, place)
    ready = head(name) or head(name.rpartition(".")[0]) if name.rpartition(".")[2] in _LOADERS else head(name)
    return models.make_head(run, ready, args, place) if ready is not None else None


_LOADERS = ("from_preset", "from_pretrained", "from_config")


def _input(run: Run, args: Args) -> Value:
    """``keras.Input``: a tensor that is no output."""
    shape = args.get(0, "shape")
    inner = dims(run, shape) if shape is not None else None
    for key in ("batch_shape", "batch_input_shape"):
        if key in args.keywords:
            return data_tensor(dims(run, args.keywords[key]), what=MODEL_INPUT)
    if "input_shape" in args.keywords:
        inner = dims(run, args.keywords["input_shape"])
    return data_tensor((None, *inner) if inner is not None else None, what=MODEL_INPUT)


def _computed(run: Run, function: ExternalV, args: Args, place: Place) -> Value | None:
    """Functions on tensors."""
    name = function.name
    loss = loss_function(name)
    if loss is not None:
        return losses.call_function(run, loss, function, args, place)
    activation = activation_function(name)
    if activation is not None:
        return _activation(run, name, args, place)
    merging = merge_function(name)
    if merging is not None:
        rest = Args(args.positional[1:], {k: v for k, v in args.keywords.items() if k != "inputs"})
        inputs = args.get(0, "inputs") or NONE
        return apply_layer(
            run,
            make_layer(run, merging, Args((NONE, *rest.positional), rest.keywords), place),
            inputs,
            Args(),
            place,
        )
    layered = functional_layer(name)
    if layered is not None:
        return _functional(run, name, args, place)
    metric = metric_function(name)
    if metric is not None:
        return metrics.call_function(run, metric, function, args, place)
    symbol = comparison(name)
    if symbol is not None and len(args.positional) >= 2:
        return _compared(run, symbol, args, place)
    spec = op(name)
    if spec is not None:
        known = any(isinstance(v, (TensorV, Unknown)) for _, v in _options(run, args))
        if name.startswith("numpy.") and not known and _is_plain(args) and spec.effect is not OpEffect.NEW:
            return None
        return ops.apply_effect(run, name, spec.effect, args, place, _axis(spec.parameters.names, args))
    return None


def _options(run: Run, args: Args) -> list[tuple[object, Value]]:
    return [pair for value in args.all() for pair in alternatives(value, run.state.guard)]


def _is_plain(args: Args) -> bool:
    """Whether a call works on numbers of the program alone (numpy.prod of a shape)."""
    plain = (Const, ListV, TupleV)
    return all(
        isinstance(value, Const)
        or (isinstance(value, TupleV) and all(isinstance(item, plain) for item in value.items))
        for value in args.all()
    )


def _axis(names: tuple[str, ...], args: Args) -> Value | None:
    if "axis" in args.keywords:
        return args.keywords["axis"]
    if "axis" in names and names.index("axis") < len(args.positional):
        return args.positional[names.index("axis")]
    return None


def _compared(run: Run, symbol: str, args: Args, place: Place) -> Value:
    a, b = args.positional[:2]
    for _, left in alternatives(a, run.state.guard):
        for _, right in alternatives(b, run.state.guard):
            if isinstance(left, TensorV) or isinstance(right, TensorV):
                arithmetic.compare(run, symbol, left, right, place)
    return data_tensor(what="a comparison")


def _activation(run: Run, name: str, args: Args, place: Place) -> Value:
    """``tf.nn.softmax(x, axis=-1)`` and its like."""
    spec = activation_function(name)
    assert spec is not None
    inputs = args.positional[0] if args.positional else next(iter(args.keywords.values()), data_tensor())
    if isinstance(inputs, (ListV, TupleV)):
        inputs = data_tensor()
    # ``dim`` is what TensorFlow 1 calls it.
    given = args.get(1, "axis") or args.keywords.get("dim")
    axis = given if spec.name in ("softmax", "log_softmax") else None
    options = [(guard, to_tensor(option)) for guard, option in alternatives(inputs, run.state.guard)]
    with run.recorder.together() if len(options) > 1 else nullcontext():
        rows = [(g, apply_spec(run, t, spec, place, axis)) for g, t in options if isinstance(t, TensorV)]
        return unnamed(
            choose([(guard, capped(made, args.keywords.get("max_value"))) for guard, made in rows])
        )


def _functional(run: Run, name: str, args: Args, place: Place) -> Value:
    """``tf.layers.dense(x, units)``: a layer made and applied at once."""
    spec = functional_layer(name)
    assert spec is not None
    layer = make_layer(run, spec, args, place)
    first = spec.parameters.names[0]
    inputs = layer.slots.pop(first, None) or data_tensor()
    return apply_layer(run, layer, inputs, Args(), place)


def _runs(run: Run, given: Value) -> bool:
    """Whether an argument is a function of the project, or a list with one."""
    content = content_of(run, given) if isinstance(given, (ListV, TupleV)) else given
    some = content.items if isinstance(content, TupleV) else (given,)
    return any(isinstance(one, (FuncV, BoundV, PartialV)) for one in some)


def note_escape(run: Run, name: str, args: Args) -> None:
    """What goes to a function nobody knows. A tensor: a hand-written loss may ask for any scale there.

    A loss function of Keras: it meets its output out of sight.
    """
    losses.note_given(run, (args.keywords.get("loss"),), losses.OUT_OF_SIGHT)
    if name.startswith(_OPEN_FAMILIES) and any(_runs(run, given) for given in args.all()):
        run.recorder.note_opaque(Undecided(Why.EXTERNAL, f"gives {name} a function to run"))
    if not any(isinstance(v, TensorV) for v in args.all()):
        return
    if name.startswith(_OPEN_FAMILIES) and "log" not in name and "entropy" not in name:
        return
    run.recorder.note_opaque(Undecided(Why.EXTERNAL, f"calls {name}"))
