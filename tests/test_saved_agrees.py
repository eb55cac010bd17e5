"""Code and the model that it saves: both frontends say the same of the same layers."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("keras")


from fromlogits_audit.pipeline import audit_text
from fromlogits_audit.saved.graph import Walker
from fromlogits_audit.saved.interface import to_output

VECTOR, SEQUENCE, OPEN, IMAGE = (8,), (5, 8), (None, 8), (6, 6, 3)

LAYERS = [
    (VECTOR, "L.Dense(4)"),
    (VECTOR, "L.Dense(1)"),
    *((VECTOR, f"L.Dense(4, activation={name!r})") for name in (
        "softmax", "sigmoid", "relu", "tanh", "elu", "log_softmax", "hard_sigmoid", "leaky_relu", "softplus",
        "exponential", "softsign", "silu", "gelu", "selu", "mish", "log_sigmoid", "hard_tanh",
    )),
    (VECTOR, "L.Dense(4), L.Softmax()"),
    (VECTOR, "L.Dense(4), L.Activation('sigmoid')"),
    (VECTOR, "L.Dense(4, activation=L.LeakyReLU())"),
    (VECTOR, "L.Dense(4), L.ReLU()"),
    (VECTOR, "L.Dense(4), L.ELU()"),
    (VECTOR, "L.Dense(4), L.PReLU()"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Dropout(0.5)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.GaussianNoise(0.1)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.BatchNormalization()"),
    (VECTOR, "L.Dense(4), L.LayerNormalization()"),
    (VECTOR, "L.Dense(4, activation='sigmoid'), L.Rescaling(2.0)"),
    (VECTOR, "L.Dense(4), L.Rescaling(2.0)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Reshape((4,))"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Reshape((2, 2))"),
    (VECTOR, "L.Dense(4), L.Reshape((2, 2))"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.RepeatVector(3)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.UnitNormalization()"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Dense(2)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Activation('linear')"),
    (VECTOR, "L.Dense(1, activation='softmax')"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.ReLU()"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.ReLU(threshold=0.0)"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.ReLU(threshold=0.3)"),
    (VECTOR, "L.Dense(4, activation='sigmoid'), L.LeakyReLU()"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.PReLU()"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Activation('relu6')"),
    (VECTOR, "L.Dense(4, activation='softmax'), L.Activation('selu')"),
    (VECTOR, "L.Dense(4), L.ReLU(max_value=1.0)"),
    (VECTOR, "L.Dense(4), L.ReLU(max_value=6.0)"),
    (SEQUENCE, "L.Dense(4, activation='softmax')"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.Flatten()"),
    (SEQUENCE, "L.Dense(1, activation='softmax'), L.Flatten()"),
    (SEQUENCE, "L.Dense(1, activation='softmax'), L.Reshape((5,))"),
    (SEQUENCE, "L.Dense(1, activation='softmax'), L.Permute((2, 1))"),
    (SEQUENCE, "L.Dense(5, activation='softmax'), L.Permute((2, 1))"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.Reshape((-1, 4))"),
    (OPEN, "L.Dense(4, activation='softmax'), L.Flatten()"),
    (OPEN, "L.Dense(4, activation='softmax'), L.Reshape((-1,))"),
    (OPEN, "L.Dense(4, activation='softmax'), L.Reshape((-1, 4))"),
    (OPEN, "L.Dense(4, activation='softmax'), L.Permute((2, 1))"),
    (OPEN, "L.Dense(4), L.Flatten()"),
    (SEQUENCE, "L.Dense(4), L.Softmax(axis=1)"),
    (SEQUENCE, "L.Dense(4), L.Reshape((1, 20)), L.Softmax(axis=1)"),
    (SEQUENCE, "L.TimeDistributed(L.Dense(4, activation='softmax'))"),
    (SEQUENCE, "L.LSTM(4)"),
    (SEQUENCE, "L.LSTM(4, return_sequences=True)"),
    (SEQUENCE, "L.GRU(4, activation='softmax')"),
    (SEQUENCE, "L.Bidirectional(L.LSTM(4))"),
    (SEQUENCE, "L.Bidirectional(L.LSTM(4), merge_mode='sum')"),
    (SEQUENCE, "L.Conv1D(4, 3, activation='softmax')"),
    (SEQUENCE, "L.Conv1D(4, 3), L.GlobalMaxPooling1D()"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.GlobalAveragePooling1D()"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.GlobalMaxPooling1D()"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.ZeroPadding1D(1)"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.Cropping1D(1)"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.AveragePooling1D(2)"),
    (SEQUENCE, "L.Dense(4, activation='softmax'), L.UpSampling1D(2)"),
    (IMAGE, "L.Conv2D(3, 3, activation='softmax')"),
    (IMAGE, "L.Conv2D(3, 3), L.MaxPooling2D()"),
    (IMAGE, "L.Conv2D(3, 3, padding='same'), L.Flatten()"),
    (IMAGE, "L.Conv2D(3, 3, strides=2), L.Flatten()"),
    (IMAGE, "L.Conv2DTranspose(2, 3, padding='same', activation='sigmoid')"),
    (IMAGE, "L.DepthwiseConv2D(3)"),
    (IMAGE, "L.SeparableConv2D(5, 3, activation='relu')"),
    (IMAGE, "L.Conv2D(3, 3, activation='softmax'), L.UpSampling2D(2)"),
    (IMAGE, "L.Conv2D(3, 3, activation='softmax'), L.UpSampling2D(2, interpolation='bicubic')"),
    (IMAGE, "L.Conv2D(3, 3), L.GlobalAveragePooling2D(), L.Softmax()"),
]  # fmt: skip


def agree(model: str, inputs: str = "") -> None:
    """The scan of a program that makes a model says what the model's own config does, and its real shape."""
    program = f"import keras\nfrom keras import layers as L\n{inputs}\nmodel = {model}\n"
    (scanned,) = [judged.site.output for judged in audit_text(f"{program}model.compile(loss='mse')\n").sites]
    names: dict[str, Any] = {}
    exec(program, names)
    built = names["model"]
    entry = json.loads(built.to_json())
    ((_, saved),) = [(one.key, to_output(one.tensor, "m")) for one in Walker().outputs(entry)]
    assert (saved.scale, saved.activation) == (scanned.scale, scanned.activation)
    if None not in (saved.units, scanned.units):
        assert saved.units == scanned.units
    assert (saved.unit_softmax is None) == (scanned.unit_softmax is None)
    for units in (saved.units, scanned.units):
        assert units in (None, built.output_shape[-1])


@pytest.mark.parametrize(("inputs", "layers"), LAYERS, ids=[layers for _, layers in LAYERS])
def test_the_scan_and_the_saved_model_agree(inputs: tuple[int | None, ...], layers: str) -> None:
    agree(f"keras.Sequential([keras.Input({inputs}), {layers}])")


PAIR, SERIES = "keras.Input((8,)), keras.Input((8,))", "keras.Input((5, 8)), keras.Input((7, 8))"
MERGED = [
    (PAIR, "L.Dot(axes=1)"),
    (PAIR, "L.Dot(axes=-1)"),
    (PAIR, "L.Dot(axes=(1, 1), normalize=True)"),
    (SERIES, "L.Dot(axes=2)"),
    (SERIES, "L.Dot(axes=(-1, -1), normalize=True)"),
    ("keras.Input((5, 8)), keras.Input((8,))", "L.Dot(axes=(2, 1))"),
    ("keras.Input((5, 8)), keras.Input((5, 8))", "L.Dot(axes=1)"),
    ("keras.Input((3, 5, 8)), keras.Input((5, 8))", "L.Dot(axes=-1)"),
    (PAIR, "L.Add()"),
    (PAIR, "L.Average()"),
    (PAIR, "L.Concatenate()"),
    (PAIR, "L.Maximum()"),
]


@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
@pytest.mark.parametrize(("inputs", "merge"), MERGED, ids=[f"{len(i)} {m}" for i, m in MERGED])
def test_they_agree_on_what_is_merged(inputs: str, merge: str, activation: str | None) -> None:
    heads = f"[L.Dense(one.shape[-1], activation={activation!r})(one) for one in inputs]"
    agree(f"keras.Model(inputs, {merge}({heads}))", f"inputs = [{inputs}]")
