"""From a SavedModel's signature back to the operations that decide the scale of its output.

The walk stops where a fresh score begins (MatMul, Conv2D ...), so it rarely sees more than the end of
a graph. What it cannot follow is unknown. Calls of functions are followed with their arguments; depth and
steps are bounded, because a hostile library may call itself.
"""

from __future__ import annotations

from dataclasses import field, replace

from fromlogits_audit.ir import Undecided, Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.activations import Recorder
from fromlogits_audit.saved.graphdef import Graph, Library, Node
from fromlogits_audit.saved.values import Tensor, data, unknown

MAX_DEPTH = 150
"""Nodes and calls on one path; each costs a few of Python's frames."""
MAX_STEPS = 20_000
_INFINITE = float("inf")
CALLS = ("PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall")


@dataclass(frozen=True)
class Traced:
    """A value of the graph. ``low`` and ``high`` bound it, ``constant`` is a number it holds.

    ``weight`` marks what depends on variables only, ``scaled`` what was multiplied by one. ``base`` is
    the value that constants and additions left it a function of, ``gate`` the base of what an activation
    was applied to: ``x * sigmoid(x)`` is one activation and not a product. A sum of ``summed`` values like
    ``addend`` becomes their mean where it is divided by as many.
    """

    tensor: Tensor
    low: float = -_INFINITE
    high: float = _INFINITE
    constant: float | None = None
    numbers: tuple[float, ...] = ()
    weight: bool = False
    scaled: bool = False
    base: object = None
    gate: object = None
    made_by: str = ""
    summed: int = 1
    addend: Tensor | None = None


@dataclass
class Frame:
    """A graph, or one call of a function with its arguments in the caller's frame."""

    graph: Graph
    caller: Frame | None = None
    inputs: tuple[str, ...] = ()
    values: dict[tuple[str, int], Traced] = field(default_factory=dict)
    calls: dict[str, Frame] = field(default_factory=dict)


class Tracer:
    """One walk over the graph of one model."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.recorder = Recorder()
        self._steps = 0
        self._depth = 0

    def trace(self, frame: Frame, written: str) -> Traced:
        """The value of an input as a node writes it: ``name``, ``name:index``, ``name:arg:index``."""
        name, port = _split(written)
        key = (name, port)
        if key in frame.values:
            return frame.values[key]
        self._steps += 1
        if self._steps > MAX_STEPS or self._depth >= MAX_DEPTH:
            return _unknown(Why.LIMIT, "a graph that is larger than what is followed")
        # A cycle finds this in place of a value.
        frame.values[key] = _unknown(Why.UNSUPPORTED, "a loop in the graph")
        self._depth += 1
        try:
            found = self._value(frame, name, port)
        finally:
            self._depth -= 1
        frame.values[key] = found
        return found

    def _value(self, frame: Frame, name: str, port: int) -> Traced:
        if frame.caller is not None and name in frame.graph.arguments:
            at = frame.graph.arguments.index(name)
            if at < len(frame.inputs):
                return self.trace(frame.caller, frame.inputs[at])
        node = frame.graph.nodes.get(name)
        if node is None:
            return Traced(data(what="an input of the graph"))
        if node.op in CALLS:
            return self._called(frame, node, port)
        from fromlogits_audit.saved.graph_ops import apply

        found = apply(self, frame, node, port)
        shape = node.shape(port)
        if shape is not None and found.tensor.shape is None:
            found = replace(found, tensor=replace(found.tensor, shape=shape))
        return found if found.base is not None else replace(found, base=(id(frame), name, port))

    def _called(self, frame: Frame, node: Node, port: int) -> Traced:
        function = self.library.get(node.function())
        if function is None:
            return _unknown(Why.UNSUPPORTED, f"{node.op} of a function that is not in the file")
        if node.name not in frame.calls:
            frame.calls[node.name] = Frame(function, frame, node.inputs)
        output = _output_name(function, port)
        inner = function.returns.get(output) if output is not None else None
        if inner is None:
            return _unknown(Why.UNSUPPORTED, f"an output of {function.name[:80]} that is not there")
        return self.trace(frame.calls[node.name], inner)


def _split(written: str) -> tuple[str, int]:
    """Name and output index. In a function the index counts within an output argument, of which all
    operations here but calls and IdentityN have one."""
    parts = written.split(":")
    last = parts[-1]
    return parts[0], int(last) if len(parts) > 1 and last.isdecimal() and len(last) < 7 else 0


def _output_name(function: Graph, port: int) -> str | None:
    """Which output of a function a reference means: ``call:output:2`` is the third of the call."""
    return function.outputs[port] if 0 <= port < len(function.outputs) else None


def _unknown(why: Why, detail: str) -> Traced:
    return Traced(unknown(why, detail))


def undecided(traced: Traced, why: Why, detail: str) -> Traced:
    """The same value with no known scale."""
    tensor = replace(
        traced.tensor, scale=Tensor().scale, activation=None, reason=Undecided(why, detail), half=None
    )
    return replace(traced, tensor=tensor, low=-_INFINITE, high=_INFINITE, constant=None, gate=None)
