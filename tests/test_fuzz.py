"""Mangled sources, notebooks, models and configurations: a whole report each time, never a crash.

``make soak`` runs the same for ``SOAK_SECONDS`` seconds a kind (see docs/trust.md).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import fuzzing
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "0"))
EXAMPLES = {"source": 120, "notebook": 60, "keras": 60, "hdf5": 40, "graph": 60, "configuration": 60}


@pytest.fixture(autouse=True)
def debug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing statement fails the run, instead of being reported and passed over."""
    monkeypatch.setenv("FROMLOGITS_AUDIT_DEBUG", "1")


def run_one(kind: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fuzzing.check(kind, seed, Path(folder))


@pytest.mark.parametrize("kind", sorted(fuzzing.MAKERS))
def test_mangled_input_is_reported_whole(kind: str) -> None:
    if kind == "hdf5":
        pytest.importorskip("h5py")

    # The same examples each time: a failure here has to be one tomorrow. New ones are for the soak.
    @settings(
        max_examples=EXAMPLES[kind],
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        run_one(kind, seed)

    check()


@pytest.mark.skipif(not SOAK_SECONDS, reason="make soak runs it")
@pytest.mark.parametrize("kind", sorted(fuzzing.MAKERS))
def test_soak(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    end = time.monotonic() + SOAK_SECONDS
    seed = start = int(time.time()) << 20
    failed = []
    while time.monotonic() < end:
        try:
            run_one(kind, seed)
        except Exception as error:
            failed.append(f"seed {seed}: {type(error).__name__}: {str(error)[:500]}")
        seed += 1
    with capsys.disabled():
        print(f"\n{kind}: {seed - start} inputs, {len(failed)} failures", flush=True)
    assert not failed, "\n".join(failed[:20])
