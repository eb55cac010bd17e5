"""Source frontends: from files and folders to Python text with a way back to the file."""

from __future__ import annotations

from pathlib import Path

from fromlogits_audit.source.python import python_source, read_python
from fromlogits_audit.source.text import CellIndex, Fault, SourceFile, WrittenCell, shown_path

__all__ = [
    "CellIndex",
    "Fault",
    "SourceFile",
    "WrittenCell",
    "python_source",
    "read_python",
    "read_source",
    "shown_path",
]


def read_source(path: Path, shown: str) -> SourceFile:
    """A notebook where the name ends in ``.ipynb``, a Python module otherwise.

    The syntax of cells is checked, because one that fails has to be blanked; that of a module when it is
    parsed.

    Raises:
        UnreadableFile: with the reason, and the place where there is one.
    """
    if path.suffix.lower() == ".ipynb":
        # Imported where it is needed: most scans meet no notebook.
        from fromlogits_audit.source.notebook import read_notebook

        return read_notebook(path, shown)
    return read_python(path, shown)
