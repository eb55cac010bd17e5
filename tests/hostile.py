"""Saved models that are damaged or meant to harm: each a file or folder of its own, made here."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "out", "units": 3, "activation": "softmax"},
    "registered_name": None,
}
SEQUENTIAL = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [DENSE]}}
METADATA = {"keras_version": "3.0.0"}

Maker = Callable[[Path], None]
MAKERS: dict[str, Maker] = {}
"""By the name of the file or folder that each makes."""


def hostile(name: str) -> Callable[[Maker], Maker]:
    def add(make: Maker) -> Maker:
        MAKERS[name] = make
        return make

    return add


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)


def good(config: Any = None) -> dict[str, bytes]:
    return {
        "metadata.json": json.dumps(METADATA).encode(),
        "config.json": json.dumps(SEQUENTIAL if config is None else config).encode(),
    }


def nested(depth: int, inner: Any) -> Any:
    """TimeDistributed around TimeDistributed ..."""
    for _ in range(depth):
        inner = {"class_name": "TimeDistributed", "config": {"name": "t", "layer": inner}}
    return inner


# -- .keras --------------------------------------------------------------------------------------
for _name, _content in {
    "text.keras": b"this is no archive\n" * 50,
    "empty.keras": b"",
    "one-byte.keras": b"P",
    "only-an-end.keras": b"PK\x05\x06" + b"\xff" * 18,
    "zeros.keras": b"\0" * 5000,
}.items():
    MAKERS[_name] = lambda path, content=_content: path.write_bytes(content)  # type: ignore[misc]

for _name, _config in {
    "invalid-json.keras": b'{"class_name": ',
    "not-utf8.keras": b'{"class_name": "\xff\xfe"}',
    "list.keras": b"[1, 2, 3]",
    "number.keras": b"7",
    "null.keras": b"null",
    "no-class.keras": b'{"config": {"layers": []}}',
    "deep-10k.keras": b"[" * 10_000 + b"]" * 10_000,
    "deep-1m.keras": b'{"a":' * 1_000_000,
    "huge-number.keras": b'{"class_name": ' + b"9" * 100_000 + b"}",
    "many-lists.keras": b"[" + b"[]," * 2_000_000 + b"[]]",
}.items():
    MAKERS[_name] = lambda path, config=_config: archive(path, {"config.json": config})  # type: ignore[misc]


@hostile("truncated.keras")
def _truncated(path: Path) -> None:
    archive(path, {**good(), "model.weights.h5": os.urandom(4000)}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:2500])


@hostile("no-config.keras")
def _no_config(path: Path) -> None:
    archive(path, {"metadata.json": b"{}"})


@hostile("bomb.keras")
def _bomb(path: Path) -> None:
    """A gigabyte of spaces in place of the config."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("config.json", "w") as member:
        for _ in range(64):
            member.write(b" " * 2**24)


@hostile("bomb-that-lies.keras")
def _lying_bomb(path: Path) -> None:
    """The headers say 1,000 bytes; 64 MB come out."""
    size = 2**26
    archive(path, {"config.json": b" " * size})
    told, real = (1000).to_bytes(4, "little"), size.to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(real, told))


@hostile("bomb-in-the-weights.keras")
def _weights_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in good().items():
            file.writestr(name, content)
        with file.open("model.weights.h5", "w") as member:
            for _ in range(16):
                member.write(b"\0" * 2**24)


for _name, _member in {"climbs.keras": "../../climbed.txt", "absolute.keras": "/tmp/climbed.txt"}.items():
    MAKERS[_name] = lambda path, member=_member: archive(path, {**good(), member: b"x"})  # type: ignore[misc]


@hostile("encrypted.keras")
def _encrypted(path: Path) -> None:
    archive(path, good())
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(mark, at + 1)
    path.write_bytes(bytes(raw))


@hostile("corrupt-member.keras")
def _corrupt(path: Path) -> None:
    archive(path, {"config.json": json.dumps(SEQUENTIAL).encode() * 20})
    raw = bytearray(path.read_bytes())
    for at in range(60, 100):
        raw[at] ^= 0xFF
    path.write_bytes(bytes(raw))


@hostile("folder.keras")
def _folder(path: Path) -> None:
    path.mkdir()


@hostile("folder-of-things.h5")
def _folder_of_things(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text("{}")


# -- HDF5 ----------------------------------------------------------------------------------------
def hdf5(path: Path, fill: Callable[[Any], None]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        fill(file)


def attributes(**values: Any) -> Callable[[Any], None]:
    def fill(file: Any) -> None:
        for name, value in values.items():
            file.attrs[name] = value

    return fill


def _linked(kind: str) -> Callable[[Any], None]:
    import h5py

    def fill(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(SEQUENTIAL)
        group = file.create_group("model_weights")
        link = h5py.ExternalLink("/etc/passwd", "/") if kind == "external" else h5py.SoftLink("/nowhere")
        group["dense"] = link

    return fill


def add_hdf5() -> None:
    """The HDF5 files, where h5py is there to make them."""
    for name, fill in {
        "no-config.h5": attributes(backend="tensorflow"),
        "invalid-json.h5": attributes(model_config="{"),
        "number.h5": attributes(model_config=5),
        "array.h5": attributes(model_config=[1.5, 2.5]),
        "deep.h5": attributes(model_config="[" * 10_000),
        "bad-training.h5": attributes(model_config=json.dumps(SEQUENTIAL), training_config="]"),
        "external-link.h5": _linked("external"),
        "soft-link.h5": _linked("soft"),
    }.items():
        MAKERS[name] = lambda path, fill=fill: hdf5(path, fill)  # type: ignore[misc]

    @hostile("truncated.h5")
    def _truncated_hdf5(path: Path) -> None:
        hdf5(path, attributes(model_config=json.dumps(SEQUENTIAL)))
        path.write_bytes(path.read_bytes()[:1000])

    @hostile("endless.h5")
    def _endless_hdf5(path: Path) -> None:
        """The heap of texts holds an object of no size: HDF5's library goes round it for ever."""
        hdf5(path, attributes(model_config=json.dumps(SEQUENTIAL)))
        data = bytearray(path.read_bytes())
        first = data.index(b"GCOL") + 16  # index (2 bytes), references (2), nothing (4), size (8)
        data[first : first + 16] = bytes(16)
        path.write_bytes(data)


MAKERS["text.h5"] = lambda path: path.write_text("no HDF5") and None  # type: ignore[func-returns-value]
MAKERS["signature-only.hdf5"] = lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n") and None  # type: ignore[func-returns-value]


# -- SavedModel ----------------------------------------------------------------------------------
def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*pairs: tuple[int, bytes | int | str]) -> bytes:
    """Protobuf by hand: numbers as varints, everything else with its length."""
    out = io.BytesIO()
    for number, value in pairs:
        if isinstance(value, int):
            out.write(varint(number << 3) + varint(value))
        else:
            raw = value.encode() if isinstance(value, str) else value
            out.write(varint(number << 3 | 2) + varint(len(raw)) + raw)
    return out.getvalue()


def node(name: str, op: str, *inputs: str, function: str | None = None) -> bytes:
    fields: list[tuple[int, Any]] = [(1, name), (2, op), *((3, one) for one in inputs)]
    if function is not None:
        fields.append((5, message((1, "f"), (2, message((10, message((1, function))))))))
    return message(*fields)


def function(name: str, *nodes: bytes, returns: str) -> bytes:
    signature = message((1, name), (2, message((1, "x"))), (3, message((1, "y"))))
    return message((1, signature), *((3, one) for one in nodes), (4, message((1, "y"), (2, returns))))


def saved_model(nodes: list[bytes], functions: list[bytes], output: str = "out:0") -> bytes:
    graph = message(*((1, one) for one in nodes), (2, message(*((1, one) for one in functions))))
    signature = message((2, message((1, "y"), (2, message((1, output))))))
    meta = message((2, graph), (5, message((1, "serving_default"), (2, signature))))
    return message((1, 1), (2, meta))


def _write_pb(content: bytes) -> Maker:
    def make(path: Path) -> None:
        path.mkdir()
        (path / "saved_model.pb").write_bytes(content)

    return make


def _doubling(levels: int) -> list[bytes]:
    """Each function calls the next twice: 2 ** levels calls."""
    made = []
    for level in range(levels):
        below = f"f{level + 1}"
        a, b = (
            node("a", "PartitionedCall", "x", function=below),
            node("b", "PartitionedCall", "x", function=below),
        )
        made.append(function(f"f{level}", a, b, node("s", "AddV2", "a:y:0", "b:y:0"), returns="s:z:0"))
    return [*made, function(f"f{levels}", node("i", "Identity", "x"), returns="i:output:0")]


def _sum_of_ports(levels: int) -> list[bytes]:
    """The sum of all outputs of one node, which says what shape each has."""
    shapes = message(*((7, message((2, message((1, 3))))) for _ in range(2**levels)))
    many = message((1, "many"), (2, "Own"), (5, message((1, "_output_shapes"), (2, message((1, shapes))))))
    row = [f"many:{port}" for port in range(2**levels)]
    made = [many]
    while len(row) > 1:
        names = [f"s{len(row)}_{at}" for at in range(0, len(row), 2)]
        pairs = zip(names, row[::2], row[1::2], strict=True)
        made += [node(name, "AddV2", left, right) for name, left, right in pairs]
        row = names
    return [*made, node("out", "Identity", *row)]


_CALL = [node("in", "Placeholder"), node("out", "PartitionedCall", "in", function="f0")]
_ROUND = function("f0", node("c", "PartitionedCall", "x", function="f0"), returns="c:y:0")
_SOFTMAX = saved_model([node("in", "Placeholder"), node("out", "Softmax", "in")], [])

for _name, _content in {
    "pb-empty": b"",
    "pb-truncated": _SOFTMAX[: len(_SOFTMAX) // 2],
    "pb-zeros": b"\0" * 1000,
    "pb-noise": random.Random(0).randbytes(20_000),
    "pb-text": b"node { name: 'out' }" * 100,
    "pb-huge-varint": b"\x08" + b"\xff" * 40,
    "pb-huge-length": b"\x12" + varint(2**62) + b"x" * 100,
    "pb-no-graph": message((1, 1)),
    "pb-no-signature": message((1, 1), (2, message((2, message((1, node("a", "Softmax"))))))),
    "pb-many-fields": b"\x08\x01" * 1_500_000,
}.items():
    MAKERS[_name] = _write_pb(_content)

UNDECIDED: dict[str, Maker] = {
    "pb-calls-itself": _write_pb(saved_model(_CALL, [_ROUND])),
    "pb-doubles": _write_pb(saved_model(_CALL, _doubling(40))),
    "pb-loop": _write_pb(saved_model([node("out", "Identity", "b"), node("b", "Identity", "out")], [])),
    "pb-long": _write_pb(
        saved_model(
            [
                node("n0", "Placeholder"),
                *(node(f"n{i}", "Identity", f"n{i - 1}") for i in range(1, 50_000)),
                node("out", "Identity", "n49999"),
            ],
            [],
        )
    ),
    "pb-many-outputs": _write_pb(saved_model(_sum_of_ports(12), [])),
    "pb-missing-function": _write_pb(saved_model(_CALL, [])),
    "nested-200.keras": lambda path: archive(
        path, good({**SEQUENTIAL, "config": {"layers": [nested(60, DENSE)]}})
    ),
    "layers-100k.keras": lambda path: archive(
        path, good({**SEQUENTIAL, "config": {"layers": [{"class_name": "Custom", "config": {}}] * 60_000}})
    ),
    "own-input.keras": lambda path: archive(
        path,
        good(
            {
                "class_name": "Functional",
                "config": {
                    "layers": [
                        {
                            "class_name": "Dropout",
                            "name": "a",
                            "config": {},
                            "inbound_nodes": [[["b", 0, 0, {}]]],
                        },
                        {
                            "class_name": "Dropout",
                            "name": "b",
                            "config": {},
                            "inbound_nodes": [[["a", 0, 0, {}]]],
                        },
                    ],
                    "input_layers": [],
                    "output_layers": [["a", 0, 0]],
                },
            }
        ),
    ),
}
"""Files that can be read, and whose outputs nobody can tell: no failure, and no endless walk."""


def make_all(folder: Path, makers: dict[str, Maker]) -> Iterator[Path]:
    for name, make in makers.items():
        make(folder / name)
        yield folder / name
