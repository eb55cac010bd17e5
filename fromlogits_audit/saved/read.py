"""One saved model of whatever format, by what the file holds and not by what it is called."""

from __future__ import annotations

import stat
from pathlib import Path

from fromlogits_audit.errors import InputError, UnreadableFile
from fromlogits_audit.saved.discover import GRAPH, HDF5
from fromlogits_audit.saved.interface import SavedModel


def read_model(path: Path, shown: str) -> SavedModel:
    """The model at ``path``; ``shown`` is the path that a report names.

    Raises InputError with the reason where it can't be used.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(path, shown)
        if not stat.S_ISREG(mode):
            raise UnreadableFile("is no regular file")
        return _file(path, shown)
    except InputError:
        raise
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}") from error
    except (RecursionError, MemoryError) as error:
        raise UnreadableFile("is nested too deeply or too large to follow") from error


def _folder(path: Path, shown: str) -> SavedModel:
    from fromlogits_audit.saved.savedmodel import read

    if not (path / GRAPH).is_file():
        raise UnreadableFile(f"is a folder without {GRAPH}")
    return read(path, shown)


def _file(path: Path, shown: str) -> SavedModel:
    from fromlogits_audit.saved import archive, hdf5

    if path.stat().st_size == 0:
        raise UnreadableFile("is empty")
    if hdf5.is_hdf5(path) or path.suffix.lower() in HDF5:
        return hdf5.read(path, shown)
    return archive.read(path, shown)
