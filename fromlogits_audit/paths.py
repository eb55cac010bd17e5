"""How reports write the paths of files."""

from __future__ import annotations

import os
from pathlib import Path


def shown_path(path: Path, cwd: Path) -> str:
    """A path as reports print it: relative to ``cwd`` where it lies below, forward slashes.

    Bytes of a name that are no UTF-8 are escaped, so that every report can be encoded.
    """
    # Not Path.resolve(): a link is reported where it stands.
    full, base = os.path.abspath(os.path.join(cwd, path)), os.path.abspath(cwd)  # noqa: PTH100, PTH118
    prefix = base if base.endswith(os.sep) else base + os.sep
    text = full[len(prefix) :] if full.startswith(prefix) else full
    return text.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
