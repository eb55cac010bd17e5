"""The outputs of a model in memory by its structure: its graph of layers, walked as it is now.

A functional or Sequential model holds its graph: the layers are the living ones, so whatever was changed
on them since counts. A class whose ``call`` is the project's own has none: its output is unknown here and
left to be observed (:mod:`fromlogits_audit.live.observed`) or measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from fromlogits_audit.ir import Applied, Location, Output, Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.live.layers import CALLS, entry_of
from fromlogits_audit.live.names import class_name, keras_base
from fromlogits_audit.models import Evidence
from fromlogits_audit.saved.compiling import Head
from fromlogits_audit.saved.graph import Named, Walker
from fromlogits_audit.saved.interface import as_heads, to_output
from fromlogits_audit.saved.values import Dims, Tensor, Value, data, tensors_of, unknown

MAX_DEPTH = 40
"""Models inside models."""
_GRAPHS = ("Functional", "Sequential", "Model")


@dataclass(frozen=True)
class LiveOutput:
    """One output. ``name`` is its dict key, else its layer's name; ``keys`` is whatever a dict of losses
    may call it; ``shape`` has the batch first, sizes that are not fixed are None."""

    name: str
    output: Output
    keys: tuple[str, ...] = ()
    evidence: Evidence = Evidence.STRUCTURE
    shape: Dims = None

    @property
    def head(self) -> Head:
        return Head(self.output, self.keys)


def outputs_of(model: Any, where: Location | None = None) -> tuple[LiveOutput, ...]:
    """Every output of a Keras model, in Keras's order. ``where`` stands in traces (default: the model)."""
    return read(model, where).outputs


@dataclass(frozen=True)
class Structure:
    """A model's outputs, and the softmaxes and sigmoids inside it with what they were applied to."""

    outputs: tuple[LiveOutput, ...]
    applied: tuple[tuple[Applied, Output], ...] = ()


def read(model: Any, where: Location | None = None) -> Structure:
    """Everything that a model's structure shows."""
    where = where or place_of(model)
    walker = Walker()
    outputs = as_outputs(Graph(walker).outputs(model), where)
    applied = tuple((one, to_output(before, where.path)) for one, before in walker.recorder.applied)
    return Structure(outputs, applied)


def place_of(model: Any) -> Location:
    """Where a model in memory stands: it has no line, so its name is its place."""
    return Location(f"<model {getattr(model, 'name', None) or type(model).__name__}>")


def as_outputs(named: Sequence[Named], where: Location) -> tuple[LiveOutput, ...]:
    heads, names = as_heads(named, where.path)
    return tuple(
        LiveOutput(name, _placed(head.output, where), head.keys, shape=one.tensor.shape)
        for one, head, name in zip(named, heads, names, strict=True)
    )


def _placed(output: Output, where: Location) -> Output:
    trace = tuple(replace(step, location=where) for step in output.trace)
    unit = where if output.unit_softmax is not None else None
    return replace(output, trace=trace, unit_softmax=unit)


class Graph:
    """One walk over living layers; what each does to a tensor is the shared reader's knowledge."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._depth = 0

    def outputs(self, model: Any, inputs: Sequence[Value] | None = None) -> list[Named]:
        """The outputs of a model, called on ``inputs`` (None: its own)."""
        if self._depth >= MAX_DEPTH:
            return [Named(None, "model", unknown(Why.LIMIT, "models nested too deeply"))]
        self._depth += 1
        try:
            return self._outputs(model, inputs)
        finally:
            self._depth -= 1

    def _outputs(self, model: Any, inputs: Sequence[Value] | None) -> list[Named]:
        base = keras_base(model, CALLS)
        kind = class_name(base).rpartition(".")[2] if base is not None else ""
        graph = getattr(model, "_functional", None) if kind == "Sequential" else model
        symbols = flat(getattr(graph, "outputs", None))
        if base is None or (kind not in _GRAPHS and not symbols):
            return [_opaque(model)]
        if symbols and all(hasattr(one, "_keras_history") for one in symbols):
            return self._functional(model, graph, symbols, inputs)
        return self._in_order(model, inputs) if kind == "Sequential" else [_opaque(model)]

    # -- a graph of symbolic tensors ---------------------------------------------------------
    def _functional(
        self, model: Any, graph: Any, symbols: list[Any], inputs: Sequence[Value] | None
    ) -> list[Named]:
        values: dict[Key, Value] = {}
        given = [one for value in inputs or () for one in tensors_of(value)]
        for symbol, tensor in zip(flat(getattr(graph, "inputs", None)), given, strict=False):
            values[_key(symbol)] = {symbol._keras_history[2]: tensor}
        names = output_keys(model, graph, len(symbols))
        layers = [str(getattr(one._keras_history[0], "name", "output")) for one in symbols]
        listed = list(getattr(model, "output_names", None) or layers)
        if len(listed) == len(layers):
            layers = [str(one) for one in listed]
        return [
            Named(key, layer, self._tensor(values, symbol))
            for key, layer, symbol in zip(names, layers, symbols, strict=True)
        ]

    def _tensor(self, values: dict[Key, Value], symbol: Any) -> Tensor:
        """The abstract tensor of a symbolic one, its needs first, without Python's recursion."""
        stack, opened = [symbol], set[Key]()
        while stack:
            key = _key(stack[-1])
            if key in values:
                stack.pop()
                continue
            missing = [need for need in _needs(stack[-1]) if _key(need) not in values]
            if missing and key not in opened:
                opened.add(key)
                stack.extend(missing)
                continue
            values[key] = self._called(values, stack.pop())
        return _picked(values, symbol)

    def _called(self, values: dict[Key, Value], symbol: Any) -> Value:
        layer, args, keywords = _call(symbol)
        if layer is None or not (args or keywords):
            return data(shape_of(symbol), dtype=str(getattr(symbol, "dtype", "float32")))
        bound = tuple(_bound(values, one) for one in args)
        return self.layer(layer, bound, {key: _bound(values, one) for key, one in keywords.items()})

    def layer(self, layer: Any, args: tuple[Value, ...], keywords: dict[str, Value] | None = None) -> Value:
        """The value of one call of a layer, an operation or a model."""
        if hasattr(layer, "layers") and hasattr(layer, "train_step"):
            found = self.outputs(layer, args)
            return [one.tensor for one in found] if len(found) > 1 else found[0].tensor
        return self._walker.layer(entry_of(layer), args, keywords)

    # -- layers one after the other ------------------------------------------------------------
    def _in_order(self, model: Any, inputs: Sequence[Value] | None) -> list[Named]:
        """A Sequential that was not built yet: the layers are known, most shapes are not."""
        value: Value = next(iter(inputs), None) if inputs else data()
        named = "model"
        for layer in model.layers:
            named = str(layer.name)
            value = self.layer(layer, (value,))
        found = tensors_of(value) if model.layers else []
        missing = unknown(Why.UNSUPPORTED, "a Sequential without layers")
        return [Named(None, named, one) for one in found or [missing]]


Key = tuple[int, int]
"""One call of one layer: the layer's identity and which of its calls."""


def _key(symbol: Any) -> Key:
    layer, node, _ = symbol._keras_history[:3]
    return id(layer), node


def _call(symbol: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The layer that made a symbolic tensor, and the arguments of that call."""
    layer, at, _ = symbol._keras_history[:3]
    nodes = getattr(layer, "_inbound_nodes", ())
    if not 0 <= at < len(nodes):
        return None, (), {}
    node = nodes[at]
    arguments = getattr(node, "arguments", None)
    if arguments is not None:
        return layer, tuple(arguments.args), dict(arguments.kwargs)
    return layer, tuple(node.call_args or ()), dict(node.call_kwargs or {})


def _needs(symbol: Any) -> list[Any]:
    _, args, keywords = _call(symbol)
    return [one for one in flat([args, keywords]) if hasattr(one, "_keras_history")]


def _bound(values: dict[Key, Value], value: Any) -> Value:
    """An argument with abstract tensors in place of symbolic ones."""
    if hasattr(value, "_keras_history"):
        return _picked(values, value)
    if isinstance(value, (list, tuple)):
        return [_bound(values, one) for one in value]
    if isinstance(value, dict):
        return {key: _bound(values, one) for key, one in value.items()}
    return value


def _picked(values: dict[Key, Value], symbol: Any) -> Tensor:
    """One result of a call, with the shape that the living tensor has."""
    found, at = values.get(_key(symbol)), symbol._keras_history[2]
    tensors: dict[int, Tensor] = dict(enumerate(tensors_of(found)))
    if isinstance(found, dict) and all(isinstance(key, int) for key in found):
        tensors = found
    tensor = tensors.get(at) or unknown(Why.UNSUPPORTED, f"result {at} of a layer")
    shape = shape_of(symbol)
    return replace(tensor, shape=shape) if shape is not None else tensor


def shape_of(symbol: Any) -> Dims:
    """The shape of a living tensor, symbolic or not; None where its rank is unknown.

    JAX traces with sizes that are symbols and refuse to become numbers.
    """
    shape = getattr(symbol, "shape", None)
    try:
        return None if shape is None else tuple(int(n) if isinstance(n, Integral) else None for n in shape)
    except (TypeError, ValueError):
        return None


def output_keys(model: Any, graph: Any, count: int) -> list[str | None]:
    """The keys of outputs that a model returns as a dict, in Keras's order; None for any other."""
    for owner in (graph, model):
        for attribute in ("_outputs_struct", "_nested_outputs"):
            structure = getattr(owner, attribute, None)
            if isinstance(structure, dict) and len(structure) == count:
                return [str(key) for key in sorted(structure)]
    return [None] * count


def flat(structure: Any) -> list[Any]:
    """Leaves in Keras's order: dicts by sorted key."""
    if structure is None:
        return []
    if isinstance(structure, dict):
        return [one for key in sorted(structure) for one in flat(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [one for item in structure for one in flat(item)]
    return [structure]


def _opaque(model: Any) -> Named:
    name = type(model).__name__[:80]
    return Named(None, str(getattr(model, "name", name)), unknown(Why.OPAQUE_LAYER, f"the call of {name}"))
