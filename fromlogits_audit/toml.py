"""Reading TOML, on every Python that is supported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def read_toml(path: Path) -> dict[str, Any]:
    """The document in ``path``.

    Raises OSError where it can't be opened, ValueError where it is no TOML, no UTF-8 or nested too deeply.
    """
    if sys.version_info >= (3, 11):  # Many folders have no TOML.
        import tomllib
    else:
        import tomli as tomllib
    text = path.read_bytes().decode("utf-8")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("lists or tables are nested too deeply") from error
