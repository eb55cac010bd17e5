"""What labels that do not fit do on the backend that runs, as the messages of the 5xx rules tell it.

``test_consequences_backends.py`` runs this file once more on the other backends of Keras 3.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from fromlogits_audit.ir import Runtime
from fromlogits_audit.rules.consequences import tell
from fromlogits_audit.rules.integer_labels_with_one_hot_loss import told as told_of_numbers
from fromlogits_audit.rules.units_do_not_fit_labels import told_of_class_numbers

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

BACKEND = keras.backend.backend()
RUNTIME = Runtime(3, BACKEND)
ROWS, UNITS = 8, 4
NUMBERS = np.arange(ROWS) % UNITS
HOT = np.eye(UNITS, dtype="float32")[NUMBERS]

pytestmark = pytest.mark.filterwarnings("ignore")


def fit(loss: str, labels: Any, units: int = UNITS) -> float:
    """The loss of one epoch on a softmax output of ``units``; raises what Keras raises."""
    alike = keras.layers.Dense(units, activation="softmax", kernel_initializer="zeros")  # at every start
    model = keras.Sequential([keras.Input((3,)), alike])
    model.compile(optimizer="sgd", loss=loss)
    return float(model.fit(np.ones((ROWS, 3), "float32"), labels, verbose=0).history["loss"][0])


@pytest.mark.parametrize("labels", [NUMBERS, NUMBERS[:, None], NUMBERS % 2], ids=["flat", "column", "binary"])
def test_class_numbers_into_a_one_hot_loss_raise(labels: Any) -> None:
    with pytest.raises(ValueError, match="shape"):
        fit("categorical_crossentropy", labels)


def test_a_column_of_class_numbers_is_broadcast_by_the_focal_loss() -> None:
    right, wrong = (
        fit("categorical_focal_crossentropy", HOT),
        fit("categorical_focal_crossentropy", NUMBERS[:, None]),
    )
    assert np.isfinite(wrong)
    assert wrong > 3 * right
    assert "silently broadcast" in tell(told_of_numbers(focal=True), RUNTIME)


def test_one_hot_rows_into_a_sparse_loss_raise() -> None:
    with pytest.raises(ValueError, match=r"shape|rank"):
        fit("sparse_categorical_crossentropy", HOT)


@pytest.mark.parametrize("units", [UNITS - 1, UNITS + 1])
def test_one_hot_rows_of_another_width_raise(units: int) -> None:
    with pytest.raises(ValueError, match="shape"):
        fit("categorical_crossentropy", HOT, units)


def test_a_class_number_that_has_no_unit_raises_or_counts_as_nothing() -> None:
    beyond = np.full(ROWS, UNITS)
    clause = tell(told_of_class_numbers(UNITS), RUNTIME)
    if BACKEND == "jax":
        assert fit("sparse_categorical_crossentropy", beyond) == 0.0
        assert f"a class number of {UNITS} or more silently count as a loss of 0" in clause
    else:
        with pytest.raises(Exception, match=r"(?i)out of bound|received a label value|index"):
            fit("sparse_categorical_crossentropy", beyond)
        assert "raises an error" in clause


@pytest.mark.parametrize("units", [UNITS, UNITS + 3])
def test_units_that_no_label_uses_harm_nothing(units: int) -> None:
    assert 0 < fit("sparse_categorical_crossentropy", NUMBERS, units) < 10


def test_metrics_are_logged_under_the_names_that_callbacks_watch() -> None:
    keras.utils.clear_session()  # which counts names from the start again
    inputs = keras.Input((3,))
    found = keras.layers.Dense(1, name="found")(inputs)
    kind = keras.layers.Dense(UNITS, name="kind")(inputs)
    model = keras.Model(inputs, [found, kind])
    losses = ["mse", "sparse_categorical_crossentropy"]
    metrics = {
        "found": keras.metrics.AUC(name="roc"),
        "kind": ["accuracy", keras.metrics.SparseCategoricalCrossentropy()],
    }
    model.compile(optimizer="sgd", loss=losses, metrics=metrics)
    labels = [NUMBERS % 2, NUMBERS]
    logs = model.fit(
        np.ones((ROWS, 3)), labels, validation_data=(np.ones((ROWS, 3)), labels), verbose=0
    ).history
    assert {"val_found_roc", "val_kind_accuracy", "val_kind_sparse_categorical_crossentropy"} <= set(logs)
    alone = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    alone.compile(
        optimizer="sgd", loss="mse", metrics=["acc", keras.metrics.AUC(), keras.metrics.Precision()]
    )
    assert {"acc", "auc"} <= set(alone.fit(np.ones((ROWS, 3)), NUMBERS % 2, verbose=0).history)
