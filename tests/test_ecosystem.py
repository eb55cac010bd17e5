"""The comparison of public repositories with what is stored of them, on a tiny checkout."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
WRONG = """from tensorflow import keras

model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
"""
LIST = """[[repository]]
name = "tiny"
source = "somebody/tiny"
commit = "0000000000"
covers = "one script"

[[repository]]
name = "absent"
source = "somebody/absent"
commit = "1111111111"
covers = "nothing"
"""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ecosystem", ROOT / "benchmarks" / "ecosystem.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ecosystem"] = module
    spec.loader.exec_module(module)
    return module


ecosystem = load()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "ecosystem"
    folder.mkdir()
    (folder / "repositories.toml").write_text(LIST)
    (tmp_path / "checkouts" / "tiny").mkdir(parents=True)
    (tmp_path / "checkouts" / "tiny" / "train.py").write_text(WRONG)
    return folder


def run(home: Path, *options: str) -> int:
    return int(ecosystem.main([str(home.parent / "checkouts"), *options], home))


def test_a_change_shows_as_findings_added_and_removed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home) == 1
    assert "nothing is stored" in capsys.readouterr().out
    assert run(home, "--accept") == 0
    assert run(home, "--only", "tiny") == 0
    capsys.readouterr()
    script = home.parent / "checkouts" / "tiny" / "train.py"
    script.write_text(WRONG.replace("softmax", "sigmoid").replace("from_logits=True", ""))
    assert run(home) == 1
    told = capsys.readouterr().out
    assert "  + FLA301 train.py:4\n  - FLA101 train.py:4\n" in told
    assert "absent: no checkout, skipped (somebody/absent at 1111111111)" in told
    assert "1 of 2 repositories scanned, 1 differ." in told


def test_the_stored_form_is_read_back_and_has_a_finding_a_line(home: Path) -> None:
    assert run(home, "--accept") == 0
    text = (home / "expected" / "tiny.json").read_text()
    assert '\n  {"path": "train.py", "code": "FLA101", "cell": null, "line": 4}\n' in text
    again = ecosystem.Snapshot.of(json.loads(text))
    assert again.text() == text and again.counts["sites"] == 1


def test_counts_that_change_alone_are_told() -> None:
    counts = dict.fromkeys(ecosystem.COUNTS, 3)
    before, after = ecosystem.Snapshot(counts, ()), ecosystem.Snapshot({**counts, "undecided": 4}, ())
    assert ecosystem.differences(before, after) == ["  undecided: 3 -> 4"]
    assert ecosystem.differences(before, before) == []


def test_every_stored_expectation_belongs_to_a_listed_repository() -> None:
    listed = ecosystem.repositories()
    assert len({r.name for r in listed}) == len(listed)
    assert all(len(r.commit) == 40 and "/" in r.source and r.covers for r in listed)
    stored = {path.stem for path in (ecosystem.HOME / "expected").glob("*.json")}
    assert stored == {r.name for r in listed}
