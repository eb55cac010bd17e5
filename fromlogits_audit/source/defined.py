"""Whether the names that a configuration declares are defined anywhere in the project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from pathlib import Path

SOURCE_FOLDERS = ("src", "lib")
"""Folders that hold packages without being one."""


def unmet(outputs: Iterable[str], losses: Iterable[str], met: Set[str], root: Path | None) -> tuple[str, ...]:
    """A warning for each name that no file of the project defines and no code uses."""
    return tuple(
        f"[tool.fromlogits-audit.{table}]: nothing is called {name}."
        for table, names in (("outputs", outputs), ("losses", losses))
        for name in names
        if name not in met and not (root is not None and _is_defined(root, name))
    )


def _is_defined(root: Path, name: str) -> bool:
    """Whether the file that a name means says its last part in a definition or an assignment."""
    parts = name.split(".")
    stated = re.compile(
        rf"^\s*(?:(?:async\s+)?def|class)\s+{re.escape(parts[-1])}\b|\b{re.escape(parts[-1])}\s*=", re.M
    )
    for count in range(len(parts) - 1, 0, -1):
        stems = [base.joinpath(*parts[:count]) for base in (root, *(root / one for one in SOURCE_FOLDERS))]
        for file in [path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py")]:
            if file.is_file():
                return stated.search(file.read_text(encoding="utf-8", errors="replace")) is not None
    return False
