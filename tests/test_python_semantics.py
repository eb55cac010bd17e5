"""What Python does with a program that depends on a number, and what the scan says of all its runs at once.

Each snippet leaves ``act``, the activation of a model whose loss takes logits: Python itself runs it for
several numbers. Where every run ends in a softmax there is a finding, where none does all is right, and
where some do it is undecided. A snippet that raises for a number says nothing of that number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from numbered import at_random, runs, said
from random_python import Writer

MODEL = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation=act)])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
"""
NUMBERS = range(-2, 7)
RAISED = (LookupError, StopIteration, ValueError, TypeError, NameError)

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


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the scan says of the one model of each snippet."""
    return said(SNIPPETS, MODEL, tmp_path_factory.mktemp("snippets"))


def _really(snippet: str, monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    return {names["act"] for names in runs(snippet, NUMBERS, RAISED, monkeypatch)}


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_scan_speaks_of_every_run(
    name: str, answers: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = _really(SNIPPETS[name], monkeypatch)
    only = really.pop() if len(really) == 1 else "?"
    assert answers[name] == [{"softmax": "finding", None: "ok"}.get(only, "undecided")]


def test_no_program_at_random_gets_a_wrong_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided is never wrong here: what is certain has to be so for every number."""
    programs = at_random(Writer, 150)
    really = {seed: _really(program, monkeypatch) for seed, program in programs.items()}
    expected = {"finding": {"softmax"}, "ok": {None}}
    wrong = {
        seed: programs[seed]
        for seed, told in said(programs, MODEL, tmp_path).items()
        if really[seed] and not (len(told) == 1 and expected.get(told[0], really[seed]) == really[seed])
    }
    assert wrong == {}
