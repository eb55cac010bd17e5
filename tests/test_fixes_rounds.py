"""Fixes that have to do with one another: one is made, the rest is judged anew, and the runs end."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from fromlogits_audit import fixes
from fromlogits_audit.finding import Applicability, Edit, Finding, Fix, Severity
from fromlogits_audit.ir import Location
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.report import Report
from fromlogits_audit.source.pending import pending_bytes

HEAD = "import keras\nimport tensorflow as tf\n"
MODEL = "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3{})])\n"
STEP = "def step(x, y):\n    return tf.nn.{}_cross_entropy_with_logits(labels=y, logits=model(x))\n"
INFER = "def infer(x):\n    return tf.nn.{}(model(x))\n"


def mended(folder: Path, text: str) -> tuple[str, Report]:
    """The text after all fixes, and the report, which is the one of a fresh scan."""
    file = folder / "train.py"
    file.write_text(text, encoding="utf-8")
    audit = partial(audit_source, [folder], cwd=folder)
    report = fixes.fix(audit, folder, unsafe=True)
    assert report.findings == audit().findings
    assert fixes.mend(audit, folder, unsafe=True).after == {}
    return file.read_text(encoding="utf-8"), report


# -- one cause -----------------------------------------------------------------------------------
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("order", [(STEP, INFER), (INFER, STEP)], ids=["trained first", "used first"])
def test_of_two_activations_the_one_behind_the_loss_stays(
    tmp_path: Path, activation: str, order: tuple[str, str]
) -> None:
    rest = "".join(order).format(activation, activation)
    text, report = mended(tmp_path, HEAD + MODEL.format(f', activation="{activation}"') + rest)
    assert text == HEAD + MODEL.format("") + rest
    assert report.findings == ()
    assert report.notes == ("Fixed 1 problem in 1 file.",)


def test_what_the_loss_can_be_told_leaves_the_second_activation_to_go(tmp_path: Path) -> None:
    model = HEAD + MODEL.format(', activation="softmax"')
    before = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
    text, _ = mended(tmp_path, model + before + INFER.format("softmax"))
    after = "model.compile(loss=keras.losses.CategoricalCrossentropy())\n"
    assert text == model + after + INFER.format("softmax").replace("tf.nn.softmax(model(x))", "model(x)")


def test_two_losses_of_one_output_are_judged_again_when_one_has_changed_it(tmp_path: Path) -> None:
    uses = (
        "a = keras.losses.categorical_crossentropy(y, model(x))\n"
        "b = keras.losses.kl_divergence(y, model(x))\n"
    )
    text, report = mended(tmp_path, HEAD + MODEL.format("") + uses)
    assert text == HEAD + MODEL.format(', activation="softmax"') + uses
    assert report.findings == ()


def test_fixes_of_different_outputs_are_made_in_one_pass(tmp_path: Path) -> None:
    one = MODEL.format("") + "model.compile(loss=keras.losses.KLDivergence())\n"
    (tmp_path / "train.py").write_text(HEAD + one * 30, encoding="utf-8")
    audits = []

    def audit() -> Report:
        audits.append(1)
        return audit_source([tmp_path], cwd=tmp_path)

    assert len(fixes.mend(audit, tmp_path, unsafe=True).done) == 30
    assert len(audits) == 2


# -- circles -------------------------------------------------------------------------------------
TWO_OUTPUTS = """import keras
from keras import layers
i = keras.Input((None, 16))
s = layers.Flatten()(layers.Dense(1)(i))
t = layers.Activation("softmax")(layers.Flatten()(layers.Dense(1)(i)))
m = keras.Model(i, [s, t])
loss = keras.losses.SparseCategoricalCrossentropy()
m.compile(loss=[loss, loss])
"""


def test_scores_of_steps_are_given_no_softmax_over_one_unit(tmp_path: Path) -> None:
    text, report = mended(tmp_path, TWO_OUTPUTS)
    assert text == TWO_OUTPUTS
    assert [(one.code, one.fixes) for one in report.findings] == [("FLA201", ())]


PLACE = Location("train.py", None, 1, 1, 1, 2)


def turning(folder: Path, wheel: dict[str, str]) -> fixes.Audit:
    """Reports on the first letter of a file, with a fix that makes it the next one of ``wheel``."""

    def audit() -> Report:
        file = folder / "train.py"
        letter = (pending_bytes(file) or file.read_bytes())[:1].decode()
        after = wheel.get(letter)
        made = (
            () if after is None else (Fix(f"Make it {after}", Applicability.UNSAFE, (Edit(PLACE, after),)),)
        )
        finding = Finding("FLA301", "", Severity.ERROR, f"it is {letter}", PLACE, fixes=made)
        return Report(findings=(finding,), paths=frozenset({"train.py"}))

    return audit


CIRCLES = [
    ({"a": "b", "b": "a"}, "a", ["b", "a"], "back to what the file held"),
    ({"a": "b", "b": "c", "c": "b"}, "b", ["c", "b"], "back to what the first pass gave"),
    ({"a": "b", "b": "b"}, "b", ["b"], "no change at all"),
]


@pytest.mark.parametrize(
    ("wheel", "kept", "circle"), [row[:3] for row in CIRCLES], ids=[row[3] for row in CIRCLES]
)
def test_fixes_that_undo_each_other_leave_what_came_first_and_the_report_is_about_that(
    tmp_path: Path, wheel: dict[str, str], kept: str, circle: list[str]
) -> None:
    file = tmp_path / "train.py"
    file.write_text("a = 1\n", encoding="utf-8")
    audit = turning(tmp_path, wheel)
    report = fixes.fix(audit, tmp_path, unsafe=True)
    assert file.read_text(encoding="utf-8") == f"{kept} = 1\n"
    assert [one.message for one in report.findings] == [f"it is {kept}"]
    assert report.findings == audit().findings
    titles = " and ".join(f'"Make it {one}"' for one in circle)
    assert report.notes[0] == f"train.py: not fixed to the end: {titles} would undo each other."
    assert report.notes[1] == (
        "Fixed 1 problem in 1 file." if kept != "a" else "Fixed 0 problems in 0 files."
    )


def test_runs_that_do_not_end_are_ended_and_say_so(tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    (tmp_path / "train.py").write_text("a = 1\n", encoding="utf-8")
    audit = turning(tmp_path, dict(pairwise(letters)))
    report = fixes.fix(audit, tmp_path, unsafe=True)
    last = letters[fixes.MAX_PASSES]
    assert [one.message for one in report.findings] == [f"it is {last}"]
    assert (tmp_path / "train.py").read_text(encoding="utf-8") == f"{last} = 1\n"
    assert report.notes[0] == f"Stopped after {fixes.MAX_PASSES} passes; another run may mend more."
