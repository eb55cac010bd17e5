"""What the configuration says of names that the code can't tell, and the warning for names nobody has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fromlogits_audit.config import LossLike, Settings
from fromlogits_audit.ir import Scale, Status
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.report import Report

LIBRARY = """
import keras
import secret


def head(x):
    return secret.head(x)


def build(units=10):
    return secret.load(units)


class Net(keras.Model):
    def call(self, x):
        return secret.head(x)


class Focal(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return secret.focal(y_true, y_pred)


def focal(y_true, y_pred):
    return secret.log(y_pred)


def make_focal(gamma=2.0):
    return secret.focal_factory(gamma)
"""
CE = "loss=keras.losses.CategoricalCrossentropy(from_logits=True)"
TAIL = "x = keras.Input((4,))\n"
LOGITS = "m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"


def audit(folder: Path, code: str, **declared: Mapping[str, object]) -> Report:
    package = folder / "src" / "pkg"
    package.mkdir(parents=True)
    (folder / ".git").mkdir()
    (package / "__init__.py").touch()
    (package / "lib.py").write_text(LIBRARY, encoding="utf-8")
    head = "import keras\nimport tensorflow_hub as hub\nfrom pkg.lib import *\nfrom pkg import lib\n"
    (folder / "src" / "train.py").write_text(head + code, encoding="utf-8")
    settings = Settings(root=folder, **declared)  # type: ignore[arg-type]
    return audit_source([folder / "src"], settings, cwd=folder)


def found(report: Report, path: str = "src/train.py") -> list[tuple[Status, tuple[str, ...]]]:
    return [(one.status, one.codes) for one in report.sites if one.site.location.path == path]


WRONG = [(Status.FINDING, ("FLA101",))]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pkg.lib.head", TAIL + f"m = keras.Model(x, head(x))\nm.compile({CE})\n"),
        ("src.pkg.lib.head", TAIL + f"m = keras.Model(x, lib.head(x))\nm.compile({CE})\n"),
        ("pkg.lib.build", f"m = build(10)\nm.compile({CE})\n"),
        ("pkg.lib.build", f"m = keras.Sequential([keras.Input((4,)), build()])\nm.compile({CE})\n"),
        ("pkg.lib.Net", f"m = Net()\nm.compile({CE})\n"),
        (
            "tensorflow_hub.KerasLayer",
            f"m = keras.Sequential([keras.Input((4,)), hub.KerasLayer('https://x')])\nm.compile({CE})\n",
        ),
        (
            "tensorflow_hub.KerasLayer",
            TAIL + f"m = keras.Model(x, hub.KerasLayer('a')(x))\nm.compile({CE})\n",
        ),
        ("secret.head", TAIL + f"import secret\nm = keras.Model(x, secret.head(x))\nm.compile({CE})\n"),
        ("secret.Zoo.build", f"import secret\nm = secret.Zoo('a').build(10)\nm.compile({CE})\n"),
        ("secret.Zoo.build", f"import secret\nm = secret.Zoo.build(10)\nm.compile({CE})\n"),
        (
            "secret.Zoo.head",
            TAIL + f"from secret import Zoo\nzoo = Zoo()\nm = keras.Model(x, zoo.head(x))\nm.compile({CE})\n",
        ),
    ],
)
def test_a_declared_output_decides_what_was_undecided(tmp_path: Path, name: str, code: str) -> None:
    assert [status for status, _ in found(audit(tmp_path / "without", code))] == [Status.UNDECIDED]
    report = audit(tmp_path / "with", code, outputs={name: Scale.PROBABILITIES})
    assert (found(report), report.notes) == (WRONG, ())
    assert any("is declared to give probabilities" in step.note for step in report.findings[0].trace)


@pytest.mark.parametrize(
    ("scale", "code"),
    [(Scale.LOGITS, None), (Scale.INDEPENDENT, "FLA301"), (Scale.NON_NEGATIVE, "FLA306")],
)
def test_every_scale_is_judged_as_if_it_were_seen(tmp_path: Path, scale: Scale, code: str | None) -> None:
    report = audit(tmp_path, f"m = build()\nm.compile({CE})\n", outputs={"pkg.lib.build": scale})
    assert [finding.code for finding in report.findings] == ([code] if code else [])
    assert report.summary.undecided == len(found(report, "src/pkg/lib.py"))


BCE = LossLike("BinaryFocalCrossentropy")


@pytest.mark.parametrize(
    ("name", "row", "code", "codes"),
    [
        ("pkg.lib.Focal", BCE, "m.compile(loss=Focal())", ("FLA202",)),
        ("pkg.lib.Focal", LossLike("BinaryFocalCrossentropy", True), "m.compile(loss=Focal())", ()),
        ("pkg.lib.Focal", BCE, "m.compile(loss=Focal(from_logits=True))", ()),
        ("pkg.lib.focal", BCE, "m.compile(loss=focal)", ("FLA202",)),
        ("pkg.lib.focal", BCE, "print(focal(1, m(x)))", ("FLA202",)),
        ("pkg.lib.make_focal", BCE, "m.compile(loss=make_focal(2.0))", ("FLA202",)),
        ("secret.Loss", BCE, "import secret\nm.compile(loss=secret.Loss(gamma=2))", ("FLA202",)),
        ("secret.Loss", LossLike("MeanSquaredError"), "import secret\nm.compile(loss=secret.Loss())", ()),
        ("secret.focal", BCE, "from secret import focal\nm.compile(loss=focal)", ("FLA202",)),
        ("secret.focal", BCE, "import secret\nm.compile(loss=[secret.focal])", ("FLA202",)),
        ("secret.focal", BCE, "import secret\nuse = secret.focal\nprint(use(1, m(x)))", ("FLA202",)),
        ("secret.Losses.focal", BCE, "import secret\nm.compile(loss=secret.Losses().focal)", ("FLA202",)),
    ],
)
def test_a_declared_loss_is_judged_like_the_one_it_is_like(
    tmp_path: Path, name: str, row: LossLike, code: str, codes: tuple[str, ...]
) -> None:
    report = audit(tmp_path, f"x = keras.Input((4,))\n{LOGITS}{code}\n", losses={name: row})
    assert ([finding.code for finding in report.findings], report.notes) == (list(codes), ())
    ((status, _),) = found(report)
    assert status is (Status.FINDING if codes else Status.OK)
    (site,) = [one.site for one in report.sites if one.site.location.path == "src/train.py"]
    assert site.loss is not None and site.loss.name == f"custom:{name.rpartition('.')[2]}"


def test_the_inside_of_a_declared_loss_is_not_judged(tmp_path: Path) -> None:
    losses = {"pkg.lib.focal": BCE, "pkg.lib.Focal": BCE}
    report = audit(tmp_path, f"{LOGITS}m.compile(loss=focal)\nm.compile(loss=Focal())\n", losses=losses)
    assert found(report, "src/pkg/lib.py") == []


def test_a_name_that_nothing_has_is_told(tmp_path: Path) -> None:
    outputs = {"pkg.lib.haed": Scale.LOGITS, "pkg.lib.head": Scale.LOGITS, "other.load": Scale.LOGITS}
    report = audit(tmp_path, "lib.head(1)\n", outputs=outputs, losses={"pkg.Focal": LossLike("Dice")})
    assert report.notes == (
        "[tool.fromlogits-audit.outputs]: nothing is called pkg.lib.haed.",
        "[tool.fromlogits-audit.outputs]: nothing is called other.load.",
        "[tool.fromlogits-audit.losses]: nothing is called pkg.Focal.",
    )


def test_a_definition_in_a_file_that_was_not_asked_for_is_no_reason_for_a_warning(tmp_path: Path) -> None:
    audit(tmp_path, "")
    lone = tmp_path / "src" / "lone.py"
    lone.write_text("import keras\n", encoding="utf-8")
    settings = Settings(root=tmp_path, outputs={"pkg.lib.head": Scale.LOGITS})
    assert audit_source([lone], settings, cwd=tmp_path).notes == ()
