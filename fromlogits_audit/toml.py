"""Reading TOML, on every Python that is supported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def read_toml(path: Path) -> dict[str, Any]:
    """The document in ``path``.

    Raises OSError where it can't be opened, ValueError where it is no TOML or no UTF-8.
    """
    if sys.version_info >= (3, 11):  # Many folders have no TOML.
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_bytes().decode("utf-8"))
