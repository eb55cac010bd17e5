"""The catalogue against the installed Keras 3, tf_keras, TensorFlow, NumPy and JAX.

Every public name must have a row, and every row must say what the package says: names and
order of parameters, literal defaults, strings, and the range of each activation. Where tf_keras
differs from Keras 3 the row holds Keras 3's, and the difference is named in a table here.
"""

from __future__ import annotations

import importlib
import inspect
import operator
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import pytest

from fromlogits_audit.catalogue import losses, metrics
from fromlogits_audit.catalogue.activations import (
    ACTIVATIONS,
    activation_function,
    activation_layer,
    activation_string,
)
from fromlogits_audit.catalogue.applications import APPLICATIONS, application
from fromlogits_audit.catalogue.interface import (
    ActivationSpec,
    Effect,
    LayerSpec,
    LossSpec,
    OpEffect,
    Parameters,
    Shape,
)
from fromlogits_audit.catalogue.layers import (
    FUNCTIONAL_LAYERS,
    LAYERS,
    MERGE_FUNCTIONS,
    functional_layer,
    layer_class,
    may_derive,
    merge_function,
    parameter_name,
)
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.catalogue.ops import comparison, method, op
from fromlogits_audit.catalogue.ops_rows import OP_ROWS
from fromlogits_audit.catalogue.rows import params
from fromlogits_audit.catalogue.third_party import HEADS, head
from fromlogits_audit.ir import Family, Scale

# Nothing that computes: bases to derive from, and (de)serialisers.
NOT_LAYERS = {"Layer", "InputSpec"}
NOT_LOSSES = {"Loss", "Reduction"}
NOT_METRICS = {"Metric", "MeanMetricWrapper"}
NOT_FUNCTIONS = {"deserialize", "get", "serialize", "Input"}

# tf_keras has other parameters, another order or other defaults than the row.
TF_KERAS_LAYERS_DIFFER = {
    "AdditiveAttention",
    "Attention",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "CenterCrop",
    "Conv1D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution3DTranspose",
    "Dense",
    "Discretization",
    "EinsumDense",
    "Embedding",
    "GRU",
    "GRUCell",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "HashedCrossing",
    "Identity",
    "InputLayer",
    "IntegerLookup",
    "LSTM",
    "LSTMCell",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MultiHeadAttention",
    "PReLU",
    "RNN",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StringLookup",
    "TextVectorization",
    "ZeroPadding1D",
    "ZeroPadding3D",
}
# Exported by Keras 2 too; ``dot`` was ``dot(inputs, axes, normalize=False)`` there.
TF_KERAS_MERGES_DIFFER = {"dot"}
TF_KERAS_METRICS_DIFFER = {"KLDivergence", "SparseTopKCategoricalAccuracy"}
TF_KERAS_FUNCTIONS_DIFFER = {"sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy"}
# Rows for what only Keras 1 and 2 had.
LEGACY_LAYERS = {
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "Deconvolution2D",
    "Deconvolution3D",
    "SyncBatchNormalization",
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "CuDNNLSTM",
    "CuDNNGRU",
    "MaxoutDense",
    "Highway",
    "TimeDistributedDense",
    "RandomFourierFeatures",
    "Merge",
}
LEGACY_LOSS_FUNCTIONS = {"cosine_proximity", "cosine", "softmax_cross_entropy_with_logits_v2"}


def literal(value: object) -> bool:
    """Whether a default is of the kind that the catalogue holds."""
    flat = value if isinstance(value, tuple) else (value,)
    return all(item is None or isinstance(item, str | int | float | bool) for item in flat)


def signature(thing: Callable[..., Any]) -> Parameters:
    """Positional parameters of a class's constructor or of a function, with literal defaults."""
    target = thing.__init__ if inspect.isclass(thing) else thing  # type: ignore[misc]
    found = [
        parameter
        for parameter in inspect.signature(target).parameters.values()
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
        and parameter.name != "self"
    ]
    defaults = tuple((p.name, p.default) for p in found if p.default is not p.empty and literal(p.default))
    return Parameters(tuple(p.name for p in found), defaults)


def difference(row: Parameters, thing: Callable[..., Any]) -> str:
    """What a row says otherwise than the package, in words; empty where they agree."""
    real = signature(thing)
    if row.names != real.names:
        return f"names {row.names} != {real.names}"
    stated = dict(row.defaults)
    wrong = {
        name: (stated.get(name, "missing"), value)
        for name, value in real.defaults
        if stated.get(name, "missing") != value
    }
    return f"defaults {wrong}" if wrong else ""


def public(module: ModuleType, keep: Callable[[object], bool]) -> dict[str, Any]:
    """The public classes or functions of a module, by name."""
    names = [name for name in dir(module) if not name.startswith("_")]
    return {name: getattr(module, name) for name in names if keep(getattr(module, name))}


def function(thing: object) -> bool:
    return callable(thing) and not inspect.isclass(thing)


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    return importlib.import_module("keras")


@pytest.fixture(scope="module")
def tf() -> ModuleType:
    return importlib.import_module("tensorflow")


@pytest.fixture(scope="module")
def tf_keras() -> Any:
    return pytest.importorskip("tf_keras")


class TestSignatureNotation:
    def test_a_signature_is_parsed_into_names_and_literals(self) -> None:
        parsed = params("a, b=1, c='x', d=(1,2), e=None, f=..., g=0.5")
        assert parsed.names == ("a", "b", "c", "d", "e", "f", "g")
        assert dict(parsed.defaults) == {"b": 1, "c": "x", "d": (1, 2), "e": None, "g": 0.5}

    def test_an_empty_signature_has_no_parameters(self) -> None:
        assert params("") == Parameters(())


class TestLosses:
    def test_every_class_of_keras_3_has_its_row(self, keras: ModuleType) -> None:
        found = public(keras.losses, inspect.isclass)
        rows = {name: losses.loss_class(f"keras.losses.{name}") for name in found.keys() - NOT_LOSSES}
        assert {name for name, row in rows.items() if row is None} == set()
        assert {spec.name for spec in losses.LOSSES} == rows.keys()
        wrong = {name: difference(row.parameters, found[name]) for name, row in rows.items() if row}
        assert {name: text for name, text in wrong.items() if text} == {}

    def test_from_logits_stands_in_the_same_place_in_tf_keras(self, tf_keras: Any) -> None:
        found = public(tf_keras.losses, inspect.isclass)
        for name in sorted(found.keys() - NOT_LOSSES):
            row = losses.loss_class(f"keras.losses.{name}")
            assert row is not None, name
            real = signature(found[name])
            assert row.has_flag == ("from_logits" in real.names), name
            if row.has_flag:
                assert row.parameters.names.index("from_logits") == real.names.index("from_logits"), name
                assert dict(real.defaults)["from_logits"] is row.parameters.default("from_logits") is False

    @pytest.mark.parametrize("module", ["losses", "metrics"])
    def test_every_loss_function_of_keras_3_has_its_row(self, keras: ModuleType, module: str) -> None:
        found = public(keras.losses, function)
        for name in sorted(found.keys() - NOT_FUNCTIONS):
            row = losses.loss_function(f"keras.{module}.{name}")
            assert row is not None, name
            assert difference(row.parameters, found[name]) == "", name
            assert row.has_flag == row.loss.has_flag, name

    def test_every_loss_function_of_tf_keras_has_its_row(self, tf_keras: Any) -> None:
        found = public(tf_keras.losses, function)
        rows = {name: losses.loss_function(f"keras.losses.{name}") for name in found.keys() - NOT_FUNCTIONS}
        assert {name for name, row in rows.items() if row is None} == set()
        differ = {name for name, row in rows.items() if row and difference(row.parameters, found[name])}
        assert differ == TF_KERAS_FUNCTIONS_DIFFER & rows.keys()

    @pytest.mark.parametrize(
        "spec", [s for s in losses.LOSS_FUNCTIONS if s.name.startswith(("keras.ops.", "keras.backend."))]
    )
    def test_backend_functions_agree(self, keras: ModuleType, tf_keras: Any, spec: Any) -> None:
        root = keras if spec.name.startswith("keras.ops.") else tf_keras
        module, name = spec.name.split(".")[1:]
        row, real = spec.parameters, signature(getattr(getattr(root, module), name))
        # tf_keras's sparse form takes ``ignore_class`` at the end.
        assert real.names[: len(row.names)] == row.names
        assert dict(row.defaults).items() <= dict(real.defaults).items()
        assert {spec.labels, spec.predictions} <= set(row.names)

    def test_no_crossentropy_of_the_backends_is_missing(self, keras: ModuleType, tf_keras: Any) -> None:
        for prefix, module in (("keras.ops.", keras.ops), ("keras.backend.", tf_keras.backend)):
            for name in public(module, function):
                if "crossentropy" in name:
                    assert losses.loss_function(prefix + name) is not None, prefix + name

    @pytest.mark.parametrize("spec", [s for s in losses.LOSS_FUNCTIONS if s.name.startswith("tf.")])
    def test_functions_of_tensorflow_agree(self, tf: ModuleType, spec: Any) -> None:
        path = spec.name.split(".")[1:]
        target: Any = tf if path[0] == "compat" or path[-1] not in LEGACY_LOSS_FUNCTIONS else tf.compat.v1
        for part in path:
            target = getattr(target, part)
        if path[-1] not in LEGACY_LOSS_FUNCTIONS:  # that one has a decorated signature
            assert difference(spec.parameters, target) == ""
        assert {spec.labels, spec.predictions} <= set(spec.parameters.names)

    def test_no_loss_of_tensorflow_is_missing(self, tf: ModuleType) -> None:
        plain = {n for n in dir(tf.nn) if n.endswith("_with_logits")}
        assert {n for n in plain if losses.loss_function(f"tf.nn.{n}") is None} == set()
        old = set(public(tf.compat.v1.losses, function))
        bookkeeping = {n for n in old if n.startswith("get_")} | {"add_loss", "compute_weighted_loss"}
        unknown = {n for n in old if losses.loss_function(f"tf.compat.v1.losses.{n}") is None}
        assert unknown == bookkeeping

    def test_every_string_of_keras_3_resolves_to_the_same_loss(self, keras: ModuleType) -> None:
        table = importlib.import_module("keras.src.losses").ALL_OBJECTS_DICT
        for alias, target in sorted(table.items()):
            if alias in {"Loss", "LossFunctionWrapper"}:
                continue
            spec = losses.loss_string(alias)
            assert spec is not None, alias
            assert self._names(spec, target.__name__), alias

    @pytest.mark.parametrize("spec", losses.LOSSES, ids=lambda spec: spec.name)
    def test_every_string_is_known_to_one_of_the_packages(
        self, keras: ModuleType, tf_keras: Any, spec: LossSpec
    ) -> None:
        for alias in spec.strings:
            found = [self._get(package, alias) for package in (keras, tf_keras)]
            names = [getattr(f, "__name__", type(f).__name__) for f in found if f is not None]
            assert names, alias
            assert all(self._names(spec, name) for name in names), alias

    @staticmethod
    def _get(package: Any, alias: str) -> object:
        try:
            return package.losses.get(alias)  # type: ignore[no-any-return]
        except ValueError:
            return None

    @staticmethod
    def _names(spec: LossSpec, name: str) -> bool:
        row = losses.loss_function(f"keras.losses.{name}")
        return name == spec.name or (row is not None and row.loss is spec)

    def test_a_string_with_other_case_is_no_loss(self) -> None:
        assert losses.loss_string("Binary_Crossentropy") is None
        assert losses.loss_string("CategoricalGeneralizedCrossEntropy") is None

    @pytest.mark.parametrize(("alias", "expected"), [("ce", True), ("CrossEntropy", True), ("bce", False)])
    def test_inferred_strings(self, alias: str, expected: bool) -> None:
        assert losses.inferred_string(alias) is expected

    @pytest.mark.parametrize(
        ("name", "always", "family"),
        [
            ("tf.nn.softmax_cross_entropy_with_logits", True, Family.CATEGORICAL),
            ("tf.nn.sigmoid_cross_entropy_with_logits", True, Family.BINARY),
            ("tf.compat.v1.losses.log_loss", False, Family.PROBABILITY),
            ("tf.compat.v1.losses.hinge_loss", False, Family.ANY),
            ("tf.nn.ctc_loss", False, Family.ANY),
            ("keras.backend.ctc_batch_cost", False, Family.PROBABILITY),
        ],
    )
    def test_the_flag_in_the_name(self, name: str, always: bool, family: Family) -> None:
        spec = losses.loss_function(name)
        assert spec is not None
        assert (spec.always_logits, spec.loss.family, spec.has_flag) == (always, family, False)


class TestMetrics:
    def test_every_class_of_keras_3_has_its_row(self, keras: ModuleType) -> None:
        found = public(keras.metrics, inspect.isclass)
        for name in sorted(found.keys() - NOT_METRICS):
            row = metrics.metric_class(f"keras.metrics.{name}")
            assert row is not None, name
            assert row.source == found[name].__module__, name
            assert difference(row.parameters, found[name]) == "", name

    def test_every_class_of_tf_keras_has_its_row(self, tf_keras: Any) -> None:
        found = public(tf_keras.metrics, inspect.isclass)
        rows = {n: metrics.metric_class(f"keras.metrics.{n}") for n in found.keys() - NOT_METRICS}
        assert {name for name, row in rows.items() if row is None} == set()
        differ = {name for name, row in rows.items() if row and difference(row.parameters, found[name])}
        assert differ == TF_KERAS_METRICS_DIFFER

    def test_every_row_is_in_one_of_the_packages(self, keras: ModuleType, tf_keras: Any) -> None:
        for spec in metrics.METRICS:
            assert hasattr(keras.metrics, spec.name) or hasattr(tf_keras.metrics, spec.name), spec.name

    def test_every_function_has_its_row(self, keras: ModuleType, tf_keras: Any) -> None:
        for package in (keras, tf_keras):
            for name, thing in public(package.metrics, function).items():
                if name in NOT_FUNCTIONS:
                    continue
                row = metrics.metric_function(f"keras.metrics.{name}")
                plain = losses.loss_function(f"keras.metrics.{name}")
                stated = row.function if row else plain.parameters if plain else None
                assert stated is not None, name
                if package is keras or name not in TF_KERAS_FUNCTIONS_DIFFER:
                    assert difference(stated, thing) == "", name

    def test_every_string_of_keras_3_resolves_to_the_same_metric(self, keras: ModuleType) -> None:
        table = importlib.import_module("keras.src.metrics").ALL_OBJECTS_DICT
        for alias, target in sorted(table.items()):
            if target.__name__ in NOT_METRICS:
                continue
            spec = metrics.metric_string(alias)
            assert spec is not None and spec.name == target.__name__, alias

    @pytest.mark.parametrize("spec", metrics.METRICS, ids=lambda spec: spec.name)
    def test_thresholds_and_flags_are_parameters_with_the_stated_default(self, spec: Any) -> None:
        names = spec.parameters.names
        assert spec.threshold is None or spec.threshold in names
        has_cut = any(name in {"threshold", "thresholds", "num_thresholds"} for name in names)
        assert has_cut == (spec.family is Family.THRESHOLD)
        assert ("from_logits" in names) == (
            spec.name == "AUC" or spec.family in {Family.CATEGORICAL, Family.BINARY}
        )

    @pytest.mark.parametrize(
        ("name", "cut", "argmax"),
        [
            ("BinaryAccuracy", 0.5, False),
            ("Precision", 0.5, False),
            ("F1Score", None, True),
            ("AUC", None, False),
            ("PrecisionAtRecall", None, False),
            ("CategoricalAccuracy", None, False),
        ],
    )
    def test_cuts(self, name: str, cut: float | None, argmax: bool) -> None:
        spec = metrics.metric_class(f"keras.metrics.{name}")
        assert spec is not None
        assert (spec.default_threshold, metrics.is_argmax(spec)) == (cut, argmax)

    def test_f1_with_a_threshold_is_no_argmax(self) -> None:
        spec = metrics.metric_class("keras.metrics.F1Score")
        assert spec is not None and not metrics.is_argmax(spec, 0.5)

    @pytest.mark.parametrize(("alias", "expected"), [("acc", True), ("Accuracy", True), ("auc", False)])
    def test_accuracy_strings(self, alias: str, expected: bool) -> None:
        assert metrics.is_accuracy_string(alias) is expected


class TestActivations:
    def test_every_function_of_both_packages_has_its_row(self, keras: ModuleType, tf_keras: Any) -> None:
        for package in (keras, tf_keras):
            names = public(package.activations, function).keys() - NOT_FUNCTIONS
            assert {n for n in names if activation_function(f"keras.activations.{n}") is None} == set()

    def test_every_string_resolves_to_the_same_activation(self, keras: ModuleType) -> None:
        table = importlib.import_module("keras.src.activations").ALL_OBJECTS_DICT
        for alias, target in sorted(table.items()):
            spec = activation_string(alias)
            assert spec is not None, alias
            assert activation_function(f"keras.activations.{target.__name__}") is spec, alias

    def test_every_layer_that_is_an_activation_has_its_row(self) -> None:
        named = {s.name: s.activation for s in LAYERS if s.effect is Effect.ACTIVATION and not s.units}
        for name, activation in named.items():
            if name == "keras.layers.Activation":
                continue
            spec = activation_layer(name)
            assert spec is not None and spec.name == activation, name

    @pytest.mark.parametrize("name", sorted({name for spec in ACTIVATIONS for name in spec.functions}))
    def test_every_function_exists(self, keras: ModuleType, tf_keras: Any, tf: ModuleType, name: str) -> None:
        assert resolve(name, keras, tf_keras, tf) is not None

    @pytest.mark.parametrize("spec", ACTIVATIONS, ids=lambda spec: spec.name)
    def test_the_measured_range_fits_the_scale(self, keras: ModuleType, spec: ActivationSpec) -> None:
        import numpy as np

        if spec.scale is Scale.UNKNOWN:
            assert spec.name == "threshold"  # its range depends on its arguments
            return
        noise = np.random.default_rng(0).normal(0.0, 30.0, (400, 8)).astype("float32")
        if spec.name == "prelu":
            layer = keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))
            measured = np.asarray(layer(noise))
        else:
            measured = np.asarray(keras.activations.get(spec.name)(noise))
        assert fits(spec, float(measured.min()), float(measured.max()), measured.sum(axis=-1))


def fits(spec: ActivationSpec, low: float, high: float, sums: Any) -> bool:
    """Whether a measured range is what the scale of the row promises."""
    unit = low >= 0.0 and high <= 1.0 + 1e-6
    normalised = bool(abs(sums - 1.0).max() < 1e-4)
    return {
        Scale.LOGITS: low < -10.0 and high > 10.0,
        # Keras 3.15's sparsemax neither sums to one nor stays under it, though it is meant to.
        Scale.PROBABILITIES: (unit and normalised) or (spec.name == "sparsemax" and low >= 0.0),
        Scale.INDEPENDENT: unit and not normalised,
        Scale.LOG_PROBABILITIES: high <= 0.0 and low < -10.0,
        Scale.BOUNDED: -1.0 <= low < -0.5 and 0.5 < high <= 1.0,
        Scale.NON_NEGATIVE: low > -2.0 and high > 1.0,
    }[spec.scale]


def resolve(name: str, keras: Any, tf_keras: Any, tf: Any) -> Any:
    """The object a canonical name stands for, in whichever package has it; None where none does."""
    root, _, rest = name.partition(".")
    roots = {"keras": [keras, tf_keras], "tf": [tf, tf.compat.v1]}.get(root)
    if roots is None:
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last, None)
    for target in roots:
        for part in rest.split("."):
            target = getattr(target, part, None)
        if target is not None:
            return target
    return None


class TestLayers:
    def test_every_class_of_keras_3_has_its_row(self, keras: ModuleType) -> None:
        found = public(keras.layers, inspect.isclass)
        for name in sorted(found.keys() - NOT_LAYERS):
            row = layer_class(f"keras.layers.{name}")
            assert row is not None, name
            assert row.source == found[name].__module__, name
            assert difference(row.parameters, found[name]) == "", name

    def test_every_class_of_tf_keras_has_its_row(self, tf_keras: Any) -> None:
        found = public(tf_keras.layers, inspect.isclass)
        rows = {n: layer_class(f"keras.layers.{n}") for n in found.keys() - NOT_LAYERS}
        assert {name for name, row in rows.items() if row is None} == set()
        differ = {name for name, row in rows.items() if row and difference(row.parameters, found[name])}
        assert differ == TF_KERAS_LAYERS_DIFFER

    @pytest.mark.parametrize("package", ["keras", "tf_keras"])
    def test_layers_that_derive_from_one_another_are_kin(self, package: str) -> None:
        module = pytest.importorskip(package)
        known = [(spec, getattr(module.layers, spec.name.rpartition(".")[2], None)) for spec in LAYERS]
        classes = [(spec.name, cls) for spec, cls in known if cls is not None]
        derived = {(a, b) for a, cls in classes for b, base in classes if issubclass(cls, base)}
        assert len(derived) > len(classes) > 100
        assert {pair for pair in derived if not may_derive(*pair)} == set()

    def test_units_and_activation_stand_in_the_same_place_in_tf_keras(self, tf_keras: Any) -> None:
        moved = set()
        for name, thing in public(tf_keras.layers, inspect.isclass).items():
            row = layer_class(f"keras.layers.{name}")
            names = signature(thing).names
            for parameter in (row.units, row.activation) if row else ():
                if parameter in names and names.index(parameter) != row.parameters.names.index(parameter):
                    moved.add(name)
        assert moved == set()

    @pytest.mark.parametrize("package", ["keras", "tf_keras"])
    def test_layers_have_an_activation_where_they_take_one(self, package: str) -> None:
        """The interpreter answers ``hasattr(layer, "activation")`` so."""
        layers = pytest.importorskip(package).layers
        for spec in LAYERS:
            cls = getattr(layers, spec.name.rpartition(".")[2], None)
            if cls is None or not spec.name.startswith("keras.layers."):
                continue
            own = [base for base in cls.__mro__ if base.__module__.startswith(f"{package}.src.layers.")]
            makers = [vars(base)["__init__"] for base in own if "__init__" in vars(base)]
            sets = any("self.activation =" in inspect.getsource(make) for make in makers)
            has = sets or hasattr(cls, "activation")
            assert has == ("activation" in spec.parameters.names), spec.name

    def test_every_row_is_in_one_of_the_packages(self, keras: ModuleType, tf_keras: Any) -> None:
        names = {n.rpartition(".")[2] for spec in LAYERS for n in (spec.name, *spec.aliases)}
        missing = {n for n in names if not hasattr(keras.layers, n) and not hasattr(tf_keras.layers, n)}
        assert missing == LEGACY_LAYERS

    @pytest.mark.parametrize("spec", [*LAYERS, *FUNCTIONAL_LAYERS], ids=lambda spec: spec.name)
    def test_a_row_is_consistent(self, spec: LayerSpec) -> None:
        names = spec.parameters.names
        assert spec.units is None or spec.units in names
        if spec.effect is Effect.WEIGHTED and spec.activation:
            assert spec.activation in names
        assert len(set(names)) == len(names)
        assert spec.shape is not Shape.UNITS or spec.units
        assert canonical(spec.name) == spec.name

    def test_no_name_has_two_rows(self) -> None:
        names = [n for spec in LAYERS for n in (spec.name, *spec.aliases)]
        assert sorted(names) == sorted(set(names))

    def test_merge_functions_agree(self, keras: ModuleType, tf_keras: Any) -> None:
        found = public(keras.layers, function)
        assert found.keys() - NOT_FUNCTIONS == {s.name.rpartition(".")[2] for s in MERGE_FUNCTIONS} - {
            "merge"
        }
        for name in sorted(found.keys() - NOT_FUNCTIONS):
            row = merge_function(f"keras.layers.{name}")
            assert row is not None and difference(row.parameters, found[name]) == "", name
            same = difference(row.parameters, getattr(tf_keras.layers, name)) == ""
            assert same == (name not in TF_KERAS_MERGES_DIFFER), name

    def test_functional_layers_of_tensorflow_1_agree(self, tf_keras: Any) -> None:
        found: dict[str, Any] = {}
        for module in ("core", "convolutional", "pooling", "normalization"):
            place = importlib.import_module(f"tf_keras.src.legacy_tf_layers.{module}")
            found |= {n: f for n, f in public(place, inspect.isfunction).items() if n.islower()}
        rows = {s.name.rpartition(".")[2]: s for s in FUNCTIONAL_LAYERS if ".contrib." not in s.name}
        assert rows.keys() <= found.keys()
        for name, row in rows.items():
            assert difference(row.parameters, found[name]) == "", name
            assert row.parameters.names[0] == "inputs"

    @pytest.mark.parametrize(
        ("layer", "keyword", "expected"),
        [
            ("Dense", "output_dim", "units"),
            ("Embedding", "output_dim", "output_dim"),
            ("Convolution2D", "nb_filter", "filters"),
            ("Dense", "activation", "activation"),
            ("Dense", "name", "name"),
        ],
    )
    def test_keras_1_keywords(self, layer: str, keyword: str, expected: str) -> None:
        spec = layer_class(f"keras.layers.{layer}")
        assert spec is not None and parameter_name(spec, keyword) == expected

    def test_contrib_is_reached_through_slim(self) -> None:
        assert functional_layer("tf.contrib.slim.conv2d") is functional_layer("tf.contrib.layers.conv2d")

    @pytest.mark.parametrize("name", ["AveragePooling1D", "Cropping1D", "Dropout", "RepeatVector", "Masking"])
    def test_layers_that_keep_keep_sums(self, keras: ModuleType, name: str) -> None:
        import numpy as np

        arguments: dict[str, Iterable[Any]] = {
            "AveragePooling1D": (2,),
            "Dropout": (0.3,),
            "RepeatVector": (3,),
        }
        shape = (2, 4) if name == "RepeatVector" else (2, 6, 4)
        rows = np.random.default_rng(0).dirichlet(np.ones(4), shape[:-1]).astype("float32")
        kept = np.asarray(getattr(keras.layers, name)(*arguments.get(name, ()))(rows))
        spec = layer_class(f"keras.layers.{name}")
        assert spec is not None and spec.effect is Effect.KEEP
        assert abs(kept.sum(axis=-1) - 1.0).max() < 1e-5


class TestOps:
    @pytest.mark.parametrize("row", OP_ROWS, ids=lambda row: row[0])
    def test_every_name_exists_and_takes_these_parameters(
        self, keras: ModuleType, tf_keras: Any, tf: ModuleType, row: tuple[str, OpEffect, str, str]
    ) -> None:
        for name in (row[0], *row[3].split()):
            thing = resolve(name, keras, tf_keras, tf)
            assert thing is not None, name
            spec = op(name)
            assert spec is not None and spec.effect is row[1], name
            try:
                real = signature(thing).names
            except (TypeError, ValueError):
                continue  # a compiled NumPy function that tells no signature
            assert real[: len(spec.parameters.names)] == spec.parameters.names or not real, name

    def test_no_name_has_two_rows(self) -> None:
        names = [name for row in OP_ROWS for name in (row[0], *row[3].split())]
        assert sorted(names) == sorted(set(names))

    def test_every_name_of_a_function_in_tensorflow_is_known_where_one_is(self, tf: ModuleType) -> None:
        names: dict[int, set[str]] = {}
        for where in ("", ".math", ".nn", ".linalg", ".dtypes", ".random"):
            module = operator.attrgetter(where[1:])(tf) if where else tf
            for name, thing in public(module, function).items():
                names.setdefault(id(thing), set()).add(f"tf{where}.{name}")

        def known(name: str) -> bool:
            return any(find(name) for find in (op, comparison, activation_function, losses.loss_function))

        assert [sorted(same) for same in names.values() if len(set(map(known, same))) > 1] == []

    def test_mirrors_of_numpy(self) -> None:
        assert op("tf.experimental.numpy.argmax") is op("numpy.argmax") is not None
        assert op("torch.argmax") is None

    @pytest.mark.parametrize(
        ("name", "effect"),
        [
            ("numpy", OpEffect.KEEP),
            ("reshape", OpEffect.RESHAPE),
            ("round", OpEffect.ROUND),
            ("argmax", OpEffect.ARGMAX),
            ("mean", OpEffect.MEAN),
            ("fit", None),
        ],
    )
    def test_methods(self, name: str, effect: OpEffect | None) -> None:
        assert method(name) is effect

    @pytest.mark.parametrize(
        ("name", "operator"),
        [("tf.greater", ">"), ("numpy.less_equal", "<="), ("keras.ops.equal", "=="), ("torch.greater", None)],
    )
    def test_comparisons(self, name: str, operator: str | None) -> None:
        assert comparison(name) == operator


class TestLossesOfOtherLibraries:
    """Not installed here: what is held is that each is found, and where its flag stands."""

    @pytest.mark.parametrize(
        ("name", "family", "flag_at", "sparse"),
        [
            ("tensorflow_addons.losses.SigmoidFocalCrossEntropy", Family.BINARY, 0, None),
            ("tensorflow_addons.losses.WeightedKappaLoss", Family.PROBABILITY, None, None),
            ("tensorflow_addons.losses.TripletHardLoss", Family.ANY, None, None),
            ("focal_loss.BinaryFocalLoss", Family.BINARY, 2, None),
            ("focal_loss.SparseCategoricalFocalLoss", Family.CATEGORICAL, 2, True),
            ("keras_cv.losses.FocalLoss", Family.BINARY, 2, None),
            ("keras_cv.losses.SmoothL1Loss", Family.ANY, None, None),
            ("segmentation_models.losses.CategoricalFocalLoss", Family.PROBABILITY, None, None),
        ],
    )
    def test_classes(self, name: str, family: Family, flag_at: int | None, sparse: bool | None) -> None:
        spec = losses.loss_class(name)
        assert spec is not None and spec.name == f"custom:{name.rpartition('.')[2]}"
        assert (spec.family, spec.sparse, spec.has_flag) == (family, sparse, flag_at is not None)
        assert flag_at is None or spec.parameters.names[flag_at] == "from_logits"

    @pytest.mark.parametrize(
        ("name", "owner", "flag_at"),
        [
            ("tensorflow_addons.losses.sigmoid_focal_crossentropy", "SigmoidFocalCrossEntropy", 4),
            ("focal_loss.sparse_categorical_focal_loss", "SparseCategoricalFocalLoss", 4),
            ("segmentation_models.losses.bce_jaccard_loss", "BinaryCELoss", None),
        ],
    )
    def test_functions(self, name: str, owner: str, flag_at: int | None) -> None:
        spec = losses.loss_function(name)
        assert spec is not None and spec.loss.name == f"custom:{owner}"
        assert spec.parameters.names[:2] == (spec.labels, spec.predictions)
        assert flag_at is None or spec.parameters.names[flag_at] == "from_logits"

    @pytest.mark.parametrize("name", ["keras_cv.losses.Mine", "segmentation_models.losses", "focal_loss"])
    def test_what_is_none(self, name: str) -> None:
        assert losses.loss_class(name) is None and losses.loss_function(name) is None


class TestApplications:
    def test_every_constructor_has_its_row(self, keras: ModuleType, tf_keras: Any) -> None:
        found = public(tf_keras.applications, function) | public(keras.applications, function)
        names = {name for name in found if name[0].isupper()}
        # RegNet and ResNetRS are reached through their modules only.
        assert names <= {spec.name.rpartition(".")[2] for spec in APPLICATIONS}
        assert {n for n in names if application(f"keras.applications.{n}") is None} == set()

    @pytest.mark.parametrize("spec", APPLICATIONS, ids=lambda spec: spec.name)
    def test_a_constructor_takes_these_parameters(self, keras: ModuleType, tf_keras: Any, spec: Any) -> None:
        name = spec.name.rpartition(".")[2]
        module = importlib.import_module(spec.source)
        thing = getattr(keras.applications, name, None) or getattr(module, name)
        real = signature(thing)
        without = Parameters(
            tuple(n for n in real.names if n != "name"), tuple(d for d in real.defaults if d[0] != "name")
        )
        assert spec.parameters == without
        assert spec.parameters.default("include_top") is True
        assert spec.parameters.default("classifier_activation") == "softmax"


class TestThirdParty:
    @pytest.mark.parametrize(
        ("name", "activation", "parameter", "output", "known"),
        [
            ("keras_hub.models.ImageClassifier", None, "activation", None, True),
            ("keras_hub.models.ResNetImageClassifier", None, "activation", None, True),
            ("keras_hub.models.BertTextClassifier", None, "activation", None, True),
            ("keras_nlp.models.BertClassifier", None, "activation", None, True),
            ("keras_hub.models.GemmaCausalLM", None, None, None, True),
            ("keras_hub.models.RetinaNetObjectDetector", None, "activation", "cls_logits", True),
            ("keras_hub.models.BASNetImageSegmenter", "sigmoid", None, None, True),
            ("keras_hub.models.DepthEstimator", None, None, None, False),
            ("keras_cv.models.ImageClassifier", "softmax", "activation", None, True),
            ("keras_cv.models.DeepLabV3Plus", "softmax", None, None, True),
            ("keras_cv.models.RetinaNet", None, None, None, False),
            ("segmentation_models.Unet", "sigmoid", "activation", None, True),
            ("segmentation_models.models.FPN", "softmax", "activation", None, True),
            ("transformers.TFBertForSequenceClassification", None, None, "logits", True),
            ("transformers.TFAutoModelForSequenceClassification", None, None, "logits", True),
            ("transformers.TFGPT2LMHeadModel", None, None, "logits", True),
            ("transformers.TFBertForQuestionAnswering", None, None, "start_logits", True),
        ],
    )
    def test_heads(
        self, name: str, activation: str | None, parameter: str | None, output: str | None, known: bool
    ) -> None:
        spec = head(name)
        assert spec is not None and spec.name == name
        assert (spec.activation, spec.parameter, spec.output, spec.known) == (
            activation,
            parameter,
            output,
            known,
        )

    @pytest.mark.parametrize(
        "name",
        [
            "keras_hub.models.BertBackbone",
            "keras_hub.models.BertTextClassifierPreprocessor",
            "keras_hub.models.BertTokenizer",
            "keras_cv.models.ResNet50Backbone",
            "transformers.TFBertModel",
            "transformers.BertForSequenceClassification",
            "project.models.ImageClassifier",
        ],
    )
    def test_what_is_no_head(self, name: str) -> None:
        assert head(name) is None

    def test_every_row_names_its_source(self) -> None:
        assert [spec.name for _, spec in HEADS if not spec.source] == []


def test_every_row_names_its_source() -> None:
    rows = (*losses.LOSSES, *losses.LOSS_FUNCTIONS, *metrics.METRICS, *ACTIVATIONS, *LAYERS, *APPLICATIONS)
    assert [row.name for row in rows if not row.source] == []
