"""Programs that depend on a number ``N``: what Python does with them, beside what the scan says of them."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit.pipeline import audit_source

HEAD = "import os\nN = int(os.environ['N'])\n"

Lines = list[str]


class Writer(ABC):
    """Writes one program at random, the same one for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._names = 0

    @abstractmethod
    def program(self) -> str:
        """The source of a program that may read ``N``."""

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"


def at_random(writer: type[Writer], count: int) -> dict[str, str]:
    """Programs by their seeds: ``count`` of them, or what ``SOAK_PROGRAMS`` and ``SOAK_SEED`` ask for."""
    first = int(os.environ.get("SOAK_SEED", "0"))
    seeds = range(first, first + int(os.environ.get("SOAK_PROGRAMS", str(count))))
    return {str(seed): writer(seed).program() for seed in seeds}


def said(programs: dict[str, str], ending: str, folder: Path) -> dict[str, list[str]]:
    """The status of each site of each program, which ``ending`` makes complete."""
    names = {f"s{number:03}.py": name for number, name in enumerate(programs)}
    for file, name in names.items():
        (folder / file).write_text(HEAD + programs[name] + ending, encoding="utf-8")
    answers: dict[str, list[str]] = {name: [] for name in programs}
    for judged in audit_source([folder], cwd=folder).sites:
        answers[names[Path(judged.site.location.path).name]].append(judged.status.value)
    return answers


def runs(
    program: str,
    numbers: Iterable[int],
    raised: type[Exception] | tuple[type[Exception], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, Any]]:
    """The variables that a program leaves, for each number for which none of ``raised`` ends it."""
    for number in numbers:
        monkeypatch.setenv("N", str(number))
        names: dict[str, Any] = {}
        try:
            exec(HEAD + program, names)
        except raised:
            continue
        yield names
