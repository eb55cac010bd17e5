"""The command ``model`` and its two functions, on the models of fixtures/."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fromlogits_audit
from fromlogits_audit import cli
from fromlogits_audit.errors import InputError, UsageError
from fromlogits_audit.ir import Scale

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "fixtures" / "models"
DIGITS = MODELS / "digits.keras"


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    words = ["model", *map(str, arguments)]
    done = CliRunner().invoke(cli.cli, words, standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return int(done.return_value or 0), done.stdout, done.stderr


def document(*arguments: str | Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(*arguments, "--output-format", "json")[1])
    return loaded


FIXTURES = [
    # file, codes, scales, losses
    (
        "digits.keras",
        ["FLA101"],
        [("digit", "probabilities", "softmax", 10)],
        [(None, "SparseCategoricalCrossentropy", True)],
    ),
    ("sentiment.h5", ["FLA202"], [("score", "logits", "linear", 1)], [(None, "BinaryCrossentropy", False)]),
    (
        "two_heads.keras",
        ["FLA401"],
        [("spam", "logits", "linear", 1), ("topic", "probabilities", "softmax", 3)],
        [("spam", "BinaryCrossentropy", True), ("topic", "CategoricalCrossentropy", False)],
    ),
    (
        "unsafe.keras",
        ["FLA801"],
        [("doubled", "unknown", None, None)],
        [(None, "CategoricalCrossentropy", False)],
    ),
    ("exported", [], [("output_0", "probabilities", "softmax", 3)], []),
]


@pytest.mark.parametrize(
    ("name", "codes", "outputs", "losses"), FIXTURES, ids=[str(row[0]) for row in FIXTURES]
)
def test_each_fixture_gives_its_findings_outputs_and_losses(
    name: str, codes: list[str], outputs: list[Any], losses: list[Any]
) -> None:
    if name.endswith(".h5"):
        pytest.importorskip("h5py")
    found = document(MODELS / name)
    (model,) = found["models"]
    assert [one["code"] for one in found["findings"]] == codes
    assert [
        tuple(one[key] for key in ("name", "scale", "activation", "units")) for one in model["outputs"]
    ] == outputs
    assert [tuple(one[key] for key in ("output", "name", "from_logits")) for one in model["loss"]] == losses
    assert all(one["line"] is None and one["column"] is None for one in found["findings"] + found["sites"])


def test_the_document_of_models_has_exactly_the_promised_keys() -> None:
    found = document(DIGITS)
    (model,) = found["models"]
    assert list(model) == ["path", "format", "keras_version", "outputs", "loss"]
    assert list(model["outputs"][0]) == ["name", "scale", "activation", "units", "evidence", "reason"]
    assert list(model["loss"][0]) == ["output", "name", "from_logits"]
    assert found["summary"] == {"files": 1, "sites": 1, "ok": 0, "findings": 1, "undecided": 0}


def test_the_text_shows_a_table_and_the_finding() -> None:
    status, text, _ = run(DIGITS)
    assert status == 1
    (row,) = (line for line in text.splitlines() if line.startswith("  digit"))
    loss = "SparseCategoricalCrossentropy(from_logits=True)"
    assert row.split() == ["digit", "probabilities", "softmax", "10", "structure", loss, "FLA101"]
    assert "error[FLA101] softmax-as-logits" in text
    assert "Dense 'digit': softmax gives probabilities" in text


def test_an_output_that_can_not_be_told_says_why_and_what_to_do() -> None:
    _, text, _ = run(MODELS / "unsafe.keras")
    assert "doubled is unknown: opaque-layer: Lambda 'doubled'" in text
    assert "; --probe --trust runs its code and measures it" in text


EXITS = [
    # arguments, status
    ([DIGITS], 1),
    ([DIGITS, "--exit-zero"], 0),
    ([DIGITS, "--fail-on", "never"], 0),
    ([DIGITS, "--ignore", "FLA1"], 0),
    ([DIGITS, "--select", "FLA2"], 0),
    ([MODELS / "exported"], 0),
    ([MODELS / "two_heads.keras"], 1),
    ([MODELS / "two_heads.keras", "--fail-on", "error"], 0),
    ([MODELS / "unsafe.keras", "--ignore", "FLA801"], 0),
    ([MODELS / "unsafe.keras", "--ignore", "FLA801", "--strict"], 1),
]


@pytest.mark.parametrize(("arguments", "status"), EXITS, ids=[" ".join(map(str, a[0:])) for a, _ in EXITS])
def test_the_exit_status_follows_the_findings(arguments: list[Any], status: int) -> None:
    assert run(*arguments)[0] == status


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nowhere.keras"],
        [DIGITS, "--loss", "no_such_loss"],
        [DIGITS, "--loss", "mse", "--source", ROOT],
    ],
    ids=["no path", "no such path", "no such loss", "loss and source"],
)
def test_a_wrong_call_is_a_usage_error(arguments: list[Any]) -> None:
    assert cli.run(["model", *map(str, arguments)]) == 2


def test_a_folder_is_walked_in_the_order_of_names(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    found = document(MODELS)
    names = [Path(one["path"]).name for one in found["models"]]
    assert names == ["digits.keras", "exported", "sentiment.h5", "two_heads.keras", "unsafe.keras"]
    assert found["summary"]["files"] == 5


# -- --loss --------------------------------------------------------------------------------------
SPECS = [
    # model, SPEC, codes of the loss site, loss, from_logits
    ("digits.keras", "sparse_categorical_crossentropy", [], "SparseCategoricalCrossentropy", False),
    (
        "digits.keras",
        "CategoricalCrossentropy(from_logits=True)",
        ["FLA101"],
        "CategoricalCrossentropy",
        True,
    ),
    ("digits.keras", "keras.losses.CategoricalCrossentropy()", [], "CategoricalCrossentropy", False),
    ("digits.keras", "tf.keras.losses.BinaryCrossentropy", ["FLA302"], "BinaryCrossentropy", False),
    ("digits.keras", "CategoricalCrossentropy(True)", ["FLA101"], "CategoricalCrossentropy", True),
    ("digits.keras", "BinaryCrossentropy(from_logits='no')", ["FLA602"], "BinaryCrossentropy", True),
    ("digits.keras", "'mse'", [], "MeanSquaredError", None),
    ("digits.keras", "mean_absolute_error", [], "MeanAbsoluteError", None),
    (
        "digits.keras",
        "tf.nn.softmax_cross_entropy_with_logits",
        ["FLA101"],
        "CategoricalCrossentropy",
        True,
    ),
    ("exported", "KLDivergence", [], "KLDivergence", None),
    ("exported", "categorical_crossentropy", [], "CategoricalCrossentropy", False),
    ("unsafe.keras", "categorical_crossentropy", [], "CategoricalCrossentropy", False),
]


@pytest.mark.parametrize(("name", "spec", "codes", "loss", "flag"), SPECS, ids=[row[1] for row in SPECS])
def test_a_loss_that_is_given_takes_the_place_of_the_stored_one(
    name: str, spec: str, codes: list[str], loss: str, flag: bool | None
) -> None:
    found = document(MODELS / name, "--loss", spec)
    (site,) = found["sites"]
    assert (site["loss"], site["from_logits"], site["codes"]) == (loss, flag, codes)
    assert found["models"][0]["loss"] == [{"output": None, "name": loss, "from_logits": flag}]


def test_losses_by_output_are_given_as_a_dict() -> None:
    found = document(
        MODELS / "two_heads.keras",
        "--loss",
        "{'spam': BinaryCrossentropy(), 'topic': CategoricalCrossentropy(from_logits=True)}",
    )
    assert [(site["output"], site["codes"]) for site in found["sites"]] == [
        ("spam", ["FLA202"]),
        ("topic", ["FLA101"]),
    ]


REFUSED = [
    "no_such_loss",
    "categorical_crossentropi",
    "__import__('os').system('true')",
    "CategoricalCrossentropy(from_logits=open('x'))",
    "CategoricalCrossentropy(no_such=1)",
    "CategoricalCrossentropy(*[1])",
    "lambda y, p: 0",
    "(1, 2",
    "[" * 5000,
    "x" * 3000,
    "Dense(3)",
    "keras.losses",
    "BinaryFocalCrossentropy(True)",
]


@pytest.mark.parametrize("spec", REFUSED, ids=[spec[:40] for spec in REFUSED])
def test_a_spec_that_is_no_loss_is_refused_and_never_evaluated(spec: str) -> None:
    with pytest.raises(UsageError):
        fromlogits_audit.audit_model(DIGITS, loss=spec)


def test_a_spec_that_is_no_python_is_told_why_and_nothing_of_our_files() -> None:
    with pytest.raises(UsageError) as caught:
        fromlogits_audit.audit_model(DIGITS, loss="CategoricalCrossentropy(")
    assert str(caught.value) == "--loss 'CategoricalCrossentropy(' is no loss: '(' was never closed."


def test_a_misspelled_loss_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'categorical_crossentropy'"):
        fromlogits_audit.audit_model(DIGITS, loss="categorical_crossentropi")


# -- --source ------------------------------------------------------------------------------------
HEAD = "import keras\nfrom keras import layers\n"


def program(activation: str, units: int, loss: str, name: str = "out") -> str:
    return (
        f"model = keras.Sequential([keras.Input((4,)), "
        f"layers.Dense({units}, activation={activation!r}, name={name!r})])\n"
        f"model.compile(loss={loss})\n"
    )


CE = "keras.losses.SparseCategoricalCrossentropy(from_logits={})"
RIGHT, WRONG = (program("softmax", 10, CE.format(flag)) for flag in (False, True))
SOURCES = [
    ("the one loss", RIGHT, "ok", []),
    ("the one loss, wrong", WRONG, "finding", ["FLA101"]),
    ("another size is another model", RIGHT + program("linear", 7, CE.format(True)), "ok", []),
    ("the scale decides between two", RIGHT + program("linear", 10, CE.format(True)), "ok", []),
    ("two that fit alike", RIGHT + WRONG, "undecided", []),
    ("the same loss twice", RIGHT * 2, "ok", []),
    ("no loss", "x = 1\n", "undecided", []),
]


@pytest.mark.parametrize(
    ("text", "status", "codes"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES]
)
def test_losses_are_taken_from_code(text: str, status: str, codes: list[str], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HEAD + text)
    found = document(DIGITS, "--source", tmp_path)
    (site,) = found["sites"]
    assert (site["status"], site["codes"]) == (status, codes)


def test_code_that_can_not_be_read_is_a_finding_of_the_model_s_report(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HEAD + RIGHT)
    (tmp_path / "other.py").write_text(HEAD + "x = (\n")
    found = document(DIGITS, "--source", tmp_path)
    assert [(one["code"], one["path"].rpartition("/")[2], one["line"]) for one in found["findings"]] == [
        ("FLA001", "other.py", 3)
    ]
    assert [site["status"] for site in found["sites"]] == ["ok"]


def test_an_ambiguous_match_names_its_candidates(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HEAD + RIGHT + WRONG)
    (site,) = document(DIGITS, "--source", tmp_path)["sites"]
    assert "SparseCategoricalCrossentropy(from_logits=False) at" in site["reason"]
    assert "SparseCategoricalCrossentropy(from_logits=True) at" in site["reason"]
    assert "train.py:4" in site["reason"]


def test_an_output_s_name_decides_first(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        HEAD
        + "x = keras.Input((4,))\n"
        + "a = layers.Dense(1, name='spam')(x)\nb = layers.Dense(3, activation='softmax', name='topic')(x)\n"
        + "model = keras.Model(x, [a, b])\n"
        + "model.compile(loss={'spam': 'mse', 'topic': 'categorical_crossentropy'})\n"
    )
    found = document(MODELS / "two_heads.keras", "--source", tmp_path)
    assert [(one["output"], one["loss"]) for one in found["sites"]] == [
        ("spam", "MeanSquaredError"),
        ("topic", "CategoricalCrossentropy"),
    ]


# -- from Python ---------------------------------------------------------------------------------
def test_outputs_are_described_from_python() -> None:
    (one,) = fromlogits_audit.describe_outputs(str(DIGITS))
    assert (one.name, one.output.scale, one.output.units) == ("digit", Scale.PROBABILITIES, 10)


def test_a_model_is_audited_from_python() -> None:
    report = fromlogits_audit.audit_model(DIGITS)
    assert [finding.code for finding in report.findings] == ["FLA101"]
    assert report.models is not None
    assert report.models[0].losses[0].loss.from_logits is True


def test_describing_what_is_no_model_says_why(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"no archive")
    with pytest.raises(InputError, match="zip"):
        fromlogits_audit.describe_outputs(tmp_path / "m.keras")


def test_without_h5py_an_h5_file_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    (finding,) = fromlogits_audit.audit_model(MODELS / "sentiment.h5").findings
    assert finding.code == "FLA001"
    assert "pip install 'fromlogits-audit[h5]'" in finding.message


def test_neither_parser_nor_framework_is_loaded_for_a_model() -> None:
    code = (
        "import json, sys; from fromlogits_audit.cli import run; "
        f"run(['model', {str(DIGITS)!r}, '--output-format', 'json', '--output-file', sys.argv[1]]); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/dev/null"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded.isdisjoint({"libcst", "tensorflow", "keras", "h5py", "numpy"})


# -- --probe -------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def probed() -> dict[str, Any]:
    pytest.importorskip("tensorflow")
    pytest.importorskip("h5py")
    return document(MODELS, "--probe")


def test_what_the_structure_tells_the_measurement_confirms(probed: dict[str, Any]) -> None:
    assert "FLA802" not in [one["code"] for one in probed["findings"]]
    assert "FLA001" not in [one["code"] for one in probed["findings"]]


def test_unsafe_parts_are_not_measured_without_trust(probed: dict[str, Any]) -> None:
    (untouched,) = (one for one in probed["models"] if one["path"].endswith("unsafe.keras"))
    assert (untouched["outputs"][0]["scale"], untouched["outputs"][0]["evidence"]) == ("unknown", "structure")


def test_where_nothing_can_be_measured_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the measuring process the import fails, as where it is not installed."""
    (tmp_path / "keras.py").write_text("raise ModuleNotFoundError('no keras', name='keras')\n")
    monkeypatch.syspath_prepend(tmp_path)
    report = fromlogits_audit.audit_model(DIGITS, probe=True)
    assert report.models is not None and report.models[0].outputs[0].output.scale is Scale.PROBABILITIES
    assert [finding.code for finding in report.findings] == ["FLA001", "FLA101"]
    assert "pip install 'fromlogits-audit[tensorflow]'" in report.findings[0].message
