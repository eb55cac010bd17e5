"""The hooks, driven by the real pre-commit on a git repository."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
HOOKS = ROOT / ".pre-commit-hooks.yaml"
MODEL = """import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10{activation})])
"""
TRAIN = """import keras
from models import model

model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
"""
RIGHT, WRONG = MODEL.format(activation=""), MODEL.format(activation=', activation="softmax"')


def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))}


def local(hook: dict[str, Any]) -> dict[str, Any]:
    """The hook as this interpreter runs it, so that nothing is installed or downloaded."""
    command = shlex.split(hook["entry"])
    assert command[0] == "fromlogits-audit"
    entry = shlex.join([sys.executable, "-m", "fromlogits_audit", *command[1:]])
    kept = {key: value for key, value in hook.items() if key != "additional_dependencies"}
    return {**kept, "entry": entry, "language": "system"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository whose commits go through the project's hooks."""
    config = {"repos": [{"repo": "local", "hooks": [local(hook) for hook in hooks().values()][:1]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "models.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    assert git(tmp_path, "init", "-q").returncode == 0
    installed = process(tmp_path, sys.executable, "-m", "pre_commit", "install")
    assert installed.returncode == 0, installed.stdout
    return tmp_path


def process(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PRE_COMMIT"))}
    environment |= {"PRE_COMMIT_HOME": str(folder / ".git" / "pre-commit"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return process(folder, "git", *who, *arguments)


def commit(folder: Path) -> subprocess.CompletedProcess[str]:
    git(folder, "add", ".")
    return git(folder, "commit", "-q", "-m", "change")


def test_a_bad_commit_is_refused_and_a_mended_one_passes(repository: Path) -> None:
    assert commit(repository).returncode == 0
    # Only the model is touched; the loss that it breaks stands in the other file.
    (repository / "models.py").write_text(WRONG, encoding="utf-8")
    refused = commit(repository)
    assert refused.returncode == 1
    assert "train.py:4:20" in refused.stdout
    assert "FLA101" in refused.stdout
    (repository / "train.py").write_text(TRAIN.replace("from_logits=True", ""), encoding="utf-8")
    passed = commit(repository)
    assert passed.returncode == 0, passed.stdout


def test_the_fix_hook_mends_the_file_and_stops_the_commit(repository: Path) -> None:
    config = {"repos": [{"repo": "local", "hooks": [local(hooks()["fromlogits-audit-fix"])]}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (repository / "models.py").write_text(WRONG, encoding="utf-8")
    assert commit(repository).returncode == 1
    assert "from_logits=True" not in (repository / "train.py").read_text(encoding="utf-8")
    passed = commit(repository)
    assert passed.returncode == 0, passed.stdout


@pytest.mark.parametrize(
    ("hook", "name", "expected"),
    [
        ("fromlogits-audit", "a.py", True),
        ("fromlogits-audit", "a.ipynb", True),
        ("fromlogits-audit", "a.md", False),
        ("fromlogits-audit-fix", "a.py", True),
        ("fromlogits-audit-models", "m/a.keras", True),
        ("fromlogits-audit-models", "a.h5", True),
        ("fromlogits-audit-models", "a.hdf5", True),
        ("fromlogits-audit-models", "a.h5.txt", False),
        ("fromlogits-audit-models", "keras.py", False),
    ],
)
def test_which_files_start_a_hook(repository: Path, hook: str, name: str, expected: bool) -> None:
    marked = {**local(hooks()[hook]), "entry": f"{sys.executable} -c \"print('it ran')\"", "verbose": True}
    config = {"repos": [{"repo": "local", "hooks": [marked]}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_bytes(b"\x89\x00" if "." in name and "py" not in name else b"x = 1\n")
    git(repository, "add", name, ".pre-commit-config.yaml")
    done = process(repository, sys.executable, "-m", "pre_commit", "run", "--files", name)
    assert done.returncode == 0, done.stdout
    assert ("it ran" in done.stdout) is expected
