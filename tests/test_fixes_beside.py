"""What a fix of the loss does to the metrics and cut-offs beside it: it mends them as well, or is unsafe."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fromlogits_audit import fixes
from fromlogits_audit.finding import Applicability
from fromlogits_audit.pipeline import audit_source, audit_text

HEAD = "import keras\nimport numpy as np\nfrom keras import ops as K\nX = np.zeros((8, 4))\n"
MODEL = "{} = keras.Sequential([keras.layers.Dense(1{})])\n{}.compile('adam', 'binary_crossentropy'{})\n"
SIGMOID = ", activation='sigmoid'"
CLASSES = "{} = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
INTEGERS = HEAD + "Y = np.argmax(X, axis=1)\n"
ONE_HOT = HEAD + "Y = keras.utils.to_categorical(range(3), 3)\n"


def scores(more: str = "", *, before: str = "", metrics: str = "") -> str:
    """A linear model with a binary loss that takes probabilities, and what is around it."""
    return HEAD + before + MODEL.format("a", "", "a", metrics and f", metrics={metrics}") + more


def labelled(head: str, loss: str, metrics: str) -> str:
    """A model of three classes whose labels are not what its loss takes."""
    return f"{head}{CLASSES.format('m')}m.compile('adam', {loss}, metrics=[{metrics}])\nm.fit(X, Y)\n"


def fixes_of(text: str, code: str) -> list[Applicability]:
    """Whether what rewrites the loss is safe, for each finding of a rule."""
    found = [finding for finding in audit_text(text).findings if finding.code == code]
    return [finding.fixes[0].applicability for finding in found]


MODEL_B = MODEL.format("b", SIGMOID, "b", "")
SHARED = [
    (
        "a list of metrics that a right model shares",
        scores(MODEL.format("b", SIGMOID, "b", ", metrics=M"), before="M = ['accuracy']\n", metrics="M"),
    ),
    (
        "a list of metrics of two outputs",
        HEAD + "i = keras.Input((3,))\n"
        "m = keras.Model(i, {'a': keras.layers.Dense(1)(i), "
        "'b': keras.layers.Dense(1, activation='sigmoid')(i)})\n"
        "M = ['accuracy']\n"
        "m.compile('sgd', {'a': 'bce', 'b': 'bce'}, metrics={'a': M, 'b': M})\n",
    ),
    (
        "a cut-off that a right model shares, which comes last",
        scores(
            MODEL_B + "print(cut(a.predict(X)), cut(b.predict(X)))\n",
            before="def cut(p):\n    return p > 0.5\n",
        ),
    ),
    (
        "a cut-off that a right model shares, which comes first",
        scores(
            MODEL_B + "print(cut(b.predict(X)), cut(a.predict(X)))\n",
            before="def cut(p):\n    return p > 0.5\n",
        ),
    ),
]
CUTS = [
    ("another threshold", scores("print(a.predict(X) > 0.3)\n")),
    ("by a function", scores("print(np.greater(a.predict(X), 0.3))\n")),
    ("a threshold that is read", scores("T = float(input())\nprint(a.predict(X) > T)\n")),
    ("a threshold on the left", scores("T = float(input())\nprint(T < a.predict(X))\n")),
    ("thresholds of a loop", scores("for t in np.linspace(0, 1, 11):\n    print(a.predict(X) > t)\n")),
    ("a mean of predictions", scores(MODEL_B + "print((a.predict(X) + a.predict(X)) / 2 > 0.5)\n")),
    (
        "a metric whose threshold is read",
        scores(before="T = float(input())\n", metrics="[keras.metrics.BinaryAccuracy(threshold=T)]"),
    ),
    (
        "rounded after a clip, with the labels in it",
        scores(
            before="def recall(y, p):\n    return K.sum(K.round(K.clip(y * p, 0, 1))) / K.sum(y)\n",
            metrics="[recall]",
        ),
    ),
    (
        "rounded after a clip",
        scores(
            before="def precision(y, p):\n    return K.sum(y) / K.sum(K.round(K.clip(p, 0, 1)))\n",
            metrics="[precision]",
        ),
    ),
    (
        "cut after a clip",
        scores(
            before="def hits(y, p):\n    return K.sum(K.cast(K.clip(p, 0, 1) > 0.5, 'int32'))\n",
            metrics="[hits]",
        ),
    ),
]
SEVERAL = [
    (
        "a model that is compiled twice",
        scores("a.fit(X, X)\na.compile('adam', 'bce')\nprint(a.predict(X) > 0.5)\n"),
    ),
    (
        "metrics of two losses",
        scores("a.compile('sgd', 'bce', metrics=M)\n", before="M = ['accuracy']\n", metrics="M"),
    ),
]


@pytest.mark.parametrize(
    "text", [row[1] for row in SHARED + CUTS + SEVERAL], ids=[row[0] for row in SHARED + CUTS + SEVERAL]
)
def test_a_loss_is_not_mended_unasked_where_what_is_beside_it_would_be_wrong(
    tmp_path: Path, text: str
) -> None:
    assert set(fixes_of(text, "FLA202")) == {Applicability.UNSAFE}
    file = tmp_path / "train.py"
    file.write_text(text, encoding="utf-8")
    fixes.fix(partial(audit_source, [tmp_path], cwd=tmp_path), tmp_path)
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", [row[1] for row in SHARED], ids=[row[0] for row in SHARED])
def test_what_a_right_model_shares_is_no_part_of_the_fix(text: str) -> None:
    found = next(one for one in audit_text(text).findings if one.code == "FLA202")
    assert [edit.text for edit in found.fixes[0].edits] == [
        "keras.losses.BinaryCrossentropy(from_logits=True)"
    ]


def test_the_cut_of_a_softmax_has_no_place_among_its_logits() -> None:
    text = (
        HEAD + "m = keras.Sequential([keras.layers.Dense(3)])\n"
        "m.compile('sgd', 'categorical_crossentropy', metrics=['precision'])\nprint(m.predict(X) > 0.5)\n"
    )
    (found,) = (one for one in audit_text(text).findings if one.code == "FLA201")
    assert found.fixes[0].applicability is Applicability.UNSAFE
    assert len(found.fixes[0].edits) == 1


STILL_SAFE = [
    ("scaled before the cut", scores("print(K.sigmoid(a.predict(X)) > 0.3)\n")),
    ("logits already", scores("print(a.predict(X) > 0)\n")),
    ("outside of what a probability can be", scores("print(a.predict(X) > 1.5)\n")),
    ("compared with one another", scores("print(a.predict(X) > a.predict(X).mean())\n")),
    ("an accuracy of its own", scores(metrics="['accuracy']")),
    ("a mean has no scale", scores(metrics="['mae']")),
]


@pytest.mark.parametrize("text", [row[1] for row in STILL_SAFE], ids=[row[0] for row in STILL_SAFE])
def test_what_stays_right_leaves_the_fix_safe(text: str) -> None:
    assert fixes_of(text, "FLA202") == [Applicability.SAFE]


SHARED_LABELS = (
    "{loss}"
    + CLASSES.format("a")
    + "a.compile('adam', LOSS)\na.fit(X, Y)\n"
    + "b = keras.Sequential([keras.layers.Dense({units}, activation='softmax')])\n"
    + "b.compile('adam', LOSS)\nb.fit(load_x(), {labels})\n"
)
STRING = "LOSS = 'categorical_crossentropy'\n"
OBJECT = "LOSS = keras.losses.CategoricalCrossentropy()\n"
CE, SPARSE = "'categorical_crossentropy'", "'sparse_categorical_crossentropy'"
LABELS = [
    ("FLA501", labelled(INTEGERS, CE, "'categorical_accuracy'"), False, "takes one-hot labels"),
    ("FLA501", labelled(INTEGERS, CE, "'accuracy', 'categorical_crossentropy'"), False, "so does this"),
    ("FLA501", labelled(INTEGERS, CE, "keras.metrics.Precision()"), False, "one column for each class"),
    ("FLA501", labelled(INTEGERS, CE, "keras.metrics.CategoricalAccuracy()"), False, "an object"),
    ("FLA501", labelled(INTEGERS, CE, "keras.metrics.categorical_accuracy"), False, "a function"),
    ("FLA502", labelled(ONE_HOT, SPARSE, "'sparse_categorical_accuracy'"), False, "takes class numbers"),
    ("FLA501", labelled(INTEGERS, CE, "'accuracy', 'sparse_categorical_accuracy'"), True, "right after"),
    ("FLA502", labelled(ONE_HOT, SPARSE, "'accuracy', 'categorical_accuracy', 'auc'"), True, "right after"),
    (
        "FLA501",
        f"{INTEGERS}{CLASSES.format('m')}f = keras.losses.CategoricalCrossentropy()\n"
        "acc = keras.metrics.CategoricalAccuracy()\n"
        "def step(x, y):\n    p = m(x)\n    acc.update_state(y, p)\n    return f(y, p)\nstep(X, Y)\n",
        False,
        "updated by hand",
    ),
    ("FLA501", INTEGERS + SHARED_LABELS.format(loss=STRING, units=3, labels="load_y()"), False, "same facts"),
    (
        "FLA501",
        INTEGERS + SHARED_LABELS.format(loss=OBJECT, units=5, labels="load_y()"),
        False,
        "other units",
    ),
    ("FLA501", INTEGERS + SHARED_LABELS.format(loss=OBJECT, units=3, labels="Y"), True, "the same labels"),
]


@pytest.mark.parametrize(
    ("code", "text", "safe"), [row[:3] for row in LABELS], ids=[f"{row[0]}: {row[3]}" for row in LABELS]
)
def test_the_other_form_of_a_loss_is_safe_where_its_labels_suit_all_that_take_them(
    code: str, text: str, safe: bool
) -> None:
    assert fixes_of(text, code) == [Applicability.SAFE if safe else Applicability.UNSAFE]


def test_metrics_that_ask_for_no_scale_are_not_listed() -> None:
    text = labelled(INTEGERS, CE, "'categorical_accuracy', 'mae', 'categorical_crossentropy'")
    listed = [judged.site.metric.name for judged in audit_text(text).sites if judged.site.metric]
    assert listed == ["CategoricalCrossentropy"]
