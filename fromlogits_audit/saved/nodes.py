"""Which tensors a layer of a functional graph is called on, in both dialects of Keras's config.

Keras 3 writes ``{"args": [...], "kwargs": {...}}`` with ``__keras_tensor__`` leaves; tf_keras nested
lists with ``[layer, node, tensor, kwargs]`` leaves. TFOpLambda leaves out one level of nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace

from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.values import Dims, Json, Value, dims

_CONSTANT = "_CONSTANT_VALUE"


@dataclass(frozen=True)
class Ref:
    """The ``tensor``-th result of the ``node``-th call of a layer."""

    layer: str
    node: int = 0
    tensor: int = 0
    shape: Dims = field(default=None, compare=False)
    """What Keras 3 writes of the tensor's shape beside it."""


@dataclass(frozen=True)
class Call:
    """One call of a layer: arguments with :class:`Ref` leaves."""

    args: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()

    def refs(self) -> Iterator[Ref]:
        return refs_in([self.args, [value for _, value in self.keywords]])


def refs_in(value: Value) -> Iterator[Ref]:
    """Every reference in a structure."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from refs_in(item)


def calls_of(entry: Json, names: frozenset[str]) -> list[Call]:
    """The calls of a layer's entry, in order; none for an input layer."""
    nodes = entry.get("inbound_nodes")
    if not isinstance(nodes, list):
        return []
    return [_keras3(node) if _is_keras3(node) else _legacy(node, names) for node in nodes]


def _is_keras3(node: Json) -> bool:
    return isinstance(node, dict) and "args" in node and isinstance(node["args"], list)


def _keras3(node: Json) -> Call:
    keywords = node.get("kwargs")
    pairs = keywords.items() if isinstance(keywords, dict) else ()
    return Call(tuple(_deep3(arg) for arg in node["args"]), tuple((str(k), _deep3(v)) for k, v in pairs))


def _deep3(value: Json) -> Value:
    if isinstance(value, list):
        return [_deep3(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__":
        config: Json = value.get("config")
        ref = _ref(config.get("keras_history")) if isinstance(config, dict) else None
        return replace(ref, shape=dims(config.get("shape"))) if ref is not None else value
    return {key: _deep3(item) for key, item in value.items()}


def _ref(value: Json) -> Ref | None:
    """A reference written as ``[layer, node, tensor, ...]``."""
    if not isinstance(value, list) or not 3 <= len(value) <= 4 or not isinstance(value[0], str):
        return None
    numbers = value[1:3]
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        return None
    if len(value) == 4 and not isinstance(value[3], dict):
        return None
    return Ref(value[0], value[1], value[2])


def _legacy(node: Json, names: frozenset[str]) -> Call:
    keywords: dict[str, Value] = {}
    args = _deep2(node, names, keywords)
    # A node of one tensor is a list of one leaf; TFOpLambda's node is the leaf itself.
    first = args[0] if isinstance(args, list) and len(args) == 1 else args
    return Call((first,), tuple(keywords.items()))


def _deep2(value: Json, names: frozenset[str], keywords: dict[str, Value]) -> Value:
    if isinstance(value, list) and value and value[0] == _CONSTANT:
        _take_keywords(value, names, keywords)
        return value[2] if len(value) > 2 else None
    ref = _ref(value)
    if ref is not None:
        _take_keywords(value, names, keywords)
        return ref
    if isinstance(value, list):
        return [_deep2(item, names, keywords) for item in value]
    if isinstance(value, dict):
        return {key: _deep2(item, names, keywords) for key, item in value.items()}
    return value


def _take_keywords(leaf: list[Json], names: frozenset[str], keywords: dict[str, Value]) -> None:
    given = leaf[3] if len(leaf) > 3 and isinstance(leaf[3], dict) else {}
    for key, value in given.items():
        keywords[str(key)] = _keyword(value, names)


def _keyword(value: Json, names: frozenset[str]) -> Value:
    """A keyword's value; a list that names a layer of this graph is a tensor."""
    ref = _ref(value)
    if ref is not None and ref.layer in names:
        return ref
    if isinstance(value, list):
        return [_keyword(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _keyword(item, names) for key, item in value.items()}
    return value


def output_refs(value: Json) -> list[tuple[str | None, Ref]]:
    """``output_layers`` of either dialect, flat: dict keys stay as names.

    Keras 3 writes one output as ``["sm", 0, 0]``, tf_keras as ``[["sm", 0, 0]]``; both write several as a
    list, or as a dict by key.
    """
    single = _ref(value)
    if single is not None:
        return [(None, single)]
    if isinstance(value, dict):
        return [(str(key), ref) for key, item in value.items() for _, ref in output_refs(item)]
    if isinstance(value, list):
        return [pair for item in value for pair in output_refs(item)]
    return []
