"""Which of the given paths are saved models, and in which format. Folders are walked, links not followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fromlogits_audit.errors import UsageError
from fromlogits_audit.lean import dataclass

ZIP, HDF5 = (".keras",), (".h5", ".hdf5")
GRAPH = "saved_model.pb"
MAX_FOLDERS = 100_000
_SKIPPED = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "site-packages"})


@dataclass(frozen=True)
class Candidate:
    """A path to read. ``problem`` is set where there is nothing to read."""

    path: Path
    problem: str | None = None


def discover(paths: Sequence[Path]) -> list[Candidate]:
    """The models under ``paths``, each once, in the order of their names.

    Raises UsageError for a path that does not exist.
    """
    found: dict[str, Candidate] = {}
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path} does not exist.")
        for candidate in _under(path):
            found.setdefault(os.path.realpath(candidate.path), candidate)
    return sorted(found.values(), key=lambda one: str(one.path))


def _under(path: Path) -> Iterator[Candidate]:
    if not path.is_dir():
        # Somebody who keeps only the file of a SavedModel in mind means the folder.
        yield Candidate(path.parent if path.name == GRAPH else path)
        return
    nothing = True
    for candidate in _walk(path):
        nothing = False
        yield candidate
    if nothing:
        yield Candidate(path, "the folder holds no saved model (.keras, .h5, .hdf5 or saved_model.pb)")


def _walk(top: Path) -> Iterator[Candidate]:
    problems: list[Candidate] = []

    def refused(error: OSError) -> None:
        name = error.filename if isinstance(error.filename, (str, os.PathLike)) else top
        problems.append(Candidate(Path(name), f"cannot be opened: {error.strerror or error}"))

    for count, (folder, folders, files) in enumerate(os.walk(top, onerror=refused)):
        if count >= MAX_FOLDERS:
            yield Candidate(top, f"more than {MAX_FOLDERS:,} folders")
            return
        here = Path(folder)
        if GRAPH in files:
            folders.clear()
            yield Candidate(here)
            continue
        if here.suffix.lower() in ZIP + HDF5:
            yield Candidate(here, f"is a folder, not a {here.suffix} file")
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        yield from (Candidate(here / name) for name in sorted(files) if _is_model(name))
    yield from problems


def _is_model(name: str) -> bool:
    """By its name; ``*.weights.h5`` is what ``save_weights`` writes, and holds no model."""
    lower = name.lower()
    return lower.endswith(ZIP + HDF5) and not lower.endswith(".weights.h5")
