"""TensorFlow's graph messages, as far as tracing an output back needs them.

Field numbers are those of ``tensorflow/core/framework/{graph,function,node_def,op_def,attr_value,
tensor,tensor_shape}.proto`` and ``core/protobuf/{saved_model,meta_graph}.proto``; they never change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.protobuf import Message, fields
from fromlogits_audit.saved.values import Dims

MAX_NODES = 200_000
"""Nodes of one graph or function."""
_FLOAT, _DOUBLE, _INT32, _INT64, _HALF, _BFLOAT16 = 1, 2, 3, 9, 19, 14
DTYPES = {_FLOAT: "float32", _DOUBLE: "float64", _HALF: "float16", _BFLOAT16: "bfloat16"}
_PACKED = {_FLOAT: "<f", _DOUBLE: "<d", _INT32: "<i", _INT64: "<q", _HALF: "<e"}


@dataclass(frozen=True)
class Node:
    """One node: ``inputs`` as they are written, without control inputs; attributes are read on demand, once:
    a node of thousands of outputs is asked for each."""

    name: str
    op: str
    inputs: tuple[str, ...]
    view: memoryview

    def attr(self, name: str) -> Message | None:
        view = self._attributes.get(name)
        return Message(view) if view is not None else None

    @cached_property
    def _attributes(self) -> dict[str, memoryview]:
        found: dict[str, memoryview] = {}
        for entry in Message(self.view).all(5):
            values = entry.views(2)
            if values:
                found.setdefault(entry.text(1), values[-1])
        return found

    def function(self, name: str = "f") -> str | None:
        """The function that a call names."""
        value = self.attr(name)
        called = value.one(10) if value is not None else None
        return called.text(1) if called is not None else None

    def dtype(self) -> str:
        """What the node computes in; anything that is no float counts as float32."""
        value = self.attr("T") or self.attr("dtype")
        return DTYPES.get(value.integer(6), "float32") if value is not None else "float32"

    def flag(self, name: str) -> bool:
        value = self.attr(name)
        return bool(value.integer(5)) if value is not None else False

    def integer(self, name: str) -> int:
        value = self.attr(name)
        return value.integer(3) if value is not None else 0

    def shape(self, port: int) -> Dims:
        """The shape of an output, where the writer left it (``_output_shapes``)."""
        return shape_of(Message(self._shapes[port])) if port < len(self._shapes) else None

    @cached_property
    def _shapes(self) -> list[memoryview]:
        value = self.attr("_output_shapes")
        shapes = value.one(1) if value is not None else None
        return shapes.views(7) if shapes is not None else []

    @cached_property
    def constant(self) -> tuple[float, ...] | None:
        """The numbers of a small ``Const``; one where it is a scalar or the same everywhere."""
        value = self.attr("value")
        tensor = value.one(8) if value is not None else None
        return _numbers(tensor) if tensor is not None else None


def _numbers(tensor: Message) -> tuple[float, ...] | None:
    kind, content = tensor.integer(1), tensor.raw(4)
    if kind not in _PACKED:
        return None
    layout = _PACKED[kind]
    size = struct.calcsize(layout)
    if content:
        if len(content) > 64 * size or len(content) % size:
            return None
        return tuple(float(value) for (value,) in struct.iter_unpack(layout, content))
    if kind == _INT32:
        return tuple(float(value) for value in tensor.integers(7)[:64])
    if kind == _INT64:
        return tuple(float(value) for value in tensor.integers(10)[:64])
    if kind in (_FLOAT, _DOUBLE):
        number = 5 if kind == _FLOAT else 6
        return tuple(tensor.floats(number, layout)[:64])
    return None


def shape_of(message: Message) -> Dims:
    """A TensorShapeProto; sizes that are not known are -1 there."""
    if message.integer(3):
        return None
    sizes = [dim.integer(1) for dim in message.all(2)][:64]
    return tuple(size if size >= 0 else None for size in sizes)


@dataclass
class Graph:
    """The nodes of a graph or function. ``returns`` maps a function's outputs to ``node:arg:index``."""

    name: str
    nodes: dict[str, Node]
    arguments: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    returns: dict[str, str] = field(default_factory=dict)


def nodes_of(message: Message, number: int) -> dict[str, Node]:
    """The nodes of a graph or function, by name."""
    found: dict[str, Node] = {}
    for view in message.views(number):
        if len(found) >= MAX_NODES:
            raise UnreadableFile(f"has a graph of more than {MAX_NODES:,} nodes")
        node = _node(view)
        found[node.name] = node
    return found


def _node(view: memoryview) -> Node:
    """Name, operation and inputs; there may be very many nodes, so the rest waits."""
    name = op = ""
    inputs = []
    for number, value in fields(view):
        if number > 3 or not isinstance(value, memoryview):
            continue
        text = bytes(value).decode("utf-8", "replace")
        if number == 1:
            name = text
        elif number == 2:
            op = text
        elif not text.startswith("^"):
            inputs.append(text)
    return Node(name, op, tuple(inputs), view)


class Library:
    """The functions of a graph, by name; each is read when it is asked for."""

    def __init__(self, graph: Message) -> None:
        self._views: dict[str, memoryview] = {}
        self._read: dict[str, Graph] = {}
        library = graph.one(2)
        for view in library.views(1) if library is not None else ():
            name = _function_name(view)
            if name is not None:
                self._views[name] = view

    def get(self, name: str | None) -> Graph | None:
        if name is None or name not in self._views:
            return None
        if name not in self._read:
            self._read[name] = _function(name, Message(self._views[name]))
        return self._read[name]


def _function_name(view: memoryview) -> str | None:
    """Read off the signature, which comes first: the nodes behind it are not looked at."""
    for number, value in fields(view):
        if number == 1 and isinstance(value, memoryview):
            return Message(value).text(1)
    return None


def _function(name: str, message: Message) -> Graph:
    signature = message.one(1)
    if signature is None:
        raise UnreadableFile("holds a function without a signature")
    arguments = tuple(one.text(1) for one in signature.all(2))
    outputs = tuple(one.text(1) for one in signature.all(3))
    return Graph(name, nodes_of(message, 3), arguments, outputs, dict(_returns(message)))


def _returns(message: Message) -> Iterator[tuple[str, str]]:
    for entry in message.all(4):
        yield entry.text(1), entry.text(2)
