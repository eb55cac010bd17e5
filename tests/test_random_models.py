"""What the scan says of models that programs put together at random, beside what Keras makes of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_models import Writer

from fromlogits_audit.pipeline import audit_source

HEAD = "import os\nN = int(os.environ['N'])\n"
COMPILE = "m.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
NUMBERS = (0, 1, 2, 3, 4)
DATA = np.random.default_rng(0).normal(size=(16, 4)).astype("float32") * 20


def _said(programs: dict[str, str], folder: Path) -> dict[str, set[str]]:
    for name, program in programs.items():
        (folder / f"{name}.py").write_text(HEAD + program + COMPILE, encoding="utf-8")
    answers: dict[str, set[str]] = {name: set() for name in programs}
    for judged in audit_source([folder], cwd=folder).sites:
        answers[Path(judged.site.location.path).stem].add(judged.status.value)
    return answers


def _really(program: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is right to say, over all numbers for which Keras builds the model."""
    found = set()
    for number in NUMBERS:
        monkeypatch.setenv("N", str(number))
        names: dict[str, Any] = {}
        try:
            exec(HEAD + program, names)
            outputs = np.asarray(names["m"](DATA))
        except Exception:
            continue
        sums_to_one = np.allclose(outputs.sum(axis=-1), 1, atol=1e-3) and outputs.min() >= 0
        found.add("finding" if sums_to_one else "ok")
    return found


@pytest.mark.filterwarnings("ignore")
def test_no_model_at_random_gets_a_wrong_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided is never wrong here; a site that is lost is."""
    first = int(os.environ.get("SOAK_SEED", "0"))
    seeds = range(first, first + int(os.environ.get("SOAK_PROGRAMS", "40")))
    programs = {str(seed): Writer(seed).program() for seed in seeds}
    wrong = {}
    for name, said in _said(programs, tmp_path).items():
        really = _really(programs[name], monkeypatch)
        if really and not (said and ("undecided" in said or said == really)):
            wrong[name] = (programs[name], said, really)
    assert wrong == {}
