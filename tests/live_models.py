"""Models for the tests of what is alive: every form, built with whichever Keras is given.

``k`` is ``keras`` or ``tf_keras``. All take inputs of four numbers; nothing here knows what is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FEATURES = 4
Build = Callable[[Any], Any]


def inputs(rows: int = 64) -> Any:
    return np.random.default_rng(0).standard_normal((rows, FEATURES)).astype("float32")


def sequential(*layers: Callable[[Any], Any], built: bool = True, name: str = "classifier") -> Build:
    """A Sequential of layers, each made from the library's ``layers``."""

    def build(k: Any) -> Any:
        made = [make(k.layers) for make in layers]
        return k.Sequential([k.Input((FEATURES,)), *made] if built else made, name=name)

    return build


def dense(units: int, activation: Any = None, **settings: Any) -> Callable[[Any], Any]:
    return lambda layers: layers.Dense(units, activation=activation, **settings)


def functional(*heads: Callable[[Any], Any], by_key: tuple[str, ...] = ()) -> Build:
    """A functional model of some heads on a hidden layer, as a list or as a dict."""

    def build(k: Any) -> Any:
        source = k.Input((FEATURES,))
        hidden = k.layers.Dense(8, activation="relu")(source)
        outputs = [head(k.layers)(hidden) for head in heads]
        shaped = dict(zip(by_key, outputs, strict=True)) if by_key else outputs
        return k.Model(source, shaped if by_key or len(heads) > 1 else outputs[0])

    return build


def nested(inner: Build, outer: Callable[[Any], Any] | None = None) -> Build:
    """A model inside a model, with a layer behind it."""

    def build(k: Any) -> Any:
        source = k.Input((FEATURES,))
        result = inner(k)(source)
        return k.Model(source, outer(k.layers)(result) if outer is not None else result)

    return build


def activation_changed(k: Any) -> Any:
    model = sequential(dense(8, "relu"), dense(3, "softmax"))(k)
    model.layers[-1].activation = k.activations.linear
    return model


def layer_of_its_own(then: Callable[[Any], Any] | None = None) -> Build:
    """A layer whose code only running it shows."""

    def build(k: Any) -> Any:
        class Scores(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, **settings: Any) -> None:
                super().__init__(**settings)
                self.inner = k.layers.Dense(3)

            def call(self, x: Any) -> Any:
                return self.inner(x)

        source = k.Input((FEATURES,))
        result = Scores(name="scores")(source)
        return k.Model(source, then(k.layers)(result) if then is not None else result)

    return build


def dense_that_calls_itself_softmax(k: Any) -> Any:
    """An activation of the project's own, with the name of one of Keras."""

    def softmax(x: Any) -> Any:
        return x * 2.0

    return sequential(dense(3, softmax))(k)


def subclass(after: Callable[[Any, Any], Any] = lambda k, x: x, units: int = 3) -> Build:
    """A class with a ``call`` of its own that ends in a Dense and ``after``."""

    def build(k: Any) -> Any:
        class Classifier(k.Model):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.hidden = k.layers.Dense(16, activation="relu")
                self.norm = k.layers.BatchNormalization()
                self.drop = k.layers.Dropout(0.5)
                self.head = k.layers.Dense(units)

            def call(self, x: Any, training: bool = False) -> Any:
                hidden = self.norm(self.hidden(x), training=training)
                return after(k, self.head(self.drop(hidden, training=training)))

        return Classifier()

    return build


def subclass_of_two(k: Any) -> Any:
    class Two(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.kind = k.layers.Dense(5, activation="softmax")
            self.good = k.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return {"kind": self.kind(x), "good": self.good(x)}

    return Two()


def own_step(k: Any) -> Any:
    """A functional model whose step applies a softmax before the loss."""

    class Stepping(k.Model):  # type: ignore[misc, name-defined]
        def train_step(self, *args: Any, **kwargs: Any) -> Any:
            return super().train_step(*args, **kwargs)

    source = k.Input((FEATURES,))
    return Stepping(source, k.layers.Dense(3)(source))


def counting(k: Any) -> Any:
    """A model that counts its calls in a weight that is not trained."""

    class Counting(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.head = k.layers.Dense(3)

        def build(self, shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
            self.head.build(shape)

        def call(self, x: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return self.head(x) / 3.0

    return Counting()
