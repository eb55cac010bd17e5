"""A watch sees what meets what, and leaves Keras as it was."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow")

import keras
import tensorflow as tf

from fromlogits_audit.live.hooks import HOOKS
from fromlogits_audit.live.patches import Arrivals, is_ours
from fromlogits_audit.live.watch import Watch
from fromlogits_audit.rules.judge import judge

pytestmark = pytest.mark.filterwarnings("ignore")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.integers(0, 3, 16)


def replaced() -> list[str]:
    """Everything in Keras and TensorFlow that is a replacement."""
    found = []
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] not in ("keras", "tf_keras", "tensorflow", "jax"):
            continue
        for key, value in list(vars(module).items()):
            if is_ours(value):
                found.append(f"{name}.{key}")
            elif isinstance(value, type):
                found += [f"{name}.{key}.{one}" for one, inner in list(vars(value).items()) if is_ours(inner)]
    return found


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    assert replaced() == []
    assert not any(isinstance(one, Arrivals) for one in sys.meta_path)
    assert HOOKS.watchers == ()


def classifier(activation: Any = None, units: int = 3) -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=activation)])


def compiled(activation: Any, loss: Any = "sparse_categorical_crossentropy") -> Any:
    model = classifier(activation)
    model.compile("sgd", loss=loss)
    return model


def verdicts(watch: Watch) -> list[tuple[str, ...]]:
    assert watch.problems == ()
    return [(judge(site).status.value, *judge(site).codes) for site in watch.sites]


def test_it_is_there_while_it_watches() -> None:
    with Watch():
        assert replaced()


def test_it_goes_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), Watch() as watch:
        compiled(None)
        raise ZeroDivisionError
    assert verdicts(watch) == [("finding", "FLA201")]


def test_one_inside_another() -> None:
    with Watch() as outer:
        first = compiled("softmax")
        with Watch() as inner:
            second = compiled(None)
        assert replaced()
    assert verdicts(inner) == [("finding", "FLA201")]
    assert verdicts(outer) == [("ok",), ("finding", "FLA201")]
    assert first is not second


def test_two_that_overlap() -> None:
    first, second = Watch(), Watch()
    first.start()
    second.start()
    first.stop()
    compiled(None)
    second.stop()
    assert (verdicts(first), verdicts(second)) == ([], [("finding", "FLA201")])


def test_in_threads() -> None:
    def train(activation: str | None) -> None:
        compiled(activation).fit(X, Y, verbose=0)

    with Watch() as watch:
        threads = [threading.Thread(target=train, args=(one,)) for one in ("softmax", None, "softmax", None)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(verdicts(watch)) == [("finding", "FLA201"), ("ok",)]


def test_training_gives_the_same_numbers() -> None:
    def losses() -> list[float]:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])
        model.compile("sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        found: list[float] = model.fit(X, Y, epochs=3, batch_size=4, verbose=0).history["loss"]
        return found

    alone = losses()
    with Watch():
        assert losses() == alone


def test_a_model_is_saved_as_without_us(tmp_path: Path) -> None:
    def saved(name: str) -> str:
        keras.utils.clear_session()
        model = compiled("softmax", keras.losses.sparse_categorical_crossentropy)
        model.save(tmp_path / name)
        return str(keras.saving.load_model(tmp_path / name).get_compile_config())

    alone = saved("a.keras")
    with Watch():
        assert saved("b.keras") == alone


class Own(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """Neither a layer nor an activation of Keras says what this returns."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x: Any) -> Any:
        scores = keras.ops.exp(keras.ops.matmul(x, self.kernel))
        return scores / keras.ops.sum(scores, axis=-1, keepdims=True)


def test_what_nothing_else_shows_is_measured() -> None:
    model = keras.Sequential([keras.Input((4,)), Own()])
    with Watch() as watch:
        model.compile("sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(X, Y, verbose=0)
    assert verdicts(watch) == [("finding", "FLA101")]


def test_labels_are_those_of_the_first_batch() -> None:
    model = compiled("softmax", "categorical_crossentropy")
    with Watch() as watch:
        model.compile("sgd", loss="categorical_crossentropy")
        with pytest.raises(Exception, match="shape"):
            model.fit(X, Y, verbose=0)
    assert verdicts(watch) == [("finding", "FLA501")]


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda z: z, ("finding", "FLA202")),
        (lambda z: tf.reshape(z, (-1, 1)), ("finding", "FLA202")),
        (lambda z: tf.cast(tf.squeeze(z, -1), "float64"), ("finding", "FLA202")),
        (tf.nn.sigmoid, ("ok",)),
    ],
    ids=["as-it-is", "reshaped", "squeezed-and-cast", "through-a-sigmoid"],
)
def test_a_loop_of_ones_own(traced: bool, change: Any, expected: tuple[str, ...]) -> None:
    model, loss = classifier(units=1), keras.losses.BinaryCrossentropy()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(y, change(model(x * 30.0, training=True)))
        return tape.gradient(value, model.trainable_variables)

    with Watch() as watch:
        run = tf.function(step) if traced else step
        for _ in range(3):
            run(tf.constant(X), tf.constant((X[:, :1] > 0).astype("float32")))
    assert verdicts(watch) == [expected]


def test_a_model_may_be_gone_before_its_output_meets_a_loss() -> None:
    with Watch() as watch:
        output = classifier("softmax")(X)
        gc.collect()
        keras.losses.SparseCategoricalCrossentropy(from_logits=True)(Y, output)
    assert verdicts(watch) == [("finding", "FLA101")]


def test_the_place_is_the_construction() -> None:
    with Watch(Path(__file__).parent) as watch:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        line = sys._getframe().f_lineno - 1
        model = classifier()
        model.compile("sgd", loss=loss)
    (site,) = watch.sites
    assert (site.location.path, site.location.line, site.location.column) == ("test_watch.py", line, 16)
