"""What a Keras (or TensorFlow, NumPy ...) name, call, attribute or method does to the domain.

The evaluator asks here for everything that is not plain Python; every answer of None means
"not mine", and the evaluator goes on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit import cst, regex
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.interp.choice import not_none
from fromlogits_audit.interp.classes import external_bases, own_method
from fromlogits_audit.interp.keras import arithmetic, external, indexing, instances, methods, metrics, refused
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras.attributes import read, write
from fromlogits_audit.interp.keras.compiling import compile_model
from fromlogits_audit.interp.keras.data import Data
from fromlogits_audit.interp.keras.encoders import flow
from fromlogits_audit.interp.keras.fitting import has_taken
from fromlogits_audit.interp.keras.joined import rewritten
from fromlogits_audit.interp.keras.labels import (
    after_index,
    after_operator,
    codes,
    of_literal,
    some_of,
    written,
)
from fromlogits_audit.interp.keras.layers import apply_layer
from fromlogits_audit.interp.keras.losses import combined, meet, note_given
from fromlogits_audit.interp.keras.merging import as_one
from fromlogits_audit.interp.keras.models import call_model, outputs_of
from fromlogits_audit.interp.keras.tuning import LIBRARIES
from fromlogits_audit.interp.keras.unnamed import unnamed
from fromlogits_audit.interp.keras_values import (
    INNER,
    LayerV,
    LossV,
    MetricV,
    ModelV,
    TensorV,
    data_tensor,
)
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BoundV,
    Choice,
    Const,
    ExternalV,
    Guard,
    Hop,
    InstanceV,
    ListV,
    MethodV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Labels, Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


_CALLS = ("call", "__call__")


class Keras:
    """The facade the evaluator talks to."""

    def __init__(self) -> None:
        self.data = Data()
        self.rewired = False
        """Whether the program replaced the activation of a layer that already was applied."""

    # -- names -----------------------------------------------------------------------------------
    def external_module(self, dotted: str) -> Value:
        known = external.constant(dotted)
        return known if known is not None else ExternalV(canonical(dotted))

    def external_attribute(self, run: Run, base: ExternalV, name: str, place: Place) -> Value:
        if name == "__name__":
            return Const(base.name.rpartition(".")[2])
        known = external.constant(f"{base.name}.{name}")
        return known if known is not None else ExternalV(canonical(f"{base.name}.{name}"), place)

    def star_member(self, module: str, name: str) -> str | None:
        """The canonical name of ``name`` out of ``from module import *``, if it is one we know."""
        full = canonical(f"{module}.{name}")
        return full if external.is_known(full) else None

    # -- calls -----------------------------------------------------------------------------------
    def call_external(self, run: Run, function: ExternalV, args: Args, place: Place | None) -> Value | None:
        return external.call(run, function, args, place)

    def call_value(self, run: Run, value: Value, args: Args, place: Place | None) -> Value | None:
        """Calling a layer, model, loss, metric or tensor-like object."""
        if isinstance(value, LayerV):
            if any(core.owner is not None and core.name in _CALLS for core in run.state.stack):
                value.slots[INNER] = NONE
            return apply_layer(run, value, _inputs(args), args, place)
        if isinstance(value, ModelV):
            return call_model(run, value, args, place)
        if isinstance(value, LossV):
            return self.call_loss(run, value, args, place)
        if isinstance(value, MetricV):
            return self.update_metric(run, value, args, place)
        if isinstance(value, TensorV):
            return data_tensor()
        return None

    def call_loss(self, run: Run, loss: Value, args: Args, place: Place | None) -> Value:
        predicted = args.get(1, "y_pred") or args.double or args.star
        labels = args.get(0, "y_true")
        if predicted is None:
            return run.state.fresh(Why.UNSUPPORTED, "a loss called without predictions")
        predicted = as_one(run, not_none(predicted, run.state.guard))
        return meet(run, loss, labels, predicted, place=place, hops=instances.hop(place, "called here"))

    def labels_in(self, run: Run, value: Value) -> Labels | None:
        """What is known of labels, also of those that are written out."""
        return value.labels if isinstance(value, TensorV) else of_literal(run, value)

    def combined_losses(self, symbol: str, a: Value, b: Value, place: Place) -> Value | None:
        return combined(symbol, a, b, place)

    def loss_in_metric(
        self, run: Run, loss: Value, predicted: Value, *, name: str | None, hops: tuple[Hop, ...]
    ) -> None:
        metrics.computed(run, loss, predicted, name=name, hops=hops)

    def update_metric(self, run: Run, metric: MetricV, args: Args, place: Place | None) -> Value:
        predicted = args.get(1, "y_pred")
        if predicted is not None:
            predicted = as_one(run, predicted)
            metrics.meet(run, metric, predicted, None, place=place, hops=instances.hop(place, "updated here"))
        return data_tensor((), what="the value of a metric")

    def call_instance(self, run: Run, instance: InstanceV, args: Args, place: Place | None) -> Value | None:
        return instances.call(run, instance, args, place)

    def call_method(self, run: Run, method: MethodV, args: Args, place: Place | None) -> Value | None:
        if method.name == "compile" and place is not None and _is_no_model(method.receiver, args):
            reason = Undecided(Why.RUNTIME, "compile() of something that is no model")
            compile_model(run, Unknown(reason, ("no model", id(method.receiver))), args, place)
            return NONE
        return methods.call(run, method, args, place)

    def call_unknown(self, run: Run, function: Unknown, args: Args, place: Place | None) -> Value | None:
        """Calls that mean something although nobody knows what is called: ``model.compile(...)`` of
        a model that cannot be followed, ``strategy.run(step, args=...)``, ``hp.Choice(name, values)``."""
        named = refused.by_its_name(run, function, args, place)
        if named is not None:
            return named
        key = function.key
        if not (isinstance(key, tuple) and len(key) == 3 and key[0] in ("attribute", "getattr")):
            return None
        if place is not None and _may_compile(key, args, place):
            # A model that cannot be followed is still compiled with a loss.
            compile_model(run, Unknown(function.reason, key[1]), args, place)
            return NONE
        if key[2] in ("run", "experimental_run_v2", "call_for_each_replica") and args.positional:
            return instances.replica(run, args)
        if key[2] in ("flow_from_directory", "flow_from_dataframe"):
            return flow(run, key[2], args)
        return _tuner_choice(key[2], args)

    # -- instances of project classes --------------------------------------------------------------
    def prepare_instance(self, run: Run, instance: InstanceV, args: Args) -> None:
        instances.prepare(run, instance, args)

    def construct_base(self, run: Run, instance: InstanceV, bases: list[str], args: Args) -> None:
        instances.construct(run, instance, bases, args)

    def hook_arguments(self, run: Run, instance: InstanceV, name: str) -> dict[str, Value]:
        """What Keras gives a method that only Keras calls: ``compute_loss(x, y, y_pred)``, and its tuner to
        ``fit(hp, model, ...)``: what ``build(hp)`` makes."""
        if name == "fit" and not _TUNED.isdisjoint(external_bases(instance.cls)):
            build = own_method(instance.cls, "build")
            values = run.state.fresh(Why.RUNTIME, "hyperparameters")
            return (
                {} if build is None else {"model": run.call(BoundV(build, instance), Args((values,)), None)}
            )
        if name not in ("compute_loss", "compute_metrics") or not instances.is_model(instance):
            return {}
        return {
            "x": data_tensor(),
            "y": data_tensor(what="labels"),
            "y_pred": outputs_of(run, instance, instance.place),
        }

    def left_out(self, run: Run, args: Args, reason: Undecided) -> None:
        """A function that is not entered: losses that it is given are sites all the same."""
        named = (value for name, value in args.keywords.items() if "metric" not in name)
        note_given(run, (*args.positional, *named), reason)

    def has_taken(self, instance: InstanceV, name: str) -> bool:
        """Whether a step of a model ran where the model was fitted."""
        return has_taken(instance, name)

    def inherited(
        self, run: Run, base: InstanceV, name: str, external_base: str, place: Place | None
    ) -> Value | None:
        return instances.inherited(run, base, name, external_base, place)

    # -- attributes --------------------------------------------------------------------------------
    def attribute(self, run: Run, base: Value, name: str, place: Place) -> Value | None:
        return read(run, base, name, place)

    def of_unknown(self, base: Unknown, name: str) -> Value | None:
        """What an attribute means although nobody knows whose it is: ``column.cat.codes`` of pandas."""
        return codes(base.key) if name == "codes" else None

    def set_attribute(self, run: Run, base: Value, name: str, value: Value) -> None:
        write(run, base, name, value)

    # -- tensors -----------------------------------------------------------------------------------
    def arithmetic(self, run: Run, symbol: str, a: Value, b: Value, place: Place) -> Value:
        return unnamed(after_operator(symbol, a, b, arithmetic.binary(symbol, a, b, place)))

    def compare(self, run: Run, symbol: str, a: Value, b: Value, place: Place) -> Value:
        return arithmetic.compare(run, symbol, a, b, place)

    def negate(self, run: Run, tensor: TensorV) -> Value:
        return unnamed(arithmetic.negate(tensor))

    def index(self, run: Run, tensor: TensorV, key: Value) -> Value:
        result = unnamed(indexing.index(tensor, key))
        if tensor.labels is None or not isinstance(result, TensorV):
            return result
        return replace(result, labels=after_index(tensor, key))

    def written(self, tensor: TensorV, key: Value, value: Value) -> Value:
        """``tensor[key] = value``: the same array, with other labels or scores in it."""
        after = written(tensor, key, value)
        tensor = rewritten(tensor)
        changed = tensor if after == tensor.labels else replace(tensor, labels=after)
        scale = value.scale if isinstance(value, TensorV) else Scale.UNKNOWN
        if tensor.scale in (Scale.UNKNOWN, scale) or isinstance(value, Const):
            return changed
        return opaque(changed, _PARTLY_NEW)

    def some_of(self, value: Value) -> Value:
        """A value of which some were left out: which classes stay is not known."""
        return some_of(value)

    def scalar(self, run: Run, name: str, tensor: TensorV, place: Place | None) -> Value:
        """``float(tensor)``, ``int(tensor)``, ``round(tensor)``."""
        if name == "builtins.round":
            arithmetic.note_cutoff(run, tensor, 0.5, place)
            return data_tensor((), what="a decision")
        if name in ("builtins.len", "builtins.int"):
            return run.state.fresh(Why.RUNTIME, "the content of a tensor")
        return tensor


_PARTLY_NEW = Undecided(Why.COMBINED, "outputs of which a part was replaced")
_TUNED = frozenset(f"{library}.HyperModel" for library in LIBRARIES)
_CHOICES = {"Choice": "values", "suggest_categorical": "choices", "Fixed": "value"}
"""What keras_tuner and optuna call one of several values, or the only one, and the parameter that has it."""


def _tuner_choice(name: str, args: Args) -> Value | None:
    """One of the values of a tuner's choice, always the same for a name."""
    if name not in _CHOICES or len(args.positional) + len(args.keywords) < 2:
        return None
    values, label = args.get(1, _CHOICES[name]), args.get(0, "name")
    if name == "Fixed":
        return values
    content = values.slots["items"] if isinstance(values, ListV) else values
    if not isinstance(content, TupleV) or content.open or not isinstance(label, Const):
        return None
    key = ("tuner", str(label.value))
    rows: list[tuple[Guard, Value]] = [
        (frozenset({(("==", key, n), True)}), item) for n, item in enumerate(content.items)
    ]
    return Choice(tuple(rows)) if 0 < len(rows) <= 8 else None


def _is_no_model(receiver: Value, args: Args) -> bool:
    """``None.compile(loss=...)``: it raises, and its loss is listed all the same."""
    nothing = isinstance(receiver, Const) and receiver.value is None
    return "loss" in args.keywords and (nothing or isinstance(receiver, (TensorV, ListV, TupleV)))


def _may_compile(key: tuple[object, ...], args: Args, place: Place) -> bool:
    """Whether a call of something unknown trains a model: a method ``compile``, or one of a model that is
    picked by a name that is not known, and is given a loss."""
    if key[0] == "getattr":
        return key[2] == "model" and "loss" in args.keywords
    return key[2] == "compile" and ("loss" in args.keywords or _gives_a_loss(args, place))


_SPEAKS_OF_TRAINING = regex.later(r"loss|optim|criteri|metric|adam|sgd|rmsprop", re.IGNORECASE)


def _gives_a_loss(args: Args, place: Place) -> bool:
    """Whether ``x.compile(a, b)`` trains a model: jinja and kfp compile as well."""
    loss = args.get(1, "loss")
    if isinstance(loss, Const):
        return not (isinstance(loss.value, str) and "." in loss.value)
    given = place.node.args if isinstance(place.node, cst.Call) else ()
    words = " ".join(place.chunk.code(arg.value) for arg in given)
    return loss is not None and (
        not isinstance(loss, Unknown) or _SPEAKS_OF_TRAINING.search(words) is not None
    )


def _inputs(args: Args) -> Value:
    if args.positional:
        return args.positional[0]
    for name in ("inputs", "x", "input", "sequences"):
        if name in args.keywords:
            return args.keywords[name]
    return next(iter(args.keywords.values()), data_tensor())
