"""SavedModel folders: ``saved_model.pb``, and ``keras_metadata.pb`` where tf_keras wrote it.

The metadata holds the config and the losses as JSON; where it is missing (a Keras 3 export), or cannot
tell an output, the graph behind the serving signature is traced. Variables and assets are not opened.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.ir import Output, Scale
from fromlogits_audit.saved.compiling import stored
from fromlogits_audit.saved.discover import GRAPH
from fromlogits_audit.saved.graph import Named
from fromlogits_audit.saved.graphdef import Graph, Library, nodes_of, shape_of
from fromlogits_audit.saved.interface import (
    MAX_CONFIG_BYTES,
    SavedModel,
    as_heads,
    from_config,
    parse_json,
    to_output,
)
from fromlogits_audit.saved.protobuf import Message
from fromlogits_audit.saved.tracing import Frame, Traced, Tracer
from fromlogits_audit.saved.values import Json, Tensor

FORMAT = "saved-model"
METADATA = "keras_metadata.pb"
SERVING = "serving_default"
_INIT = "__saved_model_init_op"
MAX_GRAPH_BYTES = 2**31
"""What protobuf allows. The file is mapped into memory, not read."""
MAX_OUTPUTS = 1_000

_UNSAFE = {
    "PyFunc": "calls Python",
    "PyFuncStateless": "calls Python",
    "EagerPyFunc": "calls Python",
    "WriteFile": "writes files",
    "ReadFile": "reads files",
    "MatchingFiles": "lists files",
}
"""Operations that reach outside of the graph, and that no exported Keras model needs."""


def read(path: Path, shown: str) -> SavedModel:
    """The model of a SavedModel folder."""
    metadata = _metadata(path)
    with _mapped(path / GRAPH, MAX_GRAPH_BYTES) as view:
        graph = _meta_graph(view)
        metadata = metadata or _embedded(graph)
        traced = _from_graph(graph, shown, unsafe=_operations(view))
    config = metadata.get("model_config") if isinstance(metadata, dict) else None
    if not isinstance(config, dict):
        return _versioned(traced, metadata)
    declared = from_config(
        config,
        stored(metadata.get("training_config")),
        path=shown,
        format=FORMAT,
        keras_version=_version(metadata),
        extra=metadata,
    )
    return _completed(declared, traced)


@contextmanager
def _mapped(path: Path, limit: int) -> Iterator[memoryview]:
    """A file's content as a view, without reading what is not looked at."""
    size = path.stat().st_size
    if size == 0:
        raise UnreadableFile(f"{path.name} is empty")
    if size > limit:
        raise UnreadableFile(f"{path.name} is larger than {limit // 2**20} MB")
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Not closed by hand: messages still hold views of it, and it ends with the last of them.
    yield memoryview(content)


def _meta_graph(view: memoryview) -> Message:
    """The first meta graph, the one that serves."""
    graphs = list(Message(view).all(2))
    if not graphs:
        raise UnreadableFile(f"{GRAPH} holds no graph (damaged, or another format)")
    return graphs[0]


# -- metadata ------------------------------------------------------------------------------------
def _metadata(path: Path) -> Json:
    """The root's metadata of ``keras_metadata.pb``, None where there is none."""
    file = path / METADATA
    if not file.is_file():
        return None
    with _mapped(file, 16 * MAX_CONFIG_BYTES) as view:
        for node in Message(view).all(1):
            if node.text(3) == "root":
                return parse_json(node.raw(5), METADATA)
    return None


def _embedded(graph: Message) -> Json:
    """Before TensorFlow 2.5 the metadata stood in the graph file, with the first object."""
    objects = graph.one(7)
    first = next(iter(objects.all(1)), None) if objects is not None else None
    user = first.one(4) if first is not None else None
    raw = user.raw(3) if user is not None else b""
    if not raw.startswith(b"{"):
        return None
    try:
        return parse_json(raw, "the model's metadata")
    except UnreadableFile:
        return None


def _version(metadata: Json) -> str | None:
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return version[:40] if isinstance(version, str) else None


def _versioned(model: SavedModel, metadata: Json) -> SavedModel:
    return replace(model, keras_version=_version(metadata))


# -- the graph -----------------------------------------------------------------------------------
def _from_graph(meta: Message, shown: str, unsafe: tuple[str, ...]) -> SavedModel:
    graph = meta.one(2)
    if graph is None:
        raise UnreadableFile(f"{GRAPH} holds no graph")
    tracer = Tracer(Library(graph))
    frame = Frame(Graph("", nodes_of(graph, 1)))
    named = []
    for key, info in _outputs(meta):
        traced = tracer.trace(frame, info.text(1))
        named.append(Named(None, key, _sized(traced, info)))
    heads, names = as_heads(named, shown)
    applied = tuple((one, to_output(before, shown)) for one, before in tracer.recorder.applied)
    return SavedModel(shown, FORMAT, None, heads, names, applied=applied, unsafe=unsafe)


def _outputs(meta: Message) -> list[tuple[str, Message]]:
    """The outputs of the serving signature (else of the first), by key."""
    signatures = {name: one for name, one in meta.mapping(5) if name != _INIT}
    if not signatures:
        raise UnreadableFile("has no signature, so nothing says what its outputs are")
    chosen = signatures.get(SERVING) or signatures[sorted(signatures)[0]]
    outputs = sorted(chosen.mapping(2), key=lambda pair: pair[0])
    if len(outputs) > MAX_OUTPUTS:
        raise UnreadableFile(f"has a signature of more than {MAX_OUTPUTS:,} outputs")
    return outputs


def _sized(traced: Traced, info: Message) -> Tensor:
    """The tensor with the shape that the signature gives it."""
    tensor = traced.tensor
    declared = info.one(3)
    shape = shape_of(declared) if declared is not None else None
    if shape:
        tensor = replace(tensor, shape=shape)
    single = tensor.units == 1 and tensor.activation == "softmax" and tensor.scale is Scale.PROBABILITIES
    return replace(tensor, unit_softmax=True) if single else tensor


def _operations(view: memoryview) -> tuple[str, ...]:
    """Operations of :data:`_UNSAFE`, found by how a node's ``op`` field is written."""
    content = view.obj
    found = []
    for name, what in _UNSAFE.items():
        written = b"\x12" + bytes([len(name)]) + name.encode()
        if isinstance(content, mmap.mmap) and content.find(written) >= 0:
            found.append(f"the operation {name} {what}")
    return tuple(found)


def _completed(declared: SavedModel, traced: SavedModel) -> SavedModel:
    """What the config could not tell, from the graph."""
    by_name = dict(zip(traced.names, traced.heads, strict=True))
    heads = []
    for name, head in zip(declared.names, declared.heads, strict=True):
        # tf_keras names the outputs of a signature by their layers, also those of a dict.
        other = next((by_name[key] for key in (name, *head.keys) if key in by_name), None)
        if other is None and len(declared.heads) == len(traced.heads) == 1:
            other = traced.heads[0]
        heads.append(head if other is None else replace(head, output=_better(head.output, other.output)))
    if len(heads) < len(traced.heads) and not any(head.output.known for head in heads):
        return replace(declared, heads=traced.heads, names=traced.names, unsafe=_both(declared, traced))
    return replace(declared, heads=tuple(heads), unsafe=_both(declared, traced))


def _better(declared: Output, traced: Output) -> Output:
    if declared.known or not traced.known:
        units = declared.units if declared.units is not None else traced.units
        return replace(declared, units=units)
    return replace(traced, name=declared.name)


def _both(a: SavedModel, b: SavedModel) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*a.unsafe, *b.unsafe)))
