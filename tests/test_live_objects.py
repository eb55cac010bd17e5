"""Losses, metrics, labels and values as they live in a process, in the words of the waist."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from fromlogits_audit.floors import Floor, floor_of
from fromlogits_audit.ir import Family, Form, Kind, LabelEncoding, Location, Loss, Output, Scale, Site
from fromlogits_audit.live.labels import labels_of, share_of_ones
from fromlogits_audit.live.measured import measure
from fromlogits_audit.live.objects import loss_of, metric_of
from fromlogits_audit.live.structure import LiveOutput
from fromlogits_audit.models import Evidence

libraries = pytest.mark.parametrize("k", [keras, tf_keras], ids=lambda k: k.__name__)

# What compile(loss=...) is given, and of the loss behind it: name, from_logits, form.
LOSSES: list[tuple[Callable[[Any], Any], str, bool | None, Form]] = [
    (lambda k: "bce", "BinaryCrossentropy", False, Form.STRING),
    (lambda k: "SparseCategoricalCrossentropy", "SparseCategoricalCrossentropy", False, Form.STRING),
    (lambda k: "mse", "MeanSquaredError", None, Form.STRING),
    (lambda k: "my_loss", "custom:my_loss", None, Form.CUSTOM),
    (lambda k: k.losses.binary_crossentropy, "BinaryCrossentropy", False, Form.FUNCTION),
    (lambda k: k.losses.mean_squared_error, "MeanSquaredError", None, Form.FUNCTION),
    (lambda k: k.losses.BinaryCrossentropy, "BinaryCrossentropy", False, Form.CLASS),
    (lambda k: k.losses.BinaryCrossentropy(from_logits=True), "BinaryCrossentropy", True, Form.INSTANCE),
    (lambda k: k.losses.BinaryFocalCrossentropy(True), "BinaryFocalCrossentropy", False, Form.INSTANCE),
    (lambda k: k.losses.Huber(), "Huber", None, Form.INSTANCE),
    (lambda k: k.losses.KLDivergence(), "KLDivergence", None, Form.INSTANCE),
    (lambda k: tf.nn.softmax_cross_entropy_with_logits, "CategoricalCrossentropy", True, Form.OP),
    (lambda k: functools.partial(k.losses.binary_crossentropy, from_logits=True), "BinaryCrossentropy", True,
     Form.FUNCTION),
    (lambda k: functools.partial(k.losses.binary_crossentropy, from_logits=True), "BinaryCrossentropy", True,
     Form.FUNCTION),
    (lambda k: renamed(k)(from_logits=True), "BinaryCrossentropy", True, Form.INSTANCE),
    (lambda k: overriding(k)(from_logits=True), "custom:Overriding", None, Form.CUSTOM),
    (lambda k: wrapped(k), "custom:binary_crossentropy", None, Form.CUSTOM),
    (lambda k: lambda y_true, y_pred: 0.0, "custom:<lambda>", None, Form.CUSTOM),
    (lambda k: k.losses.BinaryCrossentropy(from_logits=True).call, "BinaryCrossentropy", True, Form.INSTANCE),
]  # fmt: skip


def renamed(k: Any) -> Any:
    class Renamed(k.losses.BinaryCrossentropy):  # type: ignore[misc, name-defined]
        """Nothing of its own."""

    return Renamed


def overriding(k: Any) -> Any:
    class Overriding(k.losses.BinaryCrossentropy):  # type: ignore[misc, name-defined]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred

    return Overriding


def wrapped(k: Any) -> Any:
    """A function that only calls itself as Keras's does."""

    @functools.wraps(k.losses.binary_crossentropy)
    def loss(y_true: Any, y_pred: Any) -> Any:
        return y_pred

    return loss


@libraries
@pytest.mark.parametrize(("value", "name", "flag", "form"), LOSSES)
def test_a_loss_is_what_it_computes_not_what_it_is_called(
    k: Any, value: Any, name: str, flag: bool | None, form: Form
) -> None:
    found = loss_of(value(k), 3)
    assert found is not None
    assert (found.name, found.from_logits, found.form) == (name, flag, form)
    assert (found.reason is not None) is name.startswith("custom:")


@libraries
def test_a_flag_that_is_no_bool_is_a_misuse(k: Any) -> None:
    found = loss_of(k.losses.BinaryCrossentropy(from_logits="False"))
    assert found is not None and found.from_logits is True and "no bool" in str(found.misuse)
    assert loss_of(None) is None


# What compile(metrics=...) is given for an output of one unit: name, from_logits, threshold; or nothing.
METRICS: list[tuple[Callable[[Any], Any], tuple[str, bool | None, float | None] | None]] = [
    (lambda k: "accuracy", ("BinaryAccuracy", None, 0.5)),
    (lambda k: "mae", None),
    (lambda k: k.metrics.BinaryAccuracy(threshold=0.0), ("BinaryAccuracy", None, 0.0)),
    (lambda k: k.metrics.Precision(), ("Precision", None, 0.5)),
    (lambda k: k.metrics.Precision(thresholds=[0.2, 0.3]), ("Precision", None, 0.2)),
    (lambda k: k.metrics.AUC(from_logits=True), ("AUC", True, None)),
    (lambda k: k.metrics.binary_accuracy, ("BinaryAccuracy", None, 0.5)),
    (lambda k: k.metrics.BinaryCrossentropy(from_logits=True), ("BinaryCrossentropy", True, None)),
    (lambda k: k.metrics.MeanMetricWrapper(k.losses.binary_crossentropy, from_logits=True),
     ("BinaryCrossentropy", True, None)),
    (lambda k: k.metrics.F1Score(), None),
    (lambda k: k.metrics.F1Score(threshold=0.4), ("F1Score", None, 0.4)),
    (lambda k: k.metrics.SparseCategoricalAccuracy(), None),
    (lambda k: lambda y_true, y_pred: 0.0, None),
]  # fmt: skip


@libraries
@pytest.mark.parametrize(("value", "expected"), METRICS)
def test_a_metric_is_what_it_was_built_with(k: Any, value: Any, expected: Any) -> None:
    found = metric_of(value(k), 1)
    assert (found and (found.name, found.from_logits, found.threshold)) == expected


EYE = np.eye(4)
# Labels, the shape of the output beside them, the class number that is left out; encoding and classes.
LABELS: list[tuple[Any, Any, tuple[int, ...], str, int | None]] = [
    ([0, 1, 2, 3], (None, 4), (), "integer", None),
    ([0, 1, 2, 4], (None, 4), (), "integer", 5),
    ([[0], [2]], (None, 4), (), "integer", None),
    ([0, 1, 1], (None, 4), (), "binary", None),
    ([0.0, 2.0], (None, 4), (), "integer", None),
    ([0.5, 2.0], (None, 4), (), "unknown", None),
    ([-1, 2], (None, 4), (), "unknown", None),
    ([0, 255], (None, 4), (255,), "binary", None),
    (EYE, (None, 4), (), "one-hot", 4),
    (EYE * 0.9 + 0.025, (None, 4), (), "unknown", None),
    ([[1, 1, 0, 0]], (None, 4), (), "unknown", None),
    # One-hot rows and sequences of class numbers look alike without the output beside them.
    (EYE, None, (), "unknown", None),
    (EYE.astype(int), (None, 4, 7), (), "binary", None),
    (np.full((2, 8, 8), 3), (None, 8, 8, 5), (), "integer", None),
    (np.full((2, 8, 8), 5), (None, 8, 8, 5), (), "integer", 6),
    ([True, False], (None, 1), (), "binary", None),
    (["a", "b"], (None, 2), (), "unknown", None),
    ([], (None, 2), (), "unknown", None),
    (tf.ragged.constant([[1], [2, 3]]), (None, 4), (), "unknown", None),
    (tf.constant([0, 3]), (None, 4), (), "integer", None),
]


@pytest.mark.parametrize(("y", "shape", "ignored", "encoding", "classes"), LABELS)
def test_labels_are_told_apart_by_values_and_rank(
    y: Any, shape: Any, ignored: tuple[int, ...], encoding: str, classes: int | None
) -> None:
    values = y if hasattr(y, "shape") else np.array(y)
    found = labels_of(values, shape, ignored=ignored)
    assert (found.encoding, found.classes) == (LabelEncoding(encoding), classes)


def softmax(z: Any) -> Any:
    exps = np.exp(z - z.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


Z = np.random.default_rng(0).standard_normal((64, 5)) * 4
VALUES = [
    (Z, Scale.LOGITS),
    (softmax(Z), Scale.PROBABILITIES),
    (1 / (1 + np.exp(-Z)), Scale.INDEPENDENT),
    (np.log(softmax(Z)), Scale.LOG_PROBABILITIES),
    (np.maximum(Z, 0), Scale.NON_NEGATIVE),
    # Scores of a few rows may all be positive, and rows that are alike differ by rounding.
    (np.abs(Z) + 1, Scale.UNKNOWN),
    (np.tile(np.maximum(Z[:1], 0) * 40, (64, 1)) * (1 + 1e-7 * Z[:, :1]), Scale.UNKNOWN),
    # A few values lie between 0 and 1, or above 0, by chance; rows do not sum to one by chance.
    (1 / (1 + np.exp(-Z[:3])), Scale.UNKNOWN),
    (np.maximum(Z[:3], 0), Scale.UNKNOWN),
    (softmax(Z[:2]), Scale.PROBABILITIES),
    # A tanh, or scores that are small: not told apart.
    (np.tanh(Z), Scale.UNKNOWN),
    (Z / 100, Scale.UNKNOWN),
    (np.full((64, 5), 0.2), Scale.UNKNOWN),
    (np.full((64, 5), np.nan), Scale.UNKNOWN),
    (1 / (1 + np.exp(-Z / 100)), Scale.UNKNOWN),
]


@pytest.mark.parametrize(("values", "scale"), VALUES)
def test_values_decide_where_they_can_only_be_one_thing(values: Any, scale: Scale) -> None:
    found = measure(LiveOutput("output", Output()), [values.astype("float32")])
    assert found.output.scale is scale
    assert found.evidence is (Evidence.STRUCTURE if scale is Scale.UNKNOWN else Evidence.PROBE)
    assert (found.output.reason is not None) is (scale is Scale.UNKNOWN)
    known = LiveOutput("output", Output(Scale.LOGITS, "linear", 5))
    assert measure(known, [values]) == known


def site(family: Family, flag: bool, output: Output) -> Site:
    return Site(Kind.LOSS, Location("<model>"), output, loss=Loss("loss", family, flag))


SOFTMAX10 = Output(Scale.PROBABILITIES, "softmax", 10)
SIGMOID = Output(Scale.INDEPENDENT, "sigmoid", 1)
# Source of the values: log(e + K - 1) - 1 and the binary floors, as measured in training.
FLOORS: list[tuple[Site, float | None, float | None]] = [
    (site(Family.CATEGORICAL, True, SOFTMAX10), None, 1.4612),
    (site(Family.CATEGORICAL, True, Output(Scale.PROBABILITIES, "softmax", 100)), None, 3.6222),
    (site(Family.CATEGORICAL, True, Output(Scale.BOUNDED, "tanh", 10)), None, 0.7966),
    (site(Family.BINARY, True, SIGMOID), 1.0, 0.3133),
    (site(Family.BINARY, True, SIGMOID), 0.0, 0.6931),
    (site(Family.BINARY, True, SIGMOID), None, None),
    (site(Family.CATEGORICAL, False, SOFTMAX10), None, None),
    (site(Family.CATEGORICAL, True, Output(Scale.LOGITS, "linear", 10)), None, None),
    (site(Family.CATEGORICAL, False, Output(Scale.INDEPENDENT, "sigmoid", 1)), None, 0.0),
    (site(Family.ANY, False, SOFTMAX10), None, None),
]


@pytest.mark.parametrize(("where", "positives", "value"), FLOORS)
def test_floors_are_those_that_training_reached(
    where: Site, positives: float | None, value: float | None
) -> None:
    found = floor_of(where, positives)
    assert (found and round(found.value, 4)) == value


def test_an_output_that_is_not_known_needs_a_loss_that_is_closer_to_the_floor() -> None:
    unknown = floor_of(site(Family.CATEGORICAL, True, Output(units=10)))
    known = floor_of(site(Family.CATEGORICAL, True, SOFTMAX10))
    assert unknown is not None and known is not None and not unknown.sure
    assert known.holds([1.60, 1.59, 1.59]) and not unknown.holds([1.60, 1.59, 1.59])
    assert unknown.holds([1.50, 1.495, 1.49])


def test_a_floor_is_reached_by_a_loss_that_has_stopped_there() -> None:
    floor = Floor(1.4612, "")
    assert floor.holds([2.0, 1.48, 1.479, 1.478])
    assert not floor.holds([1.48, 1.48])
    assert not floor.holds([1.6, 1.55, 1.5])
    assert not floor.holds([1.3, 1.3, 1.3]), "a loss below it is not held by it"
    assert not floor.holds([float("nan")] * 3)


def test_the_share_of_ones_needs_zeros_and_ones() -> None:
    assert share_of_ones(np.array([0, 1, 1, 1])) == 0.75
    assert share_of_ones(np.array([0, 2])) is None
    assert share_of_ones(None) is None
