"""What each fix makes of a program: the whole text afterwards, and that a second run finds nothing to do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fromlogits_audit import fixes
from fromlogits_audit.config import Settings
from fromlogits_audit.finding import Applicability, Fix
from fromlogits_audit.pipeline import audit_source, audit_text
from fromlogits_audit.report import Report

HEAD = "import keras\nfrom keras import layers\n"
INTEGERS = HEAD + "import numpy as np\nX = np.zeros((8, 4))\nY = np.argmax(X, axis=1)"
ONE_HOT = HEAD + "import numpy as np\nX = np.zeros((8, 4))\nY = keras.utils.to_categorical(range(3), 3)"
IMPORTED = HEAD + "from keras.losses import BinaryCrossentropy as BCE"


def program(units: int, activation: str | None, compiled: str, *more: str, head: str = HEAD) -> str:
    """A model that ends in one Dense layer, its compile, and what follows."""
    end = "" if activation is None else f', activation="{activation}"'
    model = f"m = keras.Sequential([keras.Input((4,)), layers.Dense({units}{end})])"
    return "\n".join([head.rstrip("\n"), model, f'm.compile("adam", {compiled})', *more, ""])


def mended(folder: Path, text: str, *, unsafe: bool = False) -> tuple[str, Report]:
    """The text of a file after ``--fix``, and the report about what remains."""
    file = folder / "train.py"
    file.write_text(text, encoding="utf-8")
    report = fixes.fix(partial(audit_source, [folder], cwd=folder), folder, unsafe=unsafe)
    return file.read_text(encoding="utf-8"), report


def offered(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The fixes of every finding: code, titles and whether they are safe."""
    report = audit_text(text)
    return [
        (found.code, [(fix.title, fix.applicability.value) for fix in found.fixes])
        for found in report.findings
    ]


SAFE = [
    # -- FLA101, FLA102: the argument goes, with the comma that belongs to it
    (
        "only argument",
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy()"),
    ),
    (
        "first argument",
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(from_logits=True, axis=-1)"),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(axis=-1)"),
    ),
    (
        "last argument",
        program(1, "sigmoid", "loss=keras.losses.BinaryCrossentropy(axis=-1, from_logits=True)"),
        program(1, "sigmoid", "loss=keras.losses.BinaryCrossentropy(axis=-1)"),
    ),
    (
        "trailing comma",
        program(1, "sigmoid", "loss=keras.losses.BinaryCrossentropy(from_logits=True,)"),
        program(1, "sigmoid", "loss=keras.losses.BinaryCrossentropy()"),
    ),
    (
        "one argument a line",
        program(
            3,
            "softmax",
            "loss=keras.losses.CategoricalCrossentropy(\n    label_smoothing=0.1,\n    from_logits=True,\n)",
        ),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(\n    label_smoothing=0.1,\n)"),
    ),
    (
        "alone on its line",
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(\n    from_logits=True\n)"),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy()"),
    ),
    (
        "a comment that would be lost",
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(  # why\n    from_logits=True\n)"),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy(  # why\n    from_logits=False\n)"),
    ),
    (
        "a comment behind the first argument",
        program(
            3,
            "softmax",
            "loss=keras.losses.CategoricalCrossentropy(\n    from_logits=True,  # why\n    axis=-1,\n)",
        ),
        program(
            3,
            "softmax",
            "loss=keras.losses.CategoricalCrossentropy(\n    from_logits=False,  # why\n    axis=-1,\n)",
        ),
    ),
    (
        "by position",
        program(3, "softmax", "loss=keras.losses.SparseCategoricalCrossentropy(True)"),
        program(3, "softmax", "loss=keras.losses.SparseCategoricalCrossentropy(False)"),
    ),
    (
        "a constant by name",
        program(
            3,
            "softmax",
            "loss=keras.losses.CategoricalCrossentropy(from_logits=FLAG)",
            head=HEAD + "FLAG = True",
        ),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy()", head=HEAD + "FLAG = True"),
    ),
    # -- FLA201, FLA202, FLA204: the flag is added or set
    (
        "no arguments",
        program(3, None, "loss=keras.losses.SparseCategoricalCrossentropy()"),
        program(3, None, "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "after other arguments",
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(\n    axis=-1,\n)"),
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(\n    axis=-1, from_logits=True,\n)"),
    ),
    (
        "explicitly wrong",
        program(1, None, "loss=keras.losses.BinaryCrossentropy(from_logits=False)"),
        program(1, None, "loss=keras.losses.BinaryCrossentropy(from_logits=True)"),
    ),
    (
        "log-probabilities",
        program(3, "log_softmax", "loss=keras.losses.CategoricalCrossentropy()"),
        program(3, "log_softmax", "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "focal, whose flag is the third parameter",
        program(3, None, "loss=keras.losses.CategoricalFocalCrossentropy(0.25, 2.0)"),
        program(3, None, "loss=keras.losses.CategoricalFocalCrossentropy(0.25, 2.0, from_logits=True)"),
    ),
    (
        "a function that is called",
        program(3, None, '"mse"', "l = keras.losses.categorical_crossentropy(y, m(x))"),
        program(3, None, '"mse"', "l = keras.losses.categorical_crossentropy(y, m(x), from_logits=True)"),
    ),
    # -- strings and references become objects, spelled as the file spells Keras
    (
        "string",
        program(3, None, 'loss="sparse_categorical_crossentropy"'),
        program(3, None, "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "string by position",
        program(3, None, '"categorical_crossentropy"'),
        program(3, None, "keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "string in a name that only compile reads",
        program(3, None, "loss=LOSS", head=HEAD + 'LOSS = "categorical_crossentropy"'),
        program(
            3, None, "loss=LOSS", head=HEAD + "LOSS = keras.losses.CategoricalCrossentropy(from_logits=True)"
        ),
    ),
    (
        "the module of losses imported",
        program(3, None, 'loss="categorical_crossentropy"', head=HEAD + "from keras import losses as L"),
        program(
            3,
            None,
            "loss=L.CategoricalCrossentropy(from_logits=True)",
            head=HEAD + "from keras import losses as L",
        ),
    ),
    (
        "the class imported by another name",
        program(1, None, "loss='bce'", head=IMPORTED),
        program(1, None, "loss=BCE(from_logits=True)", head=IMPORTED),
    ),
    (
        "tf alone",
        "import tensorflow as tf\nm = tf.keras.Sequential([tf.keras.layers.Dense(3)])\n"
        'm.compile("adam", "categorical_crossentropy")\n',
        "import tensorflow as tf\nm = tf.keras.Sequential([tf.keras.layers.Dense(3)])\n"
        'm.compile("adam", tf.keras.losses.CategoricalCrossentropy(from_logits=True))\n',
    ),
    (
        "star import",
        "from tensorflow.keras.models import *\nfrom tensorflow.keras.layers import *\n"
        "from tensorflow.keras.losses import *\nm = Sequential([Dense(3)])\n"
        'm.compile("adam", "categorical_crossentropy")\n',
        "from tensorflow.keras.models import *\nfrom tensorflow.keras.layers import *\n"
        "from tensorflow.keras.losses import *\nm = Sequential([Dense(3)])\n"
        'm.compile("adam", CategoricalCrossentropy(from_logits=True))\n',
    ),
    (
        "an import is added where none serves",
        '"""Doc."""\nfrom __future__ import annotations\n\n'
        "import os\n\nfrom tensorflow.keras.models import Sequential\n"
        "from tensorflow.keras.layers import Dense\n\nm = Sequential([Dense(3)])\n"
        'm.compile("adam", "categorical_crossentropy")\n',
        '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n\n'
        "from tensorflow.keras.losses import CategoricalCrossentropy\n"
        "from tensorflow.keras.models import Sequential\n"
        "from tensorflow.keras.layers import Dense\n\nm = Sequential([Dense(3)])\n"
        'm.compile("adam", CategoricalCrossentropy(from_logits=True))\n',
    ),
    (
        "a reference to a function keeps its own prefix",
        "import keras\nimport tensorflow as tf\nm = keras.Sequential([keras.layers.Dense(3)])\n"
        'm.compile("adam", loss=tf.keras.losses.categorical_crossentropy)\n',
        "import keras\nimport tensorflow as tf\nm = keras.Sequential([keras.layers.Dense(3)])\n"
        'm.compile("adam", loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True))\n',
    ),
    (
        "one of several outputs",
        "import keras\nx = keras.Input((4,))\n"
        'a, b = keras.layers.Dense(1, name="a")(x), '
        'keras.layers.Dense(1, activation="sigmoid", name="b")(x)\n'
        'm = keras.Model(x, [a, b])\nm.compile("adam", {"a": "bce", "b": "bce"})\n',
        "import keras\nx = keras.Input((4,))\n"
        'a, b = keras.layers.Dense(1, name="a")(x), '
        'keras.layers.Dense(1, activation="sigmoid", name="b")(x)\n'
        'm = keras.Model(x, [a, b])\nm.compile("adam", '
        '{"a": keras.losses.BinaryCrossentropy(from_logits=True), "b": "bce"})\n',
    ),
    # -- FLA401, FLA402: the metric
    (
        '"accuracy" keeps its name in the history',
        program(1, None, "keras.losses.BinaryCrossentropy(from_logits=True), metrics=['accuracy', 'auc']"),
        program(
            1,
            None,
            "keras.losses.BinaryCrossentropy(from_logits=True), "
            "metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name='accuracy'), "
            "keras.metrics.AUC(from_logits=True, name='auc')]",
        ),
    ),
    (
        "metric objects",
        program(
            1,
            None,
            "keras.losses.BinaryCrossentropy(from_logits=True), metrics=[\n    keras.metrics.Precision(),\n"
            "    keras.metrics.Recall(thresholds=0.5),\n    keras.metrics.AUC(name='auc'),\n]",
        ),
        program(
            1,
            None,
            "keras.losses.BinaryCrossentropy(from_logits=True), "
            "metrics=[\n    keras.metrics.Precision(thresholds=0),\n"
            "    keras.metrics.Recall(thresholds=0),\n"
            "    keras.metrics.AUC(name='auc', from_logits=True),\n]",
        ),
    ),
    (
        "a threshold of another probability",
        program(
            1,
            None,
            "keras.losses.BinaryCrossentropy(from_logits=True), "
            "metrics=[keras.metrics.BinaryAccuracy(threshold=0.8)]",
        ),
        program(
            1,
            None,
            "keras.losses.BinaryCrossentropy(from_logits=True), "
            "metrics=[keras.metrics.BinaryAccuracy(threshold=1.38629)]",
        ),
    ),
    (
        "a cross-entropy metric",
        program(
            3,
            None,
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True), "
            'metrics=["sparse_categorical_crossentropy"]',
        ),
        program(
            3,
            None,
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True), "
            "metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True)]",
        ),
    ),
    (
        "a string for which Keras takes what the labels ask for",
        program(3, None, '"crossentropy"', "m.fit(X, Y)", head=INTEGERS),
        program(
            3,
            None,
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
            "m.fit(X, Y)",
            head=INTEGERS,
        ),
    ),
    (
        "the same as a metric, beside a loss that says what they are",
        program(3, None, 'keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["ce"]'),
        program(
            3,
            None,
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True), "
            'metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="ce")]',
        ),
    ),
    (
        "a metric that expects logits of a softmax",
        program(
            3,
            "softmax",
            'loss="categorical_crossentropy", '
            "metrics=[keras.metrics.CategoricalCrossentropy(from_logits=True)]",
        ),
        program(
            3, "softmax", 'loss="categorical_crossentropy", metrics=[keras.metrics.CategoricalCrossentropy()]'
        ),
    ),
    # -- the loss takes its metrics and cut-offs along
    (
        "a binary loss with its accuracy and its cut-off",
        program(1, None, 'loss="binary_crossentropy", metrics=["acc"]', "hit = m.predict(x) > 0.5"),
        program(
            1,
            None,
            "loss=keras.losses.BinaryCrossentropy(from_logits=True), "
            'metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="acc")]',
            "hit = m.predict(x) > 0.0",
        ),
    ),
    # -- FLA5xx: the sister loss; FLA601; FLA602
    (
        "integer labels",
        program(3, "softmax", 'loss="categorical_crossentropy"', "m.fit(X, Y)", head=INTEGERS),
        program(3, "softmax", 'loss="sparse_categorical_crossentropy"', "m.fit(X, Y)", head=INTEGERS),
    ),
    (
        "one-hot labels, and the flag as well",
        program(3, None, "loss=keras.losses.SparseCategoricalCrossentropy()", "m.fit(X, Y)", head=ONE_HOT),
        program(
            3,
            None,
            "loss=keras.losses.CategoricalCrossentropy(from_logits=True)",
            "m.fit(X, Y)",
            head=ONE_HOT,
        ),
    ),
    (
        "the class itself",
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy"),
        program(3, "softmax", "loss=keras.losses.CategoricalCrossentropy()"),
    ),
    (
        "the class itself, on logits",
        program(3, None, "loss=keras.losses.CategoricalCrossentropy"),
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "a number for the bool",
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(from_logits=1)"),
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
]


def rows(table: list[tuple[str, str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("before", "after"), [row[1:] for row in table], ids=[row[0] for row in table]
    )


@rows(SAFE)
def test_a_safe_fix_gives_exactly_this_text_and_a_second_run_nothing(
    tmp_path: Path, before: str, after: str
) -> None:
    assert before != after
    text, report = mended(tmp_path, before)
    assert text == after
    assert not [
        fix for found in report.findings for fix in found.fixes if fix.applicability is Applicability.SAFE
    ]
    again, _ = mended(tmp_path, text)
    assert again == after


UNSAFE = [
    (
        "add the activation where the loss has no flag",
        program(3, None, "loss=keras.losses.KLDivergence()"),
        program(3, None, "loss=keras.losses.KLDivergence()").replace(
            "Dense(3)", 'Dense(3, activation="softmax")'
        ),
    ),
    (
        "another activation, in the quotes that are there",
        program(3, "sigmoid", "loss='categorical_crossentropy'"),
        program(3, "softmax", "loss='categorical_crossentropy'"),
    ),
    (
        "softmax over one unit",
        program(1, "softmax", "loss='binary_crossentropy'"),
        program(1, "sigmoid", "loss='binary_crossentropy'"),
    ),
    (
        "an activation that clips logits goes",
        program(3, "relu", "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
        program(3, None, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
    (
        "an activation layer becomes linear",
        HEAD + 'm = keras.Sequential([layers.Dense(3), layers.Activation("relu")])\n'
        'm.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))\n',
        HEAD + 'm = keras.Sequential([layers.Dense(3), layers.Activation("linear")])\n'
        'm.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))\n',
    ),
    (
        "an op that does not know from_logits gets the values before the softmax",
        "import tensorflow as tf\nd = tf.keras.layers.Dense(3)\np = tf.nn.softmax(d(x))\n"
        "l = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)\n",
        "import tensorflow as tf\nd = tf.keras.layers.Dense(3)\np = d(x)\n"
        "l = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)\n",
    ),
    (
        "what is put in its place keeps together",
        program(
            3,
            "softmax",
            "'categorical_crossentropy'",
            "p = 100 * keras.ops.softmax(m.predict(x) if f else m.predict(y))",
        ),
        program(
            3, "softmax", "'categorical_crossentropy'", "p = 100 * (m.predict(x) if f else m.predict(y))"
        ),
    ),
    (
        "an item of what is put in its place",
        program(
            3,
            "softmax",
            "'categorical_crossentropy'",
            "p = keras.ops.softmax(m.predict(x) if f else m.predict(y))[0]",
        ),
        program(3, "softmax", "'categorical_crossentropy'", "p = (m.predict(x) if f else m.predict(y))[0]"),
    ),
    (
        "what goes over several lines",
        program(
            3, "softmax", "'categorical_crossentropy'", "p = keras.ops.softmax(\n    m\n    .predict(x)\n)"
        ),
        program(3, "softmax", "'categorical_crossentropy'", "p = (m\n    .predict(x))"),
    ),
    (
        "a second softmax on predictions",
        program(3, "softmax", "'categorical_crossentropy'", "p = keras.ops.softmax(m.predict(x))"),
        program(3, "softmax", "'categorical_crossentropy'", "p = m.predict(x)"),
    ),
    (
        "a second softmax as the last layer",
        program(
            3,
            "softmax",
            "'categorical_crossentropy'",
            "w = keras.Sequential([m, layers.Softmax()])",
            "w.predict(x)",
        ),
        program(3, "softmax", "'categorical_crossentropy'", "w = keras.Sequential([m])", "w.predict(x)"),
    ),
    (
        "a categorical loss on one unit",
        program(1, "sigmoid", "loss=keras.losses.SparseCategoricalCrossentropy()"),
        program(1, "sigmoid", "loss=keras.losses.BinaryCrossentropy()"),
    ),
    (
        "a cut-off on logits",
        program(1, None, "keras.losses.BinaryCrossentropy(from_logits=True)", "hit = m.predict(x) >= 0.5"),
        program(1, None, "keras.losses.BinaryCrossentropy(from_logits=True)", "hit = m.predict(x) >= 0.0"),
    ),
    (
        "a string that is asked for as the loss of the model",
        program(3, None, "'categorical_crossentropy'", "name = 'run-' + m.loss"),
        program(3, None, "keras.losses.CategoricalCrossentropy(from_logits=True)", "name = 'run-' + m.loss"),
    ),
    (
        "a string that other code reads too",
        program(3, None, "loss=LOSS", "print(LOSS)", head=HEAD + 'LOSS = "categorical_crossentropy"'),
        program(
            3,
            None,
            "loss=LOSS",
            "print(LOSS)",
            head=HEAD + "LOSS = keras.losses.CategoricalCrossentropy(from_logits=True)",
        ),
    ),
]


@rows(UNSAFE)
def test_an_unsafe_fix_is_made_only_where_it_is_asked_for(tmp_path: Path, before: str, after: str) -> None:
    assert mended(tmp_path, before)[0] == before
    text, _ = mended(tmp_path, before, unsafe=True)
    assert text == after
    assert mended(tmp_path, text, unsafe=True)[0] == after


FACTORY = """import keras

def loss():
    return keras.losses.BinaryCrossentropy(from_logits=True)

a = keras.Sequential([keras.layers.Dense(1{a})])
a.compile("adam", loss())
b = keras.Sequential([keras.layers.Dense(1{b})])
b.compile("adam", loss())
"""
SIGMOID = ', activation="sigmoid"'
LEFT_ALONE = [
    ("FLA102", FACTORY.format(a=SIGMOID, b=""), "the other output of the same loss is right"),
    (
        "FLA201",
        "import keras\ndef f(m, flag=False):\n"
        "    m.compile('adam', keras.losses.CategoricalCrossentropy(from_logits=flag))\n"
        "f(keras.Sequential([keras.layers.Dense(3)]))\n",
        "a caller decides the flag",
    ),
    (
        "FLA602",
        program(3, None, 'loss=keras.losses.CategoricalCrossentropy(from_logits="False")'),
        "what is meant?",
    ),
    (
        "FLA602",
        program(1, None, "loss=keras.losses.BinaryFocalCrossentropy(True)"),
        "which parameter is meant?",
    ),
    ("FLA301", program(3, "sigmoid", "loss='categorical_crossentropy'"), "which activation is meant?"),
    ("FLA302", program(3, "softmax", "loss='binary_crossentropy'"), "which activation is meant?"),
    (
        "FLA202",
        program(1, None, 'loss="binary_crossentropy"', "import numpy as np", "hit = np.round(m.predict(x))"),
        "rounding can't be moved to 0",
    ),
    (
        "FLA201",
        program(3, None, "loss=f", "f(y, m(x)) * w", head=HEAD + "f = keras.losses.categorical_crossentropy"),
        "an object gives one number where the function gives one a sample",
    ),
    (
        "FLA401",
        "import keras\nM = ['accuracy']\n"
        "a = keras.Sequential([keras.layers.Dense(1)])\n"
        "a.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True), metrics=M)\n"
        "b = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
        "b.compile('adam', 'categorical_crossentropy', metrics=M)\n",
        "the other model counts an argmax by the same word",
    ),
    *(
        (
            code,
            program(
                3, None, f"keras.losses.CategoricalCrossentropy(from_logits=True), metrics=[{metric}]", cut
            ),
            f"no one logit is a probability of 0.5 to a softmax: {metric or cut}",
        )
        for code, metric, cut in (
            ("FLA401", "keras.metrics.Precision()", ""),
            ("FLA401", "keras.metrics.AUC()", ""),
            ("FLA401", "'binary_accuracy'", ""),
            ("FLA403", "", "hit = m.predict(x) > 0.5"),
        )
    ),
    (
        "FLA101",
        "import keras\nc = {'from_logits': True}\n"
        "m = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
        "m.compile('adam', keras.losses.CategoricalCrossentropy(**c))\n",
        "the flag is not written in the call",
    ),
]


@pytest.mark.parametrize(
    ("code", "text"), [row[:2] for row in LEFT_ALONE], ids=[row[2] for row in LEFT_ALONE]
)
def test_what_is_not_certain_is_not_fixed(tmp_path: Path, code: str, text: str) -> None:
    assert code in [found[0] for found in offered(text)]
    assert mended(tmp_path, text)[0] == text


def test_a_shared_loss_is_fixed_where_every_output_wants_it(tmp_path: Path) -> None:
    before = FACTORY.format(a=SIGMOID, b=SIGMOID)
    text, report = mended(tmp_path, before)
    assert text == before.replace("from_logits=True", "")
    assert report.findings == ()
    assert report.notes == ("Fixed 1 problem in 1 file.",)


def test_a_fix_follows_the_loss_into_another_file(tmp_path: Path) -> None:
    (tmp_path / "objectives.py").write_text(
        "import keras\nLOSS = keras.losses.CategoricalCrossentropy()\n", "utf-8"
    )
    (tmp_path / "model.py").write_text(
        "import keras\nfrom objectives import LOSS\n"
        "m = keras.Sequential([keras.layers.Dense(3)])\nm.compile('adam', LOSS)\n",
        "utf-8",
    )
    model = (tmp_path / "model.py").read_bytes()
    fixes.fix(partial(audit_source, [tmp_path], cwd=tmp_path), tmp_path)
    fixed = "import keras\nLOSS = keras.losses.CategoricalCrossentropy(from_logits=True)\n"
    assert (tmp_path / "objectives.py").read_text("utf-8") == fixed
    assert (tmp_path / "model.py").read_bytes() == model


def test_what_is_ignored_or_suppressed_is_not_fixed(tmp_path: Path) -> None:
    wrong = 'm.compile("adam", keras.losses.CategoricalCrossentropy())'
    text = f"import keras\nm = keras.Sequential([keras.layers.Dense(3)])\n{wrong}  # noqa: FLA201\n"
    assert mended(tmp_path, text)[0] == text
    (tmp_path / "train.py").write_text(text.replace("  # noqa: FLA201", ""), encoding="utf-8")
    report = fixes.fix(partial(audit_source, [tmp_path], Settings(ignore=("FLA2",)), cwd=tmp_path), tmp_path)
    assert report.notes[-1] == "Fixed 0 problems in 0 files."


def test_the_edits_of_a_fix_are_the_only_difference(tmp_path: Path) -> None:
    before = program(1, None, 'loss="binary_crossentropy", metrics=["accuracy"]')
    fix: Fix = audit_text(before).findings[0].fixes[0]
    lines = before.split("\n")
    for edit in sorted(fix.edits, key=lambda one: one.location.sort_key(), reverse=True):
        place = edit.location
        assert place.line == place.end_line
        line = lines[place.line - 1]
        lines[place.line - 1] = line[: place.column - 1] + edit.text + line[place.end_column - 1 :]
    assert mended(tmp_path, before)[0] == "\n".join(lines)
