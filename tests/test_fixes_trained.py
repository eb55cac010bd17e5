"""Fixed programs, run and trained for one step by real Keras, give the loss that float64 arithmetic gives."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fromlogits_audit import fixes
from fromlogits_audit.pipeline import audit_source

ROWS, FEATURES, CLASSES = 16, 5, 4

PROGRAM = """import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

def build():
    model = keras.Sequential([keras.Input(({features},)), layers.Dense({units}{activation})])
    model.compile(optimizer="sgd", loss={loss}, metrics=[{metrics}])
    return model
"""


def program(units: int, activation: str, loss: str, metrics: str = "") -> str:
    return PROGRAM.format(features=FEATURES, units=units, activation=activation, loss=loss, metrics=metrics)


def fixed(folder: Path, text: str) -> Any:
    """The model that the program builds after ``--fix``."""
    file = folder / "train.py"
    file.write_text(text, encoding="utf-8")
    report = fixes.fix(partial(audit_source, [folder], cwd=folder), folder)
    assert report.findings == ()
    names: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    return names["build"]()


# -- references in float64 -----------------------------------------------------------------------
Array = np.ndarray[Any, np.dtype[Any]]


def categorical(z: Array, labels: Array) -> float:
    """Mean of log(sum(exp(z))) - z[label]; z: (rows, classes), labels: (rows,)."""
    log_sum = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1)
    return float((log_sum - z[np.arange(len(labels)), labels]).mean())


def binary(z: Array, labels: Array) -> float:
    """Mean of max(z, 0) - z y + log(1 + exp(-|z|)); both (rows, units)."""
    return float((np.maximum(z, 0) - z * labels + np.log1p(np.exp(-np.abs(z)))).mean())


def logits(model: Any, x: Array) -> Array:
    """What the last layer computes before any activation, in float64."""
    kernel, bias = (np.asarray(weight, dtype=np.float64) for weight in model.layers[-1].get_weights())
    return np.asarray(x, dtype=np.float64) @ kernel + bias


CATEGORICAL = [
    (
        program(
            CLASSES, ', activation="softmax"', "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
        ),
        False,
    ),
    (program(CLASSES, "", '"sparse_categorical_crossentropy"'), False),
    (program(CLASSES, "", "keras.losses.categorical_crossentropy"), True),
    (program(CLASSES, ', activation="log_softmax"', "keras.losses.CategoricalCrossentropy()"), True),
    (program(CLASSES, "", "keras.losses.CategoricalCrossentropy"), True),
]
BINARY = [
    program(1, ', activation="sigmoid"', "keras.losses.BinaryCrossentropy(from_logits=True)"),
    program(1, "", "'bce'", '"accuracy"'),
    program(
        1, "", "keras.losses.BinaryCrossentropy()", "keras.metrics.BinaryAccuracy(), 'binary_crossentropy'"
    ),
]


@pytest.fixture
def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(11)
    return rng.normal(size=(ROWS, FEATURES)).astype("float32") * 2, rng.integers(0, CLASSES, ROWS)


@pytest.mark.parametrize(("text", "one_hot"), CATEGORICAL)
def test_a_mended_categorical_loss_is_the_reference(
    tmp_path: Path, data: tuple[Array, Array], text: str, one_hot: bool
) -> None:
    pytest.importorskip("tensorflow")
    x, labels = data
    model = fixed(tmp_path, text)
    expected = categorical(logits(model, x), labels)
    given = np.eye(CLASSES, dtype="float32")[labels] if one_hot else labels
    history = model.fit(x, given, batch_size=ROWS, epochs=1, verbose=0)
    assert history.history["loss"][0] == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("text", BINARY)
def test_a_mended_binary_loss_and_its_metrics_are_the_reference(
    tmp_path: Path, data: tuple[Array, Array], text: str
) -> None:
    pytest.importorskip("tensorflow")
    x, labels = data
    y = (labels[:, None] > 1).astype("float32")
    model = fixed(tmp_path, text)
    z = logits(model, x)
    history = model.fit(x, y, batch_size=ROWS, epochs=1, verbose=0).history
    assert history["loss"][0] == pytest.approx(binary(z, y), rel=2e-5)
    for name in ("accuracy", "binary_accuracy"):
        if name in history:
            assert history[name][0] == pytest.approx(float(((z > 0) == (y > 0.5)).mean()))
    if "binary_crossentropy" in history:
        assert history["binary_crossentropy"][0] == pytest.approx(binary(z, y), rel=2e-5)
    assert ("accuracy" in history) == ('"accuracy"' in text)
