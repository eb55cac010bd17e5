"""The GitHub action: what its file says, and what its script does when it is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WRONG = """import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
"""


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return document


def step(name: str) -> dict[str, Any]:
    return next(one for one in action()["runs"]["steps"] if one.get("name") == name)


def test_no_input_is_pasted_into_a_script() -> None:
    for one in action()["runs"]["steps"]:
        assert "${{" not in one.get("run", "")


def test_every_input_is_used_and_has_a_default() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, row in action()["inputs"].items():
        assert "default" in row and "description" in row
        assert f"inputs.{name} }}}}" in text


def audit(folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Run the script of the audit step as the runner would: status, log, outputs."""
    bash = shutil.which("bash")
    assert bash is not None
    programs = folder / "bin"
    programs.mkdir()
    launcher = programs / "fromlogits-audit"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fromlogits_audit "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    given = {name: row["default"] for name, row in action()["inputs"].items()} | inputs
    variables = {
        key: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for key, value in step("Audit")["env"].items()
    }
    outputs = folder / "outputs"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        **variables,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "GITHUB_OUTPUT": str(outputs),
    }
    done = subprocess.run(
        [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step("Audit")["run"]],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []
    return done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("inputs", "status", "annotated"),
    [
        ({}, "1", True),
        ({"annotations": "false"}, "1", False),
        ({"options": "--ignore FLA1 --fail-on error"}, "0", False),
        ({"paths": "right.py"}, "0", False),
        ({"paths": "right.py wrong.py", "sarif-file": "out.sarif"}, "1", True),
        ({"paths": "right.py\nwrong.py\n"}, "1", True),
        ({"options": "--ignore FLA1\n--fail-on error\n"}, "0", False),
    ],
)
def test_the_audit_leaves_a_report_and_its_status(
    tmp_path: Path, inputs: dict[str, str], status: str, annotated: bool
) -> None:
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    (tmp_path / "right.py").write_text(WRONG.replace("from_logits=True", ""), encoding="utf-8")
    code, log, outputs = audit(tmp_path, **inputs)
    name = inputs.get("sarif-file", "fromlogits-audit.sarif")
    assert (code, outputs) == (0, {"sarif-file": name, "exit-status": status}), log
    results = json.loads((tmp_path / name).read_text(encoding="utf-8"))["runs"][0]["results"]
    assert len(results) == int(status)
    assert ("::error title=FLA101" in log) is annotated


def test_a_wrong_call_fails_the_step(tmp_path: Path) -> None:
    code, log, outputs = audit(tmp_path, options="--no-such-option")
    assert (code, outputs) == (2, {})
    assert "--no-such-option" in log


def test_an_input_is_never_run(tmp_path: Path) -> None:
    code, _, _ = audit(tmp_path, paths="$(touch pwned)", options="")
    assert code == 2
    assert not (tmp_path / "pwned").exists()
