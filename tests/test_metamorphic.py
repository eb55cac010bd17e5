"""What changes nothing of a program's meaning changes nothing of what the scan says of it."""

from __future__ import annotations

import ast
import collections
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from differential.layouts import generate
from metamorphic.transforms import TRANSFORMS, Files
from test_fixtures import FOLDERS

from fromlogits_audit.config import Settings
from fromlogits_audit.pipeline import audit_source

SOAK = int(os.environ.get("SOAK_PROGRAMS", "0"))
SHARE = 1 if SOAK else 6
"""A program is put through one in so many transformations; ``make soak-programs`` tries all."""
SEEDS = range(int(os.environ.get("SOAK_SEED", "0")), int(os.environ.get("SOAK_SEED", "0")) + (SOAK or 40))


def parses(path: Path) -> bool:
    """Whether a file can be taken apart at all."""
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True


def verdicts(folder: Path) -> collections.Counter[Any]:
    """What the scan says, without where: facts and codes of every site, and the codes of all findings."""
    report = audit_source([folder], Settings(), cwd=folder)
    said: collections.Counter[Any] = collections.Counter(finding.code for finding in report.findings)
    for judged in report.sites:
        site, output = judged.site, judged.site.output
        subject = site.loss or site.metric
        facts = (site.kind.value, getattr(subject, "name", None), getattr(subject, "from_logits", None))
        said[(*facts, output.scale, output.activation, output.units, output.name, judged.codes)] += 1
    return said


def stored(files: Files, folder: Path) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    return folder


def chosen(label: str, share: int) -> list[str]:
    """The transformations that a program is put through, always the same ones."""
    digest = hashlib.sha256(label.encode()).digest()
    return [name for number, name in enumerate(TRANSFORMS) if (digest[number % 32] + number) % share == 0]


def changes(files: Files, label: str, folder: Path, share: int = SHARE) -> list[str]:
    """The transformations after which the scan says something else."""
    before, found = None, []
    for name in chosen(label, share):
        made = TRANSFORMS[name](files)
        if made is None:
            continue
        before = before or verdicts(stored(files, folder / "before"))
        after = verdicts(stored(made, folder / name))
        if after != before:
            found.append(f"{name}: {dict(before - after)} became {dict(after - before)}")
    return found


def program(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "expected.json"
    }


PROGRAMS = [f for f in FOLDERS if any(f.rglob("*.py")) and all(map(parses, f.rglob("*.py")))]


@pytest.mark.parametrize("folder", PROGRAMS, ids=lambda f: f.name)
def test_verdicts_of_fixtures_stay(folder: Path, tmp_path: Path) -> None:
    assert not changes(program(folder), folder.name, tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
def test_verdicts_of_generated_programs_stay(seed: int, tmp_path: Path) -> None:
    assert not changes(generate(seed).written.files, f"seed {seed}", tmp_path)


def test_every_transformation_changes_some_program() -> None:
    texts = [generate(seed).written.files for seed in range(60)]
    idle = [name for name, transform in TRANSFORMS.items() if not any(transform(files) for files in texts)]
    assert not idle


def test_a_change_of_meaning_is_noticed(tmp_path: Path) -> None:
    text = "import keras\nm = keras.Sequential([keras.layers.Dense(3)])\nm.compile(loss='mse')\n"
    one, two = stored({"a.py": text}, tmp_path / "one"), tmp_path / "two"
    assert verdicts(one) != verdicts(stored({"a.py": text.replace("Dense(3)", "Dense(4)")}, two))
