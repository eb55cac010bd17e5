"""The pytest plugin: a fixture, and a flag that watches the whole session."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

WRONG = """
import keras


def test_compiles():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", loss="sparse_categorical_crossentropy")


def test_with_the_fixture(fromlogits_audit):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fromlogits_audit.check(model)
    assert not fromlogits_audit.report(model).findings
"""
LIGHT = """
import sys


def test_nothing_is_loaded():
    ours = {name for name in sys.modules if name.startswith("fromlogits_audit")}
    assert ours <= {"fromlogits_audit", "fromlogits_audit.pytest_plugin"}
    assert "tensorflow" not in sys.modules
"""


def session(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugin = ["-p", "fromlogits_audit.pytest_plugin"]
    entry = importlib.util.find_spec("fromlogits_audit")
    assert entry is not None
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_the_flag_fails_a_session_with_findings(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    done = session(tmp_path, WRONG, "--fromlogits-audit")
    assert done.returncode == 1
    assert "2 passed" in done.stdout
    assert "error[FLA201] logits-as-probabilities" in done.stdout
    assert "test_it.py:7:31" in done.stdout


def test_without_the_flag_nothing_is_loaded(tmp_path: Path) -> None:
    done = session(tmp_path, LIGHT)
    assert done.returncode == 0, done.stdout


def test_the_flag_loads_no_framework(tmp_path: Path) -> None:
    done = session(
        tmp_path, "import sys\ndef test(): assert 'tensorflow' not in sys.modules", "--fromlogits-audit"
    )
    assert done.returncode == 0, done.stdout
    assert "Nothing to check" in done.stdout


def test_a_failing_check_reads_well(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    failing = WRONG.replace(
        "losses.SparseCategoricalCrossentropy(from_logits=True)", "losses.SparseCategoricalCrossentropy()"
    )
    done = session(tmp_path, failing)
    assert done.returncode == 1
    assert "FLA201" in done.stdout
    assert "checking.py" not in done.stdout.split("short test summary")[0].split("Error")[0]
