"""The wheel and the sdist: built, checked, and run outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromlogits_audit import __version__
from fromlogits_audit.rules import RULES

ROOT = Path(__file__).resolve().parent.parent
WRONG = """import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
"""


def python(*arguments: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env={**environment, **({"PYTHONPATH": path} if path else {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """(wheel, sdist), built with what is installed: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("dist")
    done = python("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    yield wheel, sdist


def test_both_are_what_an_index_accepts(built: tuple[Path, Path]) -> None:
    done = python("-m", "twine", "check", "--strict", *map(str, built), cwd=built[0].parent)
    assert done.returncode == 0, done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith("/METADATA")]
        text = archive.read(metadata).decode()
    assert {name.partition("/")[0] for name in names} == {
        "fromlogits_audit", f"fromlogits_audit-{__version__}.dist-info",
    }  # fmt: skip
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fromlogits_audit").rglob("*.py")}
    assert modules <= set(names)
    assert "fromlogits_audit/py.typed" in names
    assert f"Version: {__version__}\n" in text
    assert "Provides-Extra: tensorflow" in text and "Provides-Extra: h5" in text


def test_the_sdist_holds_what_the_tests_need(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = ("pyproject.toml", "Makefile", "README.md", "LICENSE", "action.yml", ".pre-commit-hooks.yaml")
    assert names.issuperset(needed)
    assert names.issuperset(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").glob("*.py"))
    assert "tests/data/sarif-schema-2.1.0.json" in names


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_runs_outside_the_checkout(built: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    target, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    (work / "a.py").write_text(WRONG, encoding="utf-8")
    distribution = str(built[0] if kind == "wheel" else built[1])
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(target)]
    installed = python("-m", "pip", "install", *options, distribution, cwd=work)
    assert installed.returncode == 0, installed.stderr
    where = python("-c", "import fromlogits_audit as f; print(f.__file__)", cwd=work, path=str(target))
    assert Path(where.stdout.strip()).is_relative_to(target)
    done = python(
        "-m", "fromlogits_audit", "scan", "--output-format", "concise", "-q", cwd=work, path=str(target)
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("a.py:4:20: FLA101 ")
    listed = python("-m", "fromlogits_audit", "rules", cwd=work, path=str(target))
    assert listed.stdout.count("\n") == len(RULES)
