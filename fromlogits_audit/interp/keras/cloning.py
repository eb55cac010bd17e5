"""``clone_model``: the same model once more, or the one that a ``clone_function`` makes of its layers.

Measured (Keras 3.15, tf_keras 2.21): the function is called once for every layer that is no input, and what
it returns takes the layer's place, even where that is the layer itself. A model inside the model is one layer
to it, unless ``recursive``; so is an operation in a functional model. A ``call_function`` is for functional
models alone. ``input_tensors`` are other inputs of the same layers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import is_none, lift, product, same
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.models import current
from fromlogits_audit.interp.keras_values import INNER, LayerV, ModelV, TensorV
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    Args,
    DictV,
    Entries,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Scale, Undecided, Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_GRAPH = 200
"""Layers one behind the other that are followed."""
_WRAPPED = ("to_prune", "to_cluster", "to_annotate", "base_model", "original_model")
"""What tensorflow_model_optimization, neural_structured_learning and tensorflow_model_remediation call the
model or layer that they wrap. The last two train it by a loss of their own beside the compiled one."""


# -- the same model ----------------------------------------------------------------------------
def same_once_more(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """A wrapper that leaves what the model or layer computes as it is."""
    source = args.get(0, "model") or next(
        (args.keywords[key] for key in _WRAPPED if key in args.keywords), None
    )
    return _plainly(source, place) if source is not None else None


def _plainly(source: Value, place: Place) -> Value:
    return clone(source, place) if isinstance(source, ModelV) else source


def clone(source: ModelV, place: Place) -> ModelV:
    """The same model once more, with layers of its own and without its loss."""
    made = ModelV(source.kind, place, source.head)
    memo: dict[int, Value] = {}
    made.slots.update({key: _copied(value, memo) for key, value in source.slots.items() if key != "$loss"})
    return made


def _copied(value: Value, memo: dict[int, Value]) -> Value:
    """The same layers and graph once more, so that changing one model leaves the other alone."""
    if id(value) in memo or len(memo) > 5_000:
        return memo.get(id(value), value)
    made: Value = value
    if isinstance(value, TupleV):
        made = TupleV(tuple(_copied(item, memo) for item in value.items), value.open)
    elif isinstance(value, LayerV):
        made = LayerV(value.spec, value.place, {})
        made.slots.update({k: v for k, v in value.slots.items() if k not in ("$output", "$input")})
    elif isinstance(value, ModelV):
        made = ModelV(value.kind, value.place, value.head)
        made.slots.update({key: _copied(inner, memo) for key, inner in value.slots.items()})
    elif isinstance(value, TensorV) and value.layer is not None:
        parents = tuple(_copied(parent, memo) for parent in value.parents)
        layer = _copied(value.layer, memo)
        assert isinstance(layer, LayerV)
        made = replace(value, layer=layer, parents=parents)
        if value.layer.slots.get("$output") is value:
            layer.slots["$output"] = made
    memo[id(value)] = made
    return made


# -- what a function makes of it ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Functions:
    """What ``clone_model`` is given besides the model; ``recursive`` is None where it is not known."""

    clone: Value
    call: Value
    recursive: bool | None


def clone_model(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``clone_model(model, input_tensors, clone_function, call_function, recursive)``."""
    source = args.get(0, "model")
    unseen = args.star or args.double
    if source is None or unseen is not None:
        return Unknown(unseen.reason, ("cloned", id(place.node)), place) if unseen is not None else None
    given = [source, args.get(2, "clone_function") or NONE, args.get(3, "call_function") or NONE]
    recursive = truth(run.state, args.get(4, "recursive") or FALSE)

    def cloned(row: tuple[Value, ...]) -> Value:
        model, made, called = row
        return _cloned(run, model, _Functions(made, called, recursive), place)

    return run.state.fork(product(given, run.state.guard), cloned)


def _cloned(run: Run, source: Value, functions: _Functions, place: Place) -> Value:
    if isinstance(source, Unknown) or (is_none(functions.clone) and is_none(functions.call)):
        return _plainly(source, place)
    if not isinstance(source, ModelV):
        return run.state.fresh(Why.UNSUPPORTED, "clone_model() by a function, of a class of the project")
    return _Cloning(run, functions, place).model(source)


class _Cloning:
    """A model, and those inside it, whose layers are what a function makes of them."""

    def __init__(self, run: Run, functions: _Functions, place: Place) -> None:
        self._run = run
        self._functions = functions
        self._place = place
        self._made: dict[int, Value] = {}
        """What takes the place of a layer, by the identity of that."""
        self._copies: dict[int, Value] = {}
        self._idle = is_none(functions.call) and self._gives_back()

    def model(self, source: ModelV) -> Value:
        made = ModelV(source.kind, self._place, source.head)
        made.slots.update({key: value for key, value in source.slots.items() if key != "$loss"})
        if self._idle:
            return made
        if "$layers" in source.slots:
            made.slots["$layers"] = lift(source.slots["$layers"], self._run.state.guard, self._layers)
        elif "$outputs" in source.slots:
            outputs = current(self._run, source.slots["$outputs"])
            made.slots["$outputs"] = _Graph(self, self._run, source).value(outputs, 0)
        return made

    def _gives_back(self) -> bool:
        """Whether whatever it is given stays as it is: ``lambda layer: layer``."""
        anything = self._run.state.fresh(Why.OPAQUE_LAYER, "a layer of a model that is cloned")
        with self._run.state.scratch():
            return same(self._of_layer(anything), anything)

    def _layers(self, layers: Value) -> Value:
        if not is_none(self._functions.call):
            return self._run.state.fresh(Why.RUNTIME, "call_function for a Sequential, which raises an error")
        if not isinstance(layers, TupleV):
            return layers
        return TupleV(tuple(self.layer(one) for one in layers.items), layers.open)

    def layer(self, layer: Value) -> Value:
        """What takes the place of a layer; inputs stay inputs."""
        if isinstance(layer, TensorV) or is_none(layer):
            return layer
        if id(layer) not in self._made:
            self._made[id(layer)] = self._of_layer(layer)
        return self._made[id(layer)]

    def _of_layer(self, layer: Value) -> Value:
        if isinstance(layer, ModelV) and self._functions.recursive is not False:
            known = self._functions.recursive
            return self.model(layer) if known else self._run.state.fresh(Why.RUNTIME, "recursive")
        if is_none(self._functions.clone):
            return _copied(layer, self._copies)
        return self._run.call(self._functions.clone, Args((layer,)), self._place)

    def apply(self, layer: Value, inputs: Value) -> Value:
        """What a layer of the source yields in the clone."""
        new = self.layer(layer)
        if is_none(self._functions.call):
            return self._run.call(new, Args((inputs,)), self._place)
        return self._run.call(self._functions.call, Args((new, inputs)), self._place)


class _Graph:
    """The outputs of a functional model, computed by the layers of its clone."""

    def __init__(self, cloning: _Cloning, run: Run, source: ModelV) -> None:
        self._cloning = cloning
        self._run = run
        self._source = source
        self._made: dict[int, Value] = {}

    def value(self, value: Value, depth: int) -> Value:
        """Outputs, or the inputs of a layer, in their structure."""
        content = content_of(self._run, value)
        if isinstance(content, TupleV):
            items = tuple(self.value(item, depth) for item in content.items)
            return ListV(items, content.open) if content is not value else TupleV(items, content.open)
        if isinstance(content, Entries):
            entries = {k: (key, self.value(item, depth)) for k, (key, item) in content.items.items()}
            return DictV(entries, content.open) if content is not value else Entries(entries, content.open)
        return lift(content, self._run.state.guard, lambda one: self._one(one, depth))

    def _one(self, value: Value, depth: int) -> Value:
        if not isinstance(value, TensorV) or (not value.parents and value.scale is Scale.UNKNOWN):
            return value  # an input
        if id(value) not in self._made:
            self._made[id(value)] = self._tensor(value, depth)
        return self._made[id(value)]

    def _tensor(self, tensor: TensorV, depth: int) -> Value:
        inner = tensor.final
        if inner is None or inner is self._source:
            return self._by_layer(tensor, depth)
        # Either the model inside was called, then it is a layer, or this is its ``output``.
        layers = self._by_layer(tensor, depth)
        alone = isinstance(inner, ModelV) and tensor.head is None
        whole = self._yield(inner, TensorV(reason=_UNSEEN)) if alone else layers
        return layers if alone and same(whole, layers) else TensorV(reason=_UNSEEN)

    def _by_layer(self, tensor: TensorV, depth: int) -> Value:
        layer = _made_by(tensor)
        if layer is None or depth > MAX_GRAPH:
            return TensorV(reason=_UNSEEN)
        return self._yield(layer, self.value(tensor.parents[0], depth + 1))

    def _yield(self, layer: Value, inputs: Value) -> Value:
        return lift(self._cloning.apply(layer, inputs), self._run.state.guard, _as_output)


_UNSEEN = Undecided(Why.OPAQUE_LAYER, "a part of a model that clone_model() makes anew by a function")


def _made_by(tensor: TensorV) -> LayerV | None:
    """The layer that yields a tensor; None for operations, and inside of what the project defines."""
    layer = tensor.layer
    if layer is None or INNER in layer.slots or not tensor.parents:
        return None
    parent, output = tensor.parents[0], layer.slots.get("$output")
    # What an operation made of the layer's output may still name the layer.
    if (isinstance(parent, TensorV) and parent.layer is layer) or not isinstance(output, TensorV):
        return None
    alike = replace(output, final=tensor.final, head=tensor.head, name=tensor.name)
    return layer if same(alike, tensor) else None


def _as_output(value: Value) -> Value:
    """An output of the clone is no longer that of a model inside it."""
    if isinstance(value, Unknown):
        return TensorV(reason=value.reason)
    return replace(value, final=None, head=None) if isinstance(value, TensorV) else value
