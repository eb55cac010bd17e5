"""An output's activation is mended at the layer that gives the scale, and only if that reaches the loss."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fromlogits_audit import fixes
from fromlogits_audit.pipeline import audit_source, audit_text

START = "import keras\nimport tensorflow as tf\nfrom keras import layers\ni = keras.Input((6, 8))\n"
KLD = "keras.losses.KLDivergence()"


def program(output: str, loss: str = KLD) -> str:
    return f"{START}m = keras.Model(i, {output})\nm.compile(loss={loss})\n"


def operated(output: str) -> str:
    op = "tf.nn.softmax_cross_entropy_with_logits"
    return f"{START}m = keras.Model(i, {output})\nl = {op}(labels=y, logits=m(x))\n"


def mended(folder: Path, text: str) -> str:
    file = folder / "train.py"
    file.write_text(text, encoding="utf-8")
    fixes.fix(partial(audit_source, [folder], cwd=folder), folder, unsafe=True)
    return file.read_text(encoding="utf-8")


GETS_A_SOFTMAX = [
    ("layers.Dense(4{})(i)", "the layer is the last"),
    ("layers.Identity()(layers.Dense(4{})(i))", "handed on"),
    ("layers.Activation('linear')(layers.Dense(4{})(i))", "a linear activation"),
    ("layers.GlobalAveragePooling1D()(layers.Dense(4{})(i))", "a mean of softmaxes is one"),
    ("layers.UpSampling1D(2)(layers.Dense(4{})(i))", "each is repeated"),
    ("layers.Reshape((3, 2, 4))(layers.Dense(4{})(i))", "the classes stay together"),
    ("layers.Flatten()(layers.GlobalAveragePooling1D()(layers.Dense(4{})(i)))", "nothing to flatten"),
    ("layers.TimeDistributed(layers.Dense(4{}))(i)", "in a wrapper"),
    ("layers.Conv1D(4, 3{})(i)", "a convolution"),
    ("layers.SimpleRNN(4{})(layers.Dense(4)(i))", "recurrent, and no gates"),
]


@pytest.mark.parametrize("output", [row[0] for row in GETS_A_SOFTMAX], ids=[row[1] for row in GETS_A_SOFTMAX])
def test_a_softmax_goes_where_it_reaches_the_loss(tmp_path: Path, output: str) -> None:
    softmax = ', activation="softmax"'
    if "SimpleRNN" in output:
        before = program(output.format(', activation="tanh"'), "'categorical_crossentropy'")
        assert mended(tmp_path, before) == program(output.format(softmax), "'categorical_crossentropy'")
    else:
        assert mended(tmp_path, program(output.format(""))) == program(output.format(softmax))


LEFT = [
    ("layers.BatchNormalization()(layers.Dense(4)(i))", "has no activation"),
    ("layers.LayerNormalization()(i)", "has no activation"),
    ("layers.GroupNormalization(2)(layers.Dense(4)(i))", "has no activation"),
    ("layers.MultiHeadAttention(2, 8)(i, i)", "has no activation"),
    ("layers.Embedding(10, 4)(i)", "has no activation"),
    ("layers.LeakyReLU()(layers.Dense(4)(i))", "is an activation, and no other"),
    ("layers.GRU(4, activation=None)(i)", "gates scale it"),
    ("layers.Bidirectional(layers.GRU(4, activation=None))(i)", "two of them"),
    ("layers.Flatten()(layers.Dense(4)(i))", "the classes are taken apart"),
    ("layers.Flatten()(layers.Dense(1)(i))", "softmax over one unit"),
    ("layers.Reshape((24,))(layers.Dense(4)(i))", "the classes are taken apart"),
    ("layers.Reshape((-1, 2))(layers.Dense(4)(i))", "the classes are taken apart"),
    ("layers.Permute((2, 1))(layers.Dense(4)(i))", "the classes are another axis"),
    ("layers.Concatenate()([layers.Dense(4)(i), layers.Dense(4)(i)])", "one branch"),
    ("layers.Add()([layers.Dense(4)(i), layers.Dense(4)(i)])", "one branch"),
    ("layers.Average()([layers.Dense(4)(i), layers.Dense(4)(i)])", "one branch"),
    ("layers.Multiply()([layers.Dense(4)(i), layers.Dense(4)(i)])", "one branch"),
    ("layers.Dot(axes=-1)([layers.Dense(4)(i), layers.Dense(4)(i)])", "one branch"),
    ("layers.Dense(4)(i) + layers.Dense(4)(i)", "one branch"),
    ("layers.Dense(4)(i) / 10.0", "scaled"),
    ("-layers.Dense(4)(i)", "scaled"),
    ("layers.Rescaling(2.0)(layers.Dense(4)(i))", "scaled"),
    ("layers.Lambda(lambda t: t * 2)(layers.Dense(4)(i))", "scaled"),
    ("layers.Dropout(0.5)(layers.Dense(4)(i))", "no probabilities in training"),
    ("layers.GaussianNoise(0.5)(layers.Dense(4)(i))", "no probabilities in training"),
    ("layers.MaxPooling1D(2)(layers.Dense(4)(i))", "the largest of several sum to more than one"),
    ("layers.ZeroPadding1D(1)(layers.Dense(4)(i))", "rows of zeros"),
    (
        "layers.UpSampling2D(2, interpolation='bicubic')(layers.Dense(4)(layers.Reshape((6, 8, 1))(i)))",
        "overshoots",
    ),
    ("layers.Conv1D(4, 3, data_format='channels_first')(i)", "softmax is over the last axis"),
]


@pytest.mark.parametrize("output", [row[0] for row in LEFT], ids=[f"{row[0]}: {row[1]}" for row in LEFT])
def test_a_softmax_that_would_not_reach_the_loss_is_not_offered(tmp_path: Path, output: str) -> None:
    text = program(output)
    found = audit_text(text).findings
    assert [(one.code, one.fixes) for one in found] == [("FLA203", ())]
    assert found[0].help
    assert mended(tmp_path, text) == text


def test_where_no_softmax_can_go_the_flag_of_the_loss_still_does(tmp_path: Path) -> None:
    text = program("layers.BatchNormalization()(layers.Dense(4)(i))", "'categorical_crossentropy'")
    assert "CategoricalCrossentropy(from_logits=True)" in mended(tmp_path, text)


REMOVED = [
    ("layers.Flatten()(layers.Dense(4, activation='tanh')(i))", "layers.Flatten()(layers.Dense(4)(i))"),
    (
        "layers.Dropout(0.5)(layers.Dense(4, activation='softmax')(i))",
        "layers.Dropout(0.5)(layers.Dense(4)(i))",
    ),
    (
        "keras.ops.mean(layers.Dense(4, activation='softmax')(i), axis=1)",
        "keras.ops.mean(layers.Dense(4)(i), axis=1)",
    ),
    ("layers.SimpleRNN(4, activation='relu')(i)", "layers.SimpleRNN(4, activation='linear')(i)"),
]


@pytest.mark.parametrize(("before", "after"), REMOVED)
def test_an_activation_goes_where_what_follows_hands_logits_on(
    tmp_path: Path, before: str, after: str
) -> None:
    assert mended(tmp_path, operated(before)) == operated(after)


KEPT = [
    ("layers.LSTM(4, activation='relu')(i)", "its gates need one"),
    ("layers.Average()([layers.Dense(4, 'softmax')(i), layers.Dense(4, 'softmax')(i)])", "one branch"),
    ("keras.ops.clip(layers.Dense(4, activation='softmax')(i), 1e-7, 1 - 1e-7)", "it cuts logits off"),
    ("layers.ReLU()(layers.Dense(4)(i))", "no argument to remove"),
]


@pytest.mark.parametrize("output", [row[0] for row in KEPT], ids=[row[1] for row in KEPT])
def test_an_activation_that_others_rest_on_stays(tmp_path: Path, output: str) -> None:
    text = operated(output)
    assert [one.fixes for one in audit_text(text).findings] == [()]
    assert mended(tmp_path, text) == text


BRANCHES = """import keras
from keras import layers
i = keras.Input((8,))
if few:
    h = layers.Dense({})(i)
else:
    h = layers.{}(4)(i)
m = keras.Model(i, layers.Identity()(h))
m.compile(loss="kl_divergence")
"""


def test_where_one_of_several_layers_ends_the_model_all_are_mended_or_none(tmp_path: Path) -> None:
    sigmoid, softmax = (f'activation="{name}"' for name in ("sigmoid", "softmax"))
    text = mended(tmp_path, BRANCHES.format("1", "Dense"))
    assert text == BRANCHES.format(f"1, {sigmoid}", "Dense").replace("(4)", f"(4, {softmax})")
    one_cannot = BRANCHES.format("2", "LayerNormalization").replace("ion(4)", "ion()")
    assert mended(tmp_path, one_cannot) == one_cannot


def test_a_layer_that_others_read_keeps_its_scale_for_them(tmp_path: Path) -> None:
    """Its scores go through a softmax elsewhere, or another model flattens them."""
    head = "z = layers.Dense(4)(i)\nm = keras.Model(i, [z, {}(z)])\n"
    for other in ("layers.Softmax()", "layers.Activation('sigmoid')", "keras.ops.softmax"):
        text = START + head.format(other) + f"m.compile(loss=[{KLD}, None])\n"
        assert [(one.code, one.fixes) for one in audit_text(text).findings] == [("FLA203", ())]
    text = START + head.format("layers.Flatten()") + f"m.compile(loss=[{KLD}, {KLD}])\n"
    assert mended(tmp_path, text) == text


def test_a_softmax_layer_over_one_unit_is_not_told_an_activation(tmp_path: Path) -> None:
    text = program("layers.Softmax()(layers.Dense(1)(i))", "'binary_crossentropy'")
    assert [one.code for one in audit_text(text).findings] == ["FLA303"]
    assert mended(tmp_path, text) == text
