"""Run a fixture's script or notebook in this process, each line keeping its number."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any


def cell_source(path: Path, number: int) -> str:
    """The Python of one notebook cell; magics and shell lines become ``pass``, line for line."""
    document = json.loads(path.read_text(encoding="utf-8"))
    cells = document.get("cells") or [c for w in document.get("worksheets", []) for c in w["cells"]]
    cell = cells[number - 1]
    source = "".join(cell.get("source") or cell.get("input") or [])
    if cell["cell_type"] != "code" or re.match(r"%%(bash|writefile)", source):
        return ""
    lines, continued = [], False
    for line in textwrap.dedent(source).split("\n"):
        magic = continued or line.lstrip().startswith(("%", "!")) or line.rstrip().endswith("?")
        continued = magic and line.endswith("\\")
        lines.append("pass" if magic else line)
    return "\n".join(lines)


def run_notebook(path: Path) -> None:
    """Run the code cells in order. A frame's file name is ``<path>#<cell>``."""
    document = json.loads(path.read_text(encoding="utf-8"))
    cells = document.get("cells") or [c for w in document.get("worksheets", []) for c in w["cells"]]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number in range(1, len(cells) + 1):
        exec(compile(cell_source(path, number), f"{path}#{number}", "exec"), namespace)


def run_module(path: Path, call: str | None) -> None:
    """Import the file under a name of its own, not as ``__main__``; then call ``call`` without arguments."""
    spec = importlib.util.spec_from_file_location(f"fixture_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    if call:
        getattr(module, call)()
