"""What the messages of the 4xx, 5xx and 7xx rules say of Keras is what Keras measurably does.

The claims are read off the rules where they hold a number, so that a changed message fails here too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fromlogits_audit.rules import fixing
from fromlogits_audit.rules.consequences import sigmoid, softmax_ceiling
from fromlogits_audit.rules.half_precision_probabilities import highest_below_one

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")

KERAS = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras3", "keras2"])
ROWS, CLASSES = 8, 4
NUMBERS = np.arange(ROWS) % CLASSES
HOT = np.eye(CLASSES, dtype="float32")[NUMBERS]
ZERO_ONE = np.arange(ROWS) % 2

pytestmark = pytest.mark.filterwarnings("ignore")


def fit(k: Any, loss: str, labels: Any, units: int) -> float:
    """The loss of one epoch on a softmax output of ``units``; raises what Keras raises."""
    model = k.Sequential([k.Input((3,)), k.layers.Dense(units, activation="softmax")])
    model.compile(optimizer="sgd", loss=loss)
    history = model.fit(np.ones((ROWS, 3), "float32"), labels, verbose=0)
    return float(history.history["loss"][0])


CATEGORICAL, SPARSE = "categorical_crossentropy", "sparse_categorical_crossentropy"
RAISE = [
    ("FLA501", CATEGORICAL, NUMBERS, CLASSES, ValueError),
    ("FLA501", CATEGORICAL, NUMBERS[:, None], CLASSES, ValueError),
    ("FLA501", CATEGORICAL, ZERO_ONE, 2, ValueError),
    ("FLA502", SPARSE, HOT, CLASSES, ValueError),
    ("FLA503", CATEGORICAL, HOT, CLASSES - 1, ValueError),
    ("FLA503", CATEGORICAL, HOT, CLASSES + 1, ValueError),
    ("FLA503", SPARSE, NUMBERS, CLASSES - 1, tf.errors.InvalidArgumentError),
]


@KERAS
@pytest.mark.parametrize(("code", "loss", "labels", "units", "error"), RAISE)
def test_labels_that_do_not_fit_raise_at_the_first_batch(
    k: Any, code: str, loss: str, labels: Any, units: int, error: type[Exception]
) -> None:
    if k is tf_keras and code == "FLA502":
        error = tf.errors.InvalidArgumentError
    with pytest.raises(error):
        fit(k, loss, labels, units)


@KERAS
@pytest.mark.parametrize(
    ("loss", "labels", "units"),
    [
        (CATEGORICAL, HOT, CLASSES),
        (SPARSE, NUMBERS, CLASSES),
        (SPARSE, NUMBERS, CLASSES + 3),
        (SPARSE, ZERO_ONE, 2),
        (SPARSE, ZERO_ONE[:, None], 2),
    ],
)
def test_labels_that_the_rules_leave_alone_train(k: Any, loss: str, labels: Any, units: int) -> None:
    assert np.isfinite(fit(k, loss, labels, units))


def test_focal_losses_and_the_op_broadcast_a_column_of_class_numbers_in_silence() -> None:
    assert np.isfinite(fit(keras, "categorical_focal_crossentropy", NUMBERS[:, None], CLASSES))
    column = NUMBERS[:, None].astype("float32")
    logits = tf.constant(np.eye(CLASSES, dtype="float32")[NUMBERS] * 9)
    told = tf.nn.softmax_cross_entropy_with_logits(column, logits)
    right = tf.nn.sparse_softmax_cross_entropy_with_logits(NUMBERS, logits)
    assert float(tf.reduce_max(right)) < 0.01 < 10 < float(tf.reduce_max(told))


@pytest.mark.parametrize("name", ["BinaryAccuracy", "Precision", "Recall"])
@KERAS
def test_a_metric_that_cuts_logits_at_one_half_misses_what_lies_between(k: Any, name: str) -> None:
    """Logits of 0.3 are probabilities of 0.574: all of them positive, none of them counted."""
    keyword = "threshold" if name == "BinaryAccuracy" else "thresholds"
    truth, logits = np.ones((5, 1)), np.full((5, 1), 0.3)
    metric = getattr(k.metrics, name)
    assert float(metric()(truth, logits)) == 0.0
    assert float(metric(**{keyword: 0.0})(truth, logits)) == 1.0
    assert float(metric()(truth, sigmoid(0.3) * np.ones((5, 1)))) == 1.0


@KERAS
def test_the_thresholds_of_auc_do_not_tell_logits_apart(k: Any) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    logits = rng.normal(size=400) + truth - 4.0
    meant = float(k.metrics.AUC(from_logits=True)(truth, logits))
    told = float(k.metrics.AUC()(truth, np.clip(logits, -50, 50)))
    assert meant > 0.7
    assert abs(told - meant) > 0.1


@pytest.mark.parametrize("cut", [0.5, 0.3])
def test_a_cut_on_logits_is_the_probability_that_is_told(cut: float) -> None:
    assert float(keras.ops.sigmoid(cut)) == pytest.approx(sigmoid(cut), abs=1e-6)
    assert sigmoid(0.0) == 0.5


@KERAS
def test_accuracy_of_one_unit_is_cut_at_one_half(k: Any) -> None:
    model = k.Sequential([k.Input((1,)), k.layers.Dense(1, kernel_initializer="ones")])
    loss = k.losses.BinaryCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy"])
    features, truth = np.full((4, 1), 0.3), np.ones((4, 1))
    assert model.evaluate(features, truth, verbose=0, return_dict=True)["accuracy"] == 0.0
    model.compile(loss=loss, metrics=[k.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")])
    assert model.evaluate(features, truth, verbose=0, return_dict=True)["accuracy"] == 1.0


@KERAS
def test_a_metric_with_the_wrong_flag_reports_another_number(k: Any) -> None:
    truth, logits = np.array([[1.0], [0.0]]), np.array([[3.0], [-3.0]])
    right = float(k.metrics.BinaryCrossentropy(from_logits=True)(truth, logits))
    told = float(k.metrics.BinaryCrossentropy()(truth, logits))
    again = float(k.metrics.BinaryCrossentropy(from_logits=True)(truth, tf.sigmoid(logits)))
    assert right == pytest.approx(0.0486, abs=1e-3)
    assert told < 1e-5, "clipped to 1 - 1e-7: a logit on the right side looks certain"
    assert again > 0.4


@KERAS
def test_a_loss_among_the_metrics_is_clipped_like_the_metric_of_its_name(k: Any) -> None:
    truth, logits = np.array([[1.0], [0.0]]), np.array([[3.0], [-3.0]])
    right = float(k.losses.BinaryCrossentropy(from_logits=True)(truth, logits))
    assert float(k.losses.BinaryCrossentropy()(truth, logits)) < 1e-5 < 0.01 < right
    assert float(tf.reduce_max(k.losses.binary_crossentropy(truth, logits))) < 1e-5


@pytest.mark.parametrize("name", ["ce", "crossentropy"])
def test_only_keras_2_knows_a_metric_by_the_name_of_any_cross_entropy(name: str) -> None:
    def evaluated(k: Any) -> float:
        model = k.Sequential([k.Input((1,)), k.layers.Dense(1, kernel_initializer="ones")])
        model.compile(loss=k.losses.BinaryCrossentropy(from_logits=True), metrics=[name])
        return float(model.evaluate(np.full((4, 1), 3.0), np.ones((4, 1)), verbose=0, return_dict=True)[name])

    assert evaluated(tf_keras) < 1e-5
    with pytest.raises(ValueError, match="Could not interpret metric"):
        evaluated(keras)


@KERAS
def test_metrics_without_a_cut_at_zero_refuse_one(k: Any) -> None:
    """So the message asks for the sigmoid of the output."""
    for build in (lambda: k.metrics.F1Score(threshold=0.0), lambda: k.metrics.Precision(thresholds=-1.0)):
        with pytest.raises(ValueError, match=r"(?i)threshold"):
            build()
    assert fixing.AT_ZERO.keys().isdisjoint({"F1Score", "FBetaScore"})


@KERAS
def test_thresholds_on_the_logit_scale_do_not_help_auc(k: Any) -> None:
    """Keras puts its ends at 0 and 1 around them: perfectly told apart, and an area of 0."""
    truth, logits = np.array([1, 0, 1, 0]), np.array([3.0, -1.0, 0.1, -4.0])
    assert float(k.metrics.AUC(thresholds=[-2.0, 0.0, 2.0])(truth, logits)) == 0.0
    assert float(k.metrics.AUC(from_logits=True)(truth, logits)) == 1.0


def test_decisions_between_the_two_cuts_go_the_wrong_way() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    logits = model.predict(np.array([[-1.0], [0.3], [0.7]]), verbose=0)
    meant = np.asarray(keras.ops.sigmoid(logits)) > 0.5
    assert (meant == (logits > 0.0)).all()
    assert (meant != (logits > 0.5)).ravel().tolist() == [False, True, False]
    assert (np.round(logits) != meant).ravel().tolist() == [True, True, False]


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_no_class_gets_more_than_the_ceiling_when_softmax_is_applied_twice(classes: int) -> None:
    certain = np.zeros((1, classes), "float32")
    certain[0, 0] = 1.0
    top = float(keras.ops.max(keras.ops.softmax(certain)))
    assert top == pytest.approx(softmax_ceiling(classes), rel=1e-5)


def test_all_values_lie_where_is_told_when_sigmoid_is_applied_twice() -> None:
    twice = np.asarray(keras.ops.sigmoid(keras.ops.sigmoid(np.array([-1e3, 0.0, 1e3], "float32"))))
    assert [twice.min(), twice.max()] == pytest.approx([0.5, sigmoid(1.0)], abs=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_highest_number_below_one_is_the_one_that_is_told(dtype: str) -> None:
    below = highest_below_one(dtype)
    between: Sequence[float] = [1.0 - (1.0 - below) * share for share in (0.25, 0.75)]
    assert float(tf.cast(tf.constant(below), dtype)) == below
    assert [float(tf.cast(tf.constant(value), dtype)) for value in between] == [1.0, below]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@KERAS
def test_a_mixed_policy_ends_the_model_in_half_precision_unless_told_otherwise(k: Any, dtype: str) -> None:
    inputs = k.Input((2,))
    half = k.layers.Dense(2, activation="softmax", dtype=f"mixed_{dtype}")
    full = k.layers.Dense(2, activation="softmax", dtype="float32")
    model = k.Model(inputs, [half(inputs), full(inputs)])
    kernel = np.array([[9.0, 0.0], [0.0, 0.0]], "float32")
    half.set_weights([kernel, np.zeros(2)])
    full.set_weights([kernel, np.zeros(2)])
    rounded, exact = (np.asarray(tf.cast(v, "float32")) for v in model(np.array([[1.0, 0.0]], "float32")))
    assert rounded[0, 0] == 1.0
    assert exact[0, 0] < 1.0
