"""What the scan says of models that programs put together at random, beside what Keras makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numbered import at_random, runs, said
from random_models import Writer

COMPILE = "m.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
NUMBERS = (0, 1, 2, 3, 4)
DATA = np.random.default_rng(0).normal(size=(16, 4)).astype("float32") * 20


def _right(program: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is right to say, over all numbers for which Keras builds the model."""
    found = set()
    for names in runs(program, NUMBERS, Exception, monkeypatch):
        try:
            outputs = np.asarray(names["m"](DATA))
        except Exception:
            continue
        sums_to_one = np.allclose(outputs.sum(axis=-1), 1, atol=1e-3) and outputs.min() >= 0
        found.add("finding" if sums_to_one else "ok")
    return found


@pytest.mark.filterwarnings("ignore")
def test_no_model_at_random_gets_a_wrong_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided is never wrong here; a site that is lost is."""
    programs = at_random(Writer, 40)
    wrong = {}
    for name, answers in said(programs, COMPILE, tmp_path).items():
        right = _right(programs[name], monkeypatch)
        if right and not (answers and ("undecided" in answers or set(answers) == right)):
            wrong[name] = (programs[name], answers, right)
    assert wrong == {}
