"""Programs at random that put models together: under conditions, in loops and functions, by position and by
class, out of one another.

They depend on a number ``N`` and leave a model ``m`` of four inputs and three outputs. Some stop for some
numbers, as Keras refuses what they do.
"""

from __future__ import annotations

import numbered
from numbered import Lines

START = """\
import keras
from keras import layers
inp = keras.Input((4,))
def make(act=None):
    return keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Dense(3, activation=act)])
def func(act=None):
    i = keras.Input((4,))
    h = layers.Dense(5)(i)
    return keras.Model(i, layers.Dense(3, activation=act)(h))
class Own(keras.Model):
    def __init__(self, act=None):
        super().__init__()
        self.first = layers.Dense(5)
        self.head = layers.Dense(3, activation=act)
    def call(self, x):
        return self.head(self.first(x))
class Head(layers.Layer):
    def __init__(self, act=None):
        super().__init__()
        self.last = layers.Dense(3, activation=act)
    def call(self, x):
        return self.last(x)
class Scale(layers.Layer):
    def call(self, x):
        return x * 1.0
m = make()
k = func()
own = Own()
ms = [make('softmax'), make()]
made = {'a': make, 'b': func}
ends = [layers.Dense(3), layers.Softmax()]
"""
_ACTIVATIONS = ("None", "'softmax'", "'softmax'", "'linear'", "('softmax' if N > 2 else None)")
_MODELS = (
    "make({act})",
    "make({act})",
    "func({act})",
    "func({act})",
    "ms[0]",
    "ms[-1]",
    "k",
    "m",
    "made['a']({act})",
    "made.get('c', make)({act})",
)
_OF_MODELS = (
    "keras.Sequential([{m}, layers.Softmax()])",
    "keras.Sequential([{m}, layers.Dense(3, {act})])",
    "keras.Sequential([{m}, Head({act})])",
    "keras.Sequential([{m}, Scale()])",
    "keras.Sequential({m}.layers)",
    "keras.Sequential([*{m}.layers[:-1], layers.Dense(3, activation={act})])",
    "keras.Model(inp, {m}(inp))",
    "keras.Model(inp, layers.Activation('softmax')({m}(inp)))",
    "keras.Model(inp, Head({act})({m}(inp)))",
    "keras.Model(inp, layers.Dense(3, activation={act})({m}(inp)))",
    "keras.Model(inp, Scale()({m}(inp)))",
    "keras.Model(inp, ends[-1]({m}(inp)))",
    "keras.Model(inp, keras.layers.add([{m}(inp), {other}(inp)]))",
    "keras.Model(inp, keras.layers.average([{m}(inp), {other}(inp)]))",
    "keras.models.clone_model({m})",
    "keras.Model({m}.inputs, {m}.output)",
    "keras.Model({m}.inputs, {m}.layers[-2].output)",
    "keras.Model(m.inputs, m.layers[1].output)",
    "keras.Model(m.inputs, m.get_layer(index=-1).output)",
    "keras.Model(k.inputs, layers.Softmax()(k.output))",
    "({m} if N > 1 else {other})",
)
_CONDITIONS = (
    "N > 0",
    "N < 2",
    "N == 3",
    "N >= 4",
    "isinstance(m.layers[-1], layers.Dense)",
    "len(m.layers) > 2",
    "isinstance(m.layers[-1], layers.Softmax)",
    "isinstance(m.layers[-1], Head)",
    "len(k.layers) == 3",
    "isinstance(m, keras.Sequential)",
    "isinstance(m.layers[-1], keras.Model)",
    "m is k",
    "m in ms",
    "len(ms) > 2",
    "type(m.layers[-1]).__name__ == 'Dense'",
    "any(isinstance(l, Scale) for l in m.layers)",
    "getattr(m.layers[-1], 'activation', None) is keras.activations.softmax",
    "'b' in made",
)
_SIMPLE = (
    "m = {m}",
    "m = {m}",
    "m = {m}",
    "k = {m}",
    "ms.append({m})",
    "ms[0] = {m}",
    "ms.insert(0, {m})",
    "m = ms.pop()",
    "m.add(layers.Softmax())",
    "m.add(layers.Dense(3, activation={act}))",
    "m.pop()",
    "m, k = k, m",
    "ms = ms[::-1]",
    "m.layers[-1].activation = keras.activations.softmax",
    "made['a'] = func",
    "ends = ends[::-1]",
    "k.layers[-1].activation = keras.activations.get({act})",
    "made['c'] = lambda act=None: func('softmax')",
    "own.head = layers.Dense(3, activation={act})",
    "own = Own({act})",
    "m = keras.Model(inp, own(inp))",
)


class Writer(numbered.Writer):
    """Writes one program."""

    def program(self) -> str:
        return START + "\n".join(self._block(2, 4, 2)) + "\n"

    def _filled(self, texts: tuple[str, ...], depth: int = 0) -> str:
        text = self._random.choice(texts)
        act = self._random.choice(_ACTIVATIONS)
        models = {name: self._model(depth + 1) if f"{{{name}}}" in text else "" for name in ("m", "other")}
        return text.format(act=act, **models)

    def _model(self, depth: int) -> str:
        put_together = depth < 3 and self._random.random() < 0.5
        return self._filled(_OF_MODELS if put_together else _MODELS, depth)

    def _block(self, least: int, most: int, depth: int) -> Lines:
        return [line for _ in range(self._random.randint(least, most)) for line in self._statement(depth)]

    def _indented(self, depth: int) -> Lines:
        return ["    " + line for line in self._block(1, 2, depth)]

    def _statement(self, depth: int) -> Lines:
        kind = self._random.random()
        if not depth or kind < 0.55:
            return [self._filled(_SIMPLE)]
        if kind < 0.85:
            ending = ["else:", *self._indented(depth - 1)] if self._random.random() < 0.4 else []
            return [f"if {self._random.choice(_CONDITIONS)}:", *self._indented(depth - 1), *ending]
        if kind < 0.92:
            return [f"for {self._name()} in range(2):", *self._indented(depth - 1)]
        name = self._name()
        head = [f"def {name}(m):", "    global k, ms, own, ends"]
        return [*head, *self._indented(depth - 1), "    return m", f"m = {name}({self._model(1)})"]
