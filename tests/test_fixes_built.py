"""Heads x what follows them x losses, all fixed with ``--unsafe-fixes``.

Real Keras builds every mended program, the outputs that were given a softmax sum to one, and a second run
finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fromlogits_audit import fixes
from fromlogits_audit.cache import Cache
from fromlogits_audit.lean import dataclass
from fromlogits_audit.pipeline import audit_source

pytest.importorskip("tensorflow")

HEADS = [
    "layers.Dense(4)",
    "layers.Dense(1)",
    "layers.Dense(4, activation='sigmoid')",
    "layers.Dense(4, activation='softmax')",
    "layers.Dense(1, activation='softmax')",
    "layers.Dense(4, activation='relu')",
    "layers.Activation('tanh')",
    "layers.ReLU()",
    "layers.LeakyReLU()",
    "layers.Softmax()",
    "layers.Conv1D(4, 3)",
    "layers.EinsumDense('abc,cd->abd', output_shape=(None, 4))",
    "layers.LSTM(4, return_sequences=True)",
    "layers.LSTM(4, activation='relu', return_sequences=True)",
    "layers.GRU(4, activation=None)",
    "layers.SimpleRNN(4, return_sequences=True)",
    "layers.SimpleRNN(4, activation='relu')",
    "layers.Bidirectional(layers.SimpleRNN(4))",
    "layers.TimeDistributed(layers.Dense(4))",
    "layers.SpectralNormalization(layers.Dense(4))",
    "layers.BatchNormalization()",
    "layers.LayerNormalization()",
    "layers.GroupNormalization(2)",
    "layers.Embedding(10, 4)",
]
"""What gives an output its scale, each applied to a (6, 8) input."""

LAYERS = [
    "layers.Identity()",
    "layers.Activation('linear')",
    "layers.Activation('relu')",
    "layers.Flatten()",
    "layers.Reshape((-1, 2))",
    "layers.Reshape((-1, 4))",
    "layers.Permute((2, 1))",
    "layers.RepeatVector(2)",
    "layers.GlobalAveragePooling1D()",
    "layers.AveragePooling1D(2)",
    "layers.MaxPooling1D(2)",
    "layers.GlobalMaxPooling1D()",
    "layers.ZeroPadding1D(1)",
    "layers.Cropping1D(1)",
    "layers.UpSampling1D(2)",
    "layers.Dropout(0.5)",
    "layers.GaussianNoise(0.5)",
    "layers.Rescaling(2.0)",
    "layers.BatchNormalization()",
    "layers.LayerNormalization()",
    "layers.LeakyReLU()",
    "layers.Softmax()",
    "layers.Lambda(lambda t: t * 2)",
]
"""Layers behind it."""

STEPS = [
    *("h", "h / 10.0", "-h", "h * 2", "h + h"),
    *("keras.ops.mean(h, axis=1)", "keras.ops.reshape(h, (-1, 2))", "keras.ops.softmax(h)"),
    *("keras.ops.clip(h, 1e-7, 1 - 1e-7)", "keras.ops.flip(h, axis=-1)", "h[..., :1]"),
    "layers.Add()([h, h])",
    "layers.Concatenate()([h, h])",
    "layers.Multiply()([h, h])",
    "layers.Dot(axes=-1)([h, h])",
    "layers.MultiHeadAttention(2, 8)(h, h)",
    "layers.Average()([h, layers.LayerNormalization()(h)])",
    "layers.Dropout(0.5)(layers.BatchNormalization()(h))",
    "layers.Flatten()(layers.Identity()(h))",
    "layers.Activation('linear')(layers.UpSampling1D(2)(h))",
    *(f"{layer}(h)" for layer in LAYERS),
]
"""Anything behind it."""

LOSSES = [
    "keras.losses.KLDivergence()",
    "keras.losses.CategoricalCrossentropy()",
    "keras.losses.CategoricalCrossentropy(from_logits=True)",
    "keras.losses.BinaryCrossentropy()",
    "tf.nn.softmax_cross_entropy_with_logits",
]

START = "import keras\nimport tensorflow as tf\nfrom keras import layers\n"
FUNCTIONAL = START + "i = keras.Input((6, 8))\nh = {head}(i)\ns = {step}\nm = keras.Model(i, s)\n"
SEQUENTIAL = START + "m = keras.Sequential([keras.Input((6, 8)), {head}, {step}])\n"
COMPILED = "m.compile(loss={loss})\n"
OPERATED = "def loss(x, y):\n    return {loss}(labels=y, logits=m(x))\n"
SOFTMAX = 'activation="softmax"'
MIXED = 'keras.mixed_precision.set_global_policy("mixed_float16")\n'


def programs() -> Iterator[str]:
    bodies = [FUNCTIONAL.format(head=head, step=step) for head in HEADS for step in STEPS]
    bodies += [SEQUENTIAL.format(head=head, step=layer) for head in HEADS for layer in LAYERS]
    for number, body in enumerate(bodies):
        for loss in (LOSSES[0], LOSSES[1 + number // 2 % (len(LOSSES) - 1)])[: 1 + number % 2]:
            yield body + (OPERATED if loss.startswith("tf") else COMPILED).format(loss=loss)


@dataclass(frozen=True)
class Mended:
    """A program before and after, and the codes that are still found in it."""

    before: str
    after: str
    codes: frozenset[str]

    def added(self, text: str) -> bool:
        """Whether the fixes wrote something more often than it stood there."""
        return self.after.replace("'", '"').count(text) > self.before.replace("'", '"').count(text)


def mended(folder: Path, texts: list[str]) -> list[Mended]:
    """The programs that fixes change, each a file of its own; a second run changes none."""
    files = {folder / f"p{number}.py": text for number, text in enumerate(texts)}
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    audit = partial(audit_source, [folder], cwd=folder, cache=Cache(folder / ".cache"))
    report = fixes.fix(audit, folder, unsafe=True)
    assert not [note for note in report.notes if "undo" in note or "Stopped" in note]
    assert fixes.mend(audit, folder, unsafe=True).after == {}
    assert {found.sort_key() for found in audit().findings} == {f.sort_key() for f in report.findings}
    return [
        Mended(text, after, frozenset(f.code for f in report.findings if f.location.path == file.name))
        for file, text in files.items()
        for after in [file.read_text(encoding="utf-8")]
        if after != text
    ]


def built(text: str) -> Any:
    """The model of a program, None where Keras refuses it. The policy is as before afterwards."""
    import keras

    names: dict[str, Any] = {}
    policy = keras.mixed_precision.dtype_policy()
    try:
        exec(compile(text, "program.py", "exec"), names)
    except (TypeError, ValueError):
        return None
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    return names["m"]


def wrong_with(one: Mended, inputs: np.ndarray[Any, np.dtype[Any]]) -> str | None:
    if built(one.before) is None:
        return None
    model = built(one.after)
    if model is None:
        return "does not build any more"
    if one.added(SOFTMAX) and not one.codes:
        for training in (False, True):
            sums = np.asarray(model(inputs, training=training)).sum(axis=-1)
            if not np.allclose(sums, 1, atol=1e-4):
                return f"does not sum to one, training={training}"
    return None


def test_every_mended_program_builds_and_a_softmax_that_was_added_sums_to_one(tmp_path: Path) -> None:
    changed = mended(tmp_path, list(programs()))
    assert len(changed) > 300
    assert sum(one.added(SOFTMAX) for one in changed) > 30
    inputs = np.random.default_rng(5).uniform(0, 9, (3, 6, 8)).astype("float32")
    wrong = [(what, one.after) for one in changed if (what := wrong_with(one, inputs)) is not None]
    assert wrong == []


def mixed_programs() -> Iterator[str]:
    heads = ["layers.Dense(4, activation='softmax')", "layers.TimeDistributed(layers.Dense(1, 'sigmoid'))"]
    heads += [
        "layers.Dense(4, 'softmax', dtype='float32')",
        "layers.Activation('sigmoid')",
        "layers.Softmax()",
    ]
    for head in heads:
        for step in [
            *STEPS,
            *(f"{layer[:-1]}, dtype='float32')(h)" for layer in LAYERS if "()" not in layer),
        ]:
            text = FUNCTIONAL.format(head=head, step=step) + COMPILED.format(loss="'binary_crossentropy'")
            yield text.replace("i = keras", f"{MIXED}i = keras")


def test_what_is_mended_of_half_precision_comes_out_in_float32(tmp_path: Path) -> None:
    changed = [one for one in mended(tmp_path, list(mixed_programs())) if one.added('dtype="float32"')]
    assert len(changed) > 40
    assert [one.after for one in changed if "FLA701" in one.codes] == []
    models = [(built(one.after), one) for one in changed if built(one.before) is not None]
    wrong = [one.after for model, one in models if model is None or model.outputs[0].dtype != "float32"]
    assert wrong == []
