"""The pieces of the readers of saved models: wire format, nodes, values, unsafe parts, pairing."""

from __future__ import annotations

from typing import Any

import pytest
from hostile import message, varint

from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.ir import Location, Output, Scale
from fromlogits_audit.saved.compiling import Head, paired, sites, stored
from fromlogits_audit.saved.dtypes import compute_dtype
from fromlogits_audit.saved.graph import Walker
from fromlogits_audit.saved.indexing import index
from fromlogits_audit.saved.interface import parse_json
from fromlogits_audit.saved.nodes import Ref, calls_of, output_refs
from fromlogits_audit.saved.ops import HANDLERS
from fromlogits_audit.saved.protobuf import Message, fields
from fromlogits_audit.saved.protobuf import varint as read_varint
from fromlogits_audit.saved.unsafe import MAX_PARTS, unsafe_parts
from fromlogits_audit.saved.values import Tensor, dims, number


# -- protobuf ------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**63, 2**64 - 1])
def test_a_varint_is_read_back(value: int) -> None:
    assert read_varint(memoryview(varint(value) + b"rest"), 0) == (value, len(varint(value)))


def test_fields_are_read_by_number() -> None:
    raw = message((1, "name"), (3, 7), (2, message((1, 5))), (3, 9))
    found = Message(memoryview(raw))
    assert found.text(1) == "name"
    assert found.integers(3) == [7, 9]
    assert found.integer(3) == 9
    inner = found.one(2)
    assert inner is not None
    assert inner.integer(1) == 5
    assert (found.text(8), found.one(8), found.integer(8)) == ("", None, 0)


def test_a_negative_size_is_what_tensorflow_writes_for_unknown() -> None:
    assert Message(memoryview(message((1, 2**64 - 1)))).integer(1) == -1


@pytest.mark.parametrize(
    "raw",
    [b"\x08", b"\x0a\x05ab", b"\x0b", b"\x00\x01", b"\x08" + b"\xff" * 11, b"\x09\x01\x02", b"\x0f\x01"],
    ids=["no value", "too short", "group", "field 0", "65 bits", "short double", "kind 7"],
)
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableFile):
        list(fields(memoryview(raw)))


# -- JSON ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 401 + b"]" * 401, "levels deep"),
        (b"[" + b"{}," * 400_001 + b"1]", "lists and objects"),
        (b" " * (8 * 2**20 + 1), "larger than 8 MB"),
    ],
    ids=["broken", "bytes", "deep", "many", "large"],
)
def test_json_is_bounded(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        parse_json(raw, "config.json")


def test_brackets_in_strings_are_no_nesting() -> None:
    raw = b'["' + b"[" * 1000 + b'\\"' + b"[" * 1000 + b'"]'
    assert len(parse_json(raw, "config.json")[0]) == 2001


# -- values --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3.0, 3),
        (3.5, None),
        (True, None),
        ("3", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**40, None),
    ],
)
def test_a_size_is_a_whole_number(value: Any, expected: int | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([None, 3], (None, 3)),
        (4, (4,)),
        ({"class_name": "__tuple__", "items": [2, 3]}, (2, 3)),
        ("x", None),
        ([], ()),
    ],
)
def test_a_shape_is_read_in_every_form(value: Any, expected: Any) -> None:
    assert dims(value) == expected


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", "float32"),
        ("mixed_float16", "float16"),
        ({"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}, "bfloat16"),
        ({"class_name": "Policy", "config": {"name": "mixed_float16"}}, "float16"),
        ({"class_name": "Q", "config": {"name": "int8_from_mixed_bfloat16"}}, "bfloat16"),
        (None, "float32"),
        ([], "float32"),
    ],
)
def test_the_compute_dtype_is_read_off_every_policy(dtype: Any, expected: str) -> None:
    assert compute_dtype({"dtype": dtype}) == expected


# -- nodes ---------------------------------------------------------------------------------------
def tensor(*history: Any) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": list(history)}}


A, B = Ref("a"), Ref("b", 1)
NODES = [
    ("keras 3, one", {"args": [tensor("a", 0, 0)], "kwargs": {}}, (A,), {}),
    ("keras 3, list", {"args": [[tensor("a", 0, 0), tensor("b", 1, 0)]], "kwargs": {}}, ([A, B],), {}),
    (
        "keras 3, two",
        {"args": [tensor("a", 0, 0), 2.0], "kwargs": {"k": tensor("b", 1, 0)}},
        (A, 2.0),
        {"k": B},
    ),
    ("tf_keras, one", [["a", 0, 0, {}]], (A,), {}),
    ("tf_keras, list", [["a", 0, 0, {}], ["b", 1, 0, {}]], ([A, B],), {}),
    ("tf_keras, old", [["a", 0, 0]], (A,), {}),
    ("operation", ["a", 0, 0, {"y": 2.0, "name": None}], (A,), {"y": 2.0, "name": None}),
    ("operation on two", ["a", 0, 0, {"y": ["b", 1, 0]}], (A,), {"y": B}),
    ("constant first", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["b", 1, 0]}], (1.0,), {"y": B}),
    ("a list that is no tensor", ["a", 0, 0, {"axis": ["x", 0, 0]}], (A,), {"axis": ["x", 0, 0]}),
]


@pytest.mark.parametrize(
    ("node", "args", "keywords"), [row[1:] for row in NODES], ids=[row[0] for row in NODES]
)
def test_a_call_is_read_in_both_dialects(node: Any, args: Any, keywords: Any) -> None:
    (call,) = calls_of({"inbound_nodes": [node]}, frozenset("ab"))
    assert call.args == args
    assert dict(call.keywords) == keywords


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a", 0, 0], [(None, A)]),
        ([["a", 0, 0]], [(None, A)]),
        ([["a", 0, 0], ["b", 1, 0]], [(None, A), (None, B)]),
        ({"x": ["a", 0, 0], "y": ["b", 1, 0]}, [("x", A), ("y", B)]),
        (None, []),
    ],
)
def test_outputs_are_read_in_both_dialects(value: Any, expected: Any) -> None:
    assert output_refs(value) == expected


SLICE = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
INDEXED = [
    ({"class_name": "__tuple__", "items": [SLICE, 1]}, Scale.INDEPENDENT, (None,)),
    (
        [{"start": None, "stop": None, "step": None}, {"start": 0, "stop": 2, "step": None}],
        Scale.UNKNOWN,
        (None, 2),
    ),
    ([SLICE, None], Scale.PROBABILITIES, (None, 1, 4)),
    ([{"class_name": "__ellipsis__"}, 0], Scale.INDEPENDENT, (None,)),
    (0, Scale.PROBABILITIES, (4,)),
]


@pytest.mark.parametrize(("key", "scale", "shape"), INDEXED)
def test_an_index_takes_all_some_or_one_of_the_classes(key: Any, scale: Scale, shape: Any) -> None:
    before = Tensor(Scale.PROBABILITIES, "softmax", (None, 4))
    after = index(before, key, "here")
    assert (after.scale, after.shape) == (scale, shape)


# -- models --------------------------------------------------------------------------------------
def dense(name: str, *nodes: Any, **config: Any) -> dict[str, Any]:
    return {
        "class_name": "Dense",
        "name": name,
        "config": {"name": name, "units": 3, **config},
        "inbound_nodes": list(nodes),
    }


def test_a_nested_model_of_tf_keras_counts_its_calls_from_one() -> None:
    inner = {
        "class_name": "Sequential",
        "name": "inner",
        "config": {"layers": [dense("d", activation="softmax")]},
        "inbound_nodes": [[["x", 0, 0, {}]], [["y", 0, 0, {}]]],
    }
    entry = {
        "class_name": "Functional",
        "config": {
            "layers": [
                {"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [None, 5]}},
                {"class_name": "InputLayer", "name": "y", "config": {"batch_input_shape": [None, 6, 5]}},
                inner,
            ],
            "input_layers": [["x", 0, 0], ["y", 0, 0]],
            "output_layers": [["inner", 1, 0], ["inner", 2, 0]],
        },
    }
    first, second = Walker().outputs(entry)
    assert (first.tensor.shape, second.tensor.shape) == ((None, 3), (None, 6, 3))


def test_keras_2_0_wrote_a_sequential_as_a_list() -> None:
    (one,) = Walker().outputs({"class_name": "Sequential", "config": [dense("d", activation="sigmoid")]})
    assert one.tensor.scale is Scale.INDEPENDENT


OWN = [
    (
        "registered under Keras's name",
        {"module": None, "class_name": "Dense", "registered_name": "mine>Dense"},
    ),
    ("imported", {"module": "my.layers", "class_name": "Dense", "registered_name": "Dense"}),
    ("registered, in HDF5", {"class_name": "mine>Dense"}),
    ("unknown, in HDF5", {"class_name": "MyDense"}),
]


@pytest.mark.parametrize("entry", [row[1] for row in OWN], ids=[row[0] for row in OWN])
def test_a_class_of_the_project_is_not_taken_for_keras_s(entry: dict[str, Any]) -> None:
    layer = {**entry, "config": {"name": "d", "units": 3, "activation": "softmax"}}
    (one,) = Walker().outputs({"class_name": "Sequential", "config": {"layers": [layer]}})
    assert one.tensor.scale is Scale.UNKNOWN


# -- unsafe parts --------------------------------------------------------------------------------
CODE = "4wIAAAAA"
UNSAFE = [
    ("keras 3 lambda", {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}, "marshalled"),
    (
        "tf_keras Lambda",
        {
            "class_name": "Lambda",
            "config": {"name": "l", "function": [CODE, None, None], "function_type": "lambda"},
        },
        "Lambda 'l': holds marshalled",
    ),
    (
        "Lambda of a function",
        {
            "class_name": "Lambda",
            "config": {"name": "l", "function": "my_function", "function_type": "function"},
        },
        "calls the function 'my_function'",
    ),
    ("activation as code", {"activation": {"value": [CODE, None, None]}}, "marshalled"),
    ("torch", {"class_name": "TorchModuleWrapper", "config": {"name": "t"}}, "pickled"),
    ("import", {"class_name": "function", "module": "os", "config": "system"}, "imports os"),
    ("class of a module", {"class_name": "Mine", "module": "my.package", "config": {}}, "imports my.package"),
    ("download", {"class_name": "function", "module": "keras.utils", "config": "get_file"}, "get_file"),
    (
        "other model",
        {"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/x"}},
        "path",
    ),
]
SAFE = [
    {"class_name": "Dense", "module": "keras.layers", "config": {"activation": "softmax"}},
    {"class_name": "function", "module": "builtins", "config": "softmax"},
    {"class_name": "Mine", "module": None, "registered_name": "pkg>Mine", "config": {}},
    {"class_name": "Softmax", "module": "keras.src.ops.nn", "config": {}},
    {
        "class_name": "Lambda",
        "config": {
            "name": "l",
            "function": {"class_name": "function", "module": "builtins", "config": "softmax"},
        },
    },
    {"class_name": "Adam", "module": "keras.optimizers", "config": {"learning_rate": 0.1}},
    {"class_name": 5, "module": [], "config": {"value": [1, 2, 3]}},
    {"class_name": "MultiHeadAttention", "inbound_nodes": [[["x", 0, 0, {"value": ["embedding", 0, 0]}]]]},
]


@pytest.mark.parametrize(("part", "told"), [row[1:] for row in UNSAFE], ids=[row[0] for row in UNSAFE])
def test_what_would_run_code_is_named(part: Any, told: str) -> None:
    (found,) = unsafe_parts({"config": {"layers": [part]}})
    assert told in found


@pytest.mark.parametrize("part", SAFE)
def test_what_keras_builds_from_data_is_safe(part: Any) -> None:
    assert unsafe_parts([part]) == ()


def test_only_so_many_parts_are_named() -> None:
    layers = [
        {"class_name": "Lambda", "config": {"name": f"l{n}", "function": [CODE, None, None]}}
        for n in range(99)
    ]
    assert len(unsafe_parts(layers)) == MAX_PARTS


# -- losses --------------------------------------------------------------------------------------
ONE = [Head(Output(Scale.LOGITS, "linear", 1), ("out",))]
TWO = [Head(Output(Scale.LOGITS, "linear", 3, name), (name,)) for name in ("a", "b")]


def loss(name: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.losses", "class_name": name, "config": config, "registered_name": None}


READ = [
    ("inferred of one unit", "crossentropy", ("BinaryCrossentropy", False, None)),
    ("flag", loss("BinaryCrossentropy", from_logits=True), ("BinaryCrossentropy", True, None)),
    ("flag left out", loss("BinaryCrossentropy"), ("BinaryCrossentropy", False, None)),
    (
        "flag that is no bool",
        loss("BinaryCrossentropy", from_logits="false"),
        ("BinaryCrossentropy", True, "from_logits='false' is no bool and is taken as True"),
    ),
    (
        "wrapped function",
        {"class_name": "LossFunctionWrapper", "config": {"fn": "binary_crossentropy"}},
        ("BinaryCrossentropy", False, None),
    ),
    (
        "registered under Keras's name",
        {
            **loss("BinaryCrossentropy", from_logits=True),
            "module": None,
            "registered_name": "me>BinaryCrossentropy",
        },
        ("custom:BinaryCrossentropy", None, None),
    ),
    (
        "function of a module",
        {"module": "my.losses", "class_name": "function", "config": "binary_crossentropy"},
        ("custom:binary_crossentropy", None, None),
    ),
    ("a number", 5, ("custom:unknown", None, None)),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_a_serialised_loss_is_read(value: Any, expected: Any) -> None:
    ((_, found),) = paired(value, ONE)
    assert (found.name, found.from_logits, found.misuse) == expected


PAIRED = [
    ("by position", ["mse", "mae"], [("a", "MeanSquaredError"), ("b", "MeanAbsoluteError")]),
    ("nested", [["mse"], ["mae"]], [("a", "MeanSquaredError"), ("b", "MeanAbsoluteError")]),
    ("by name", {"b": "mse"}, [("b", "MeanSquaredError")]),
    ("one for all", "mse", [("a", "MeanSquaredError"), ("b", "MeanSquaredError")]),
    (
        "a name that no output has",
        {"a": "mse", "c": "mae"},
        [("a", "MeanSquaredError"), ("c", "MeanAbsoluteError")],
    ),
    ("none", None, []),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in PAIRED], ids=[row[0] for row in PAIRED])
def test_losses_are_paired_with_two_outputs(value: Any, expected: Any) -> None:
    assert [(head.output.name, found.name) for head, found in paired(value, TWO)] == expected


METRICS = [
    ("accuracy of one unit", ["accuracy"], [("BinaryAccuracy", 0.5, None)]),
    ("object", [{"class_name": "AUC", "config": {"from_logits": True}}], [("AUC", None, True)]),
    (
        "thresholds",
        [{"class_name": "Precision", "config": {"thresholds": [0.0]}}],
        [("Precision", 0.0, None)],
    ),
    (
        "resolved by tf_keras",
        [[{"class_name": "MeanMetricWrapper", "config": {"fn": "binary_accuracy", "name": "accuracy"}}]],
        [("BinaryAccuracy", 0.5, None)],
    ),
    ("mean metrics ask nothing", ["mae", "mse"], []),
    (
        "own",
        [{"module": None, "class_name": "Mine", "config": {}, "registered_name": "x>Mine"}, "my_metric"],
        [],
    ),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in METRICS], ids=[row[0] for row in METRICS])
def test_metrics_that_ask_for_a_scale_are_sites(value: Any, expected: Any) -> None:
    config = {"loss": loss("BinaryCrossentropy", from_logits=True), "metrics": value}
    found = [site.metric for site in sites(stored(config), ONE, Location("m")) if site.metric is not None]
    assert [(one.name, one.threshold, one.from_logits) for one in found] == expected


def test_a_metric_without_a_loss_of_keras_is_no_site() -> None:
    config = {"loss": "my_loss", "metrics": ["accuracy"]}
    assert [site.kind.value for site in sites(stored(config), ONE, Location("m"))] == ["loss"]


def test_every_effect_of_an_operation_is_known_in_graphs() -> None:
    """The rows of the catalogue serve the scan and saved models alike."""
    assert set(HANDLERS) == set(OpEffect)
