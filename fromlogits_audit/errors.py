"""One exception tree, sorted by who must act.

::

    AuditError
    ├── UsageError            the user: wrong options, paths or configuration (exit 2)
    │   └── ConfigError       the user: pyproject.toml, with the place and the nearest name
    └── InputError            the author of one audited file: FLA001, the run goes on
        ├── UnreadableFile    cannot be opened, decoded or is too large
        └── SyntaxProblem     cannot be parsed; carries line and column

Every other exception is for us to act on: a bug of this tool, which :func:`bug` words where it costs one
file, and the command where it costs the run (exit 2).
"""

from __future__ import annotations

import os

DEBUG = "FROMLOGITS_AUDIT_DEBUG"
"""The environment variable under which bugs show where they are."""


class AuditError(Exception):
    """Base of everything this package raises on purpose."""


class UsageError(AuditError):
    """The command line or the API was called with something that cannot be."""


class ConfigError(UsageError):
    """The configuration is wrong; the message names the file, the key and the mend."""


class InputError(AuditError):
    """One audited file cannot be used. It becomes FLA001; the other files go on.

    ``line`` and ``column`` count from 1 in the file (in the cell, for a notebook);
    ``cell`` is the notebook cell's position from 1.
    """

    def __init__(self, reason: str, *, line: int = 1, column: int = 1, cell: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.cell = cell


class UnreadableFile(InputError):
    """Missing rights, a binary file, an unknown encoding, a size past the bound."""


class SyntaxProblem(InputError):
    """The text does not parse."""


def bug(error: Exception) -> str:
    """The reason for which a file was given up because of us. Under ``DEBUG`` the error itself is raised."""
    if os.environ.get(DEBUG):
        raise error
    return f"a bug of this tool stopped it, please report it ({type(error).__name__}: {error})"
