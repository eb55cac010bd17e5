"""What is read off a saved model, without TensorFlow, is what the live model measurably returns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tf_keras")
pytest.importorskip("h5py")

import numpy as np
import saved_models
from scales import CONSISTENT

from fromlogits_audit import audit_model
from fromlogits_audit.ir import Scale
from fromlogits_audit.live.verdict import Measured, compare
from fromlogits_audit.model_pipeline import ModelOptions, audit_models
from fromlogits_audit.models import Evidence
from fromlogits_audit.saved.read import read_model

HERE = Path(__file__).resolve().parent

# The audit must not import TensorFlow, not even by accident: here it can't.
_AUDIT = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras", "libcst"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
from fromlogits_audit.cli import run
sys.exit(run(["model", sys.argv[1], "--output-format", "json", "--output-file", sys.argv[2], "--exit-zero"]))
"""


@dataclass(frozen=True)
class Made:
    """The models of one Keras, and what is reported of them."""

    library: str
    folder: Path

    @cached_property
    def truth(self) -> dict[str, Any]:
        with np.load(self.folder / "truth.npz") as arrays:
            return {name: arrays[name] for name in arrays.files}

    @cached_property
    def report(self) -> dict[str, Any]:
        answer = self.folder / "report.json"
        command = [sys.executable, "-c", _AUDIT, str(self.folder), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(answer.read_text())
        return found

    def model(self, path: str) -> dict[str, Any]:
        (found,) = (one for one in self.report["models"] if one["path"] == path)
        return dict(found)

    def codes(self, path: str) -> list[str]:
        return sorted(one["code"] for one in self.report["findings"] if one["path"] == path)


@pytest.fixture(scope="session", params=["keras", "tf_keras"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param)
    script = str(HERE / "saved_models.py")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("TF_USE_LEGACY_KERAS", None)
    done = subprocess.run(
        [sys.executable, script, request.param, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Made(request.param, folder)


def files(name: str) -> list[str]:
    return [f"{name}.keras", f"{name}.h5", *([f"{name}-graph"] if name in saved_models.IN_GRAPHS else [])]


CASES = [(name, path) for name in saved_models.SHAPES for path in files(name)]
each_file = pytest.mark.parametrize(("name", "path"), CASES, ids=[path for _, path in CASES])


@each_file
def test_the_scale_of_each_output_is_known_where_it_can_be(name: str, path: str, made: Made) -> None:
    expected = saved_models.SHAPES[name][1]
    if path.endswith("-graph") and made.library == "keras":  # tf_keras also stores the config
        expected = saved_models.IN_GRAPHS[name]
    outputs = made.model(path)["outputs"]
    assert {one["scale"] for one in outputs} == {expected}
    assert all((one["reason"] is None) == (expected != saved_models.UNKNOWN) for one in outputs)
    assert {one["evidence"] for one in outputs} == {"structure"}


@each_file
def test_what_the_live_model_returns_agrees(name: str, path: str, made: Made) -> None:
    outputs = made.model(path)["outputs"]
    for at, one in enumerate(outputs):
        arrays = list(made.truth[f"{name}/{at}"])
        if one["units"] is not None:
            assert one["units"] == arrays[0].shape[-1]
        if one["scale"] != saved_models.UNKNOWN and one["activation"] not in ("silu", "gelu"):
            assert CONSISTENT[one["scale"]](arrays), (one, arrays[0].min(), arrays[0].max())
    assert f"{name}/{len(outputs)}" not in made.truth


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_outputs_are_named_by_key_or_layer(suffix: str, made: Made) -> None:
    assert [one["name"] for one in made.model(f"two-outputs{suffix}")["outputs"]] == ["a", "b"]
    assert [one["name"] for one in made.model(f"outputs-by-name{suffix}")["outputs"]] == ["first", "second"]


def test_the_format_and_the_version_are_those_of_the_writer(made: Made) -> None:
    major = "3." if made.library == "keras" else "2."
    for path, format in (("nested.keras", "keras-v3"), ("nested.h5", "h5")):
        model = made.model(path)
        assert model["format"] == format
        assert model["keras_version"].startswith(major)
    graph = made.model("nested-graph")
    assert graph["format"] == "saved-model"
    assert (graph["keras_version"] is None) == (made.library == "keras")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", list(saved_models.LOSSES))
def test_a_stored_loss_is_read_back(name: str, suffix: str, made: Made) -> None:
    expected = saved_models.LOSSES[name][1]
    found = [tuple(one.values()) for one in made.model(f"loss-{name}{suffix}")["loss"]]
    assert found == expected


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", list(saved_models.LOSSES_OF_TWO))
def test_the_losses_of_two_outputs_go_where_keras_puts_them(name: str, suffix: str, made: Made) -> None:
    expected = saved_models.LOSSES_OF_TWO[name][1]
    found = [tuple(one.values()) for one in made.model(f"loss-of-two-{name}{suffix}")["loss"]]
    assert sorted(found) == sorted(expected)


ODDITIES = [
    # name, codes, scale of the output
    ("lambda", ["FLA801"], "unknown"),
    ("own-layer", [], "unknown"),
    ("softmax-of-one", ["FLA303"], "probabilities"),
    ("softmax-twice", ["FLA404"], "probabilities"),
    ("half", ["FLA701"], "probabilities"),
    ("half-then-float", [], "probabilities"),
    ("float-then-half", ["FLA701"], "probabilities"),
    ("float-in-half", ["FLA701"], "probabilities"),
    ("metrics", ["FLA401", "FLA401"], "logits"),
]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("name", "codes", "scale"), ODDITIES, ids=[row[0] for row in ODDITIES])
def test_what_is_wrong_inside_a_model_is_found(
    name: str, codes: list[str], scale: str, suffix: str, made: Made
) -> None:
    assert made.codes(f"{name}{suffix}") == codes
    assert [one["scale"] for one in made.model(f"{name}{suffix}")["outputs"]] == [scale]


def test_a_lambda_as_loss_is_unsafe_only_where_its_code_is_stored(made: Made) -> None:
    assert made.codes("loss-lambda.keras") == ["FLA801"]
    assert made.codes("loss-lambda.h5") == []  # only its name is there


# -- measuring -----------------------------------------------------------------------------------
_PROBE = """
import json, sys
from fromlogits_audit.live.probe import measure
keras, *paths = sys.argv[1:]
print(json.dumps({path: measure(path, keras=int(keras), trust=True) for path in paths}))
"""

LOADED = [path for _, path in CASES if not path.endswith(".h5")]
"""HDF5 files hold the same models, and Keras 3 can't load all that it writes there."""


@pytest.fixture(scope="session")
def probed(made: Made) -> dict[str, Measured]:
    version = "3" if made.library == "keras" else "2"
    paths = [path for path in LOADED if made.model(path)["format"]]
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, version, *paths],
        capture_output=True,
        text=True,
        check=False,
        cwd=made.folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {path: Measured.parse(raw) for path, raw in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("path", LOADED)
def test_structure_and_probe_agree_where_both_can_decide(
    path: str, made: Made, probed: dict[str, Measured]
) -> None:
    heads = read_model(made.folder / path, path).heads
    for at, one in enumerate(heads):
        measured = probed[path].of(one.keys, at, len(heads))
        assert measured is not None
        verdict = compare(one.output, measured, rescaled=True)
        assert not verdict.contradicts, verdict.numbers
        assert verdict.units is None or one.output.units in (None, verdict.units)
        if one.output.known and verdict.scale is not Scale.UNKNOWN and "normalised" not in path:
            assert verdict.scale is one.output.scale


def test_a_lambda_is_run_with_trust_only(made: Made) -> None:
    path = made.folder / "lambda.keras"
    without = audit_model(path, probe=True)
    trusted = audit_model(path, probe=True, trust=True, loss="categorical_crossentropy")
    assert without.models is not None
    assert trusted.models is not None
    (before,), (after,) = without.models[0].outputs, trusted.models[0].outputs
    assert (before.output.scale, before.evidence) == (Scale.UNKNOWN, Evidence.STRUCTURE)
    assert "--trust" in without.notes[0]
    assert (after.output.scale, after.output.units, after.evidence) == (Scale.LOGITS, 4, Evidence.PROBE)
    assert [finding.code for finding in trusted.findings] == ["FLA201", "FLA801"]


def test_a_config_that_was_edited_is_caught_by_measuring(made: Made, tmp_path: Path) -> None:
    """The metadata of a SavedModel says softmax; its graph, which is what runs, has none."""
    if made.library == "keras":
        pytest.skip("a Keras 3 export stores no config that could be edited")
    folder = tmp_path / "edited"
    shutil.copytree(made.folder / "dense-linear-graph", folder)
    metadata = folder / "keras_metadata.pb"
    old, new = b'"activation": "linear"', b'"activation":"softmax"'
    assert len(old) == len(new)
    metadata.write_bytes(metadata.read_bytes().replace(old, new))
    assert audit_model(folder).findings == ()
    (finding,) = audit_model(folder, probe=True).findings
    assert finding.code == "FLA802"
    assert "declared as probabilities, but measures as logits" in finding.message


def test_what_the_structure_says_stands_where_keras_cannot_load_the_model(made: Made) -> None:
    path = made.folder / "own-layer.keras"
    plain, report = audit_model(path), audit_model(path, probe=True)
    assert plain.models is not None and report.models is not None
    assert (report.findings, report.sites) == (plain.findings, plain.sites)
    assert report.models[0].outputs == plain.models[0].outputs
    (note,) = report.notes
    assert "own-layer.keras was not measured: " in note and "\n" not in note


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"seconds": 0.2}, "took more than 0.2 seconds"),
        ({"megabytes": 300}, ""),
    ],
    ids=["time", "memory"],
)
def test_a_measurement_is_bounded(options: dict[str, Any], reason: str, made: Made) -> None:
    path = made.folder / "dense-softmax.keras"
    report = audit_models([path], options=ModelOptions(probe=True, **options))
    (note,) = report.notes
    assert report.findings == ()
    assert "was not measured: " in note and reason in note
