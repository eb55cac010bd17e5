"""What Python does with a program that depends on a number, and what the scan says of all its runs at once.

Each snippet leaves ``act``, the activation of a model whose loss takes logits: Python itself runs it for
several numbers. Where every run ends in a softmax there is a finding, where none does all is right, and
where some do it is undecided. A snippet that raises for a number says nothing of that number.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from random_python import Writer

from fromlogits_audit.pipeline import audit_source

HEAD = "import os\nN = int(os.environ['N'])\n"
MODEL = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation=act)])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
"""
NUMBERS = range(-2, 7)

DATA = Path(__file__).parent / "data" / "python_semantics.txt"


def _snippets() -> dict[str, str]:
    """Each begins with a line ``-- its name``; a line with ``==`` heads a group of them."""
    text = re.sub(r"^== .*$", "", DATA.read_text(encoding="utf-8"), flags=re.M)
    found: dict[str, str] = {}
    for part in re.split(r"^-- ", text, flags=re.M)[1:]:
        name, _, code = part.partition("\n")
        assert name not in found
        found[name] = code.strip() + "\n"
    return found


SNIPPETS = _snippets()


def _said(snippets: dict[str, str], folder: Path) -> dict[str, list[str]]:
    """What the scan says of the one model of each snippet."""
    names = {f"s{number:03}.py": name for number, name in enumerate(snippets)}
    for file, name in names.items():
        (folder / file).write_text(HEAD + snippets[name] + MODEL, encoding="utf-8")
    report = audit_source([folder], cwd=folder)
    answers: dict[str, list[str]] = {name: [] for name in snippets}
    for judged in report.sites:
        answers[names[Path(judged.site.location.path).name]].append(judged.status.value)
    return answers


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return _said(SNIPPETS, tmp_path_factory.mktemp("snippets"))


def _really(snippet: str, monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    found = set()
    for number in NUMBERS:
        monkeypatch.setenv("N", str(number))
        names: dict[str, Any] = {}
        try:
            exec(HEAD + snippet, names)
        except (LookupError, StopIteration, ValueError, TypeError, NameError):
            continue
        found.add(names["act"])
    return found


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_scan_speaks_of_every_run(
    name: str, said: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = _really(SNIPPETS[name], monkeypatch)
    only = really.pop() if len(really) == 1 else "?"
    assert said[name] == [{"softmax": "finding", None: "ok"}.get(only, "undecided")]


def test_no_program_at_random_gets_a_wrong_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided is never wrong here: what is certain has to be so for every number."""
    first = int(os.environ.get("SOAK_SEED", "0"))
    seeds = range(first, first + int(os.environ.get("SOAK_PROGRAMS", "150")))
    programs = {str(seed): Writer(seed).program() for seed in seeds}
    really = {seed: _really(program, monkeypatch) for seed, program in programs.items()}
    expected = {"finding": {"softmax"}, "ok": {None}}
    wrong = {
        seed: programs[seed]
        for seed, answers in _said(programs, tmp_path).items()
        if really[seed] and not (len(answers) == 1 and expected.get(answers[0], really[seed]) == really[seed])
    }
    assert wrong == {}
