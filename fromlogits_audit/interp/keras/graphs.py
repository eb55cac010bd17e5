"""The layers of a functional model, in Keras's order: by their distance from the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.layers import layer_class
from fromlogits_audit.interp.choice import alternatives, choose, lift, product
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras_values import BEHIND, INNER, MODEL_INPUT, LayerV, ModelV, TensorV
from fromlogits_audit.interp.values import NONE, Args, Choice, Const, Entries, InstanceV, ListV, TupleV, Value
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_DEPTH = 300
MAX_TENSORS = 2_000
FRONT = 32
"""So many unknown layers stand before the known ones where a part of the graph is no layer of Keras: what is
counted from the end is known all the same."""


@dataclass(frozen=True)
class Call:
    """A call of a model, or of a layer of the project: in a model around it that is one layer, whatever it
    computes. ``made`` is a tensor that it returned."""

    by: ModelV | InstanceV
    inputs: Value
    made: TensorV


def called(run: Run, by: ModelV | InstanceV, args: Args, result: Value) -> Value:
    """What a call returns, for the models around it."""
    inputs = args.positional[0] if args.positional else next(iter(args.keywords.values()), NONE)
    if not _is_symbolic(run, inputs):
        return result
    noted = lift(result, run.state.guard, lambda one: _noted(run, by, inputs, under_its_name(by, one)))
    if isinstance(by, InstanceV):
        run.state.write(by, "$output", noted)
    return noted


def under_its_name(by: ModelV | InstanceV, result: Value) -> Value:
    """A single output has the name of what returned it, and none of what is inside it."""
    given = name_of(by)
    return replace(result, name=given) if isinstance(result, TensorV) and given != result.name else result


def name_of(layer: Value) -> str | None:
    """The name a layer or model was given."""
    value = None
    if isinstance(layer, LayerV):
        value = layer.slots.get("name")
    elif isinstance(layer, (ModelV, InstanceV)):
        value = layer.slots.get("$name")
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def _noted(run: Run, by: ModelV | InstanceV, inputs: Value, result: Value) -> Value:
    if isinstance(result, TupleV):
        return TupleV(tuple(_noted(run, by, inputs, one) for one in result.items), result.open)
    if not isinstance(result, TensorV):
        return result
    made = replace(result)  # what is returned as it came has been made by something else
    run.calls[id(made)] = Call(by, inputs, made)
    return made


def _is_symbolic(run: Run, inputs: Value) -> bool:
    """Whether a call is part of a graph: not one with data, nor one that only asks what a model returns."""
    content = content_of(run, inputs)
    parts = content.items if isinstance(content, TupleV) else (content,)
    tensors = [one for part in parts for _, one in alternatives(part) if isinstance(one, TensorV)]
    return any(one.parents or one.reason is None or one.reason.detail == MODEL_INPUT for one in tensors)


def layers_of(run: Run, model: ModelV | InstanceV, outputs: Value) -> Value:
    """``model.layers`` of a model with these outputs: a list for each of their alternatives."""
    content = content_of(run, outputs)
    if isinstance(content, TupleV) and not content.open:
        content = choose([(guard, TupleV(row)) for guard, row in product(content.items, run.state.guard)])
    return lift(content, run.state.guard, lambda option: _layers_of(run, model, option))


def _layers_of(run: Run, model: ModelV | InstanceV, outputs: Value) -> Value:
    graph = _Graph(run, model)
    graph.visit(outputs, 0)
    if graph.is_forked:
        return run.state.fresh(Why.OPAQUE_LAYER, "the layers of a model")
    layers = graph.listed()
    if graph.is_whole:
        return ListV(layers)
    unknown = run.state.fresh(Why.OPAQUE_LAYER, "a layer of a model of which the last are known")
    return ListV((*[unknown] * FRONT, *layers), open=True)


class _Graph:
    def __init__(self, run: Run, model: ModelV | InstanceV) -> None:
        self.is_whole = True
        """Whether each step from the inputs to the outputs is a layer of Keras, applied by the program."""
        self.is_forked = False
        """Whether a part of it is either of two."""
        self._run = run
        self._model = model
        self._order: list[Value] = []
        self._before: dict[int, list[Value]] = {}
        """By the identity of a layer: those whose outputs it takes."""
        self._seen: dict[int, list[Value]] = {}

    def visit(self, value: Value, depth: int, *, behind: bool = False) -> list[Value]:
        """Take in the graph up to a value; the layers that the value comes from."""
        if id(value) in self._seen:
            return self._seen[id(value)]
        if depth > MAX_DEPTH or len(self._seen) > MAX_TENSORS:
            self.is_whole = False
            return []
        self._seen[id(value)] = []
        content = content_of(self._run, value)
        if isinstance(content, TensorV):
            found = self._tensor(content, depth, behind=behind)
        else:
            found = self._behind(self._parts(content), depth, behind=behind)
        self._seen[id(value)] = found
        return found

    def _behind(self, values: Sequence[Value], depth: int, *, behind: bool) -> list[Value]:
        """The layers which values come from, each once: ``x * sigmoid(x)`` has those of x behind it twice."""
        layers = [layer for value in values for layer in self.visit(value, depth + 1, behind=behind)]
        return list({id(layer): layer for layer in layers}.values())

    def _parts(self, content: Value) -> list[Value]:
        if isinstance(content, TupleV):
            self.is_whole = self.is_whole and not content.open
            return list(content.items)
        if isinstance(content, Entries):
            return [item for _, item in content.items.values()]
        self.is_whole = False
        self.is_forked = self.is_forked or isinstance(content, Choice)
        return []

    def _tensor(self, tensor: TensorV, depth: int, *, behind: bool) -> list[Value]:
        call = self._run.calls.get(id(tensor))
        if call is not None and call.by is not self._model:
            return self._node(call.by, self.visit(call.inputs, depth + 1, behind=behind))
        behind = behind or (tensor.final is not None and tensor.final is not self._model)
        before = self._behind(tensor.parents, depth, behind=behind)
        layer = tensor.layer if tensor.layer is not None else self._input(tensor)
        if layer is None:
            self.is_whole = False
            return before
        if behind:
            layer.slots[BEHIND] = NONE
        self.is_whole = self.is_whole and not behind and INNER not in layer.slots
        return self._node(layer, before)

    def _node(self, node: Value, before: list[Value]) -> list[Value]:
        if id(node) not in self._before:
            self._order.append(node)
        self._before.setdefault(id(node), []).extend(before)
        return [node]

    def _input(self, tensor: TensorV) -> LayerV | None:
        """The layer that stands for an input."""
        reason, place = tensor.reason, self._model.place
        if reason is None or reason.detail != MODEL_INPUT or place is None:
            return None
        spec = layer_class("keras.layers.InputLayer")
        assert spec is not None
        return LayerV(spec, place, {"$output": tensor, "$input": tensor})

    def listed(self) -> tuple[Value, ...]:
        """The farthest from the outputs first; the inputs of one layer in their order."""
        distance = dict.fromkeys(map(id, self._order), 0)
        for layer in reversed(self._order):
            for before in self._before[id(layer)]:
                distance[id(before)] = max(distance[id(before)], distance[id(layer)] + 1)
        return tuple(sorted(self._order, key=lambda layer: -distance[id(layer)]))
