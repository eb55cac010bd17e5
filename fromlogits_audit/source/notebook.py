"""Reads a notebook (nbformat 3 and 4): its code cells joined to one text, with the map back.

State lives on from cell to cell, so the cells are one module in their order in the file. A
cell that does not parse costs that cell. ``%%writefile name.py`` cells are modules of their
own (:func:`written_sources`).
"""

from __future__ import annotations

import json
import re
from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.magics import transform
from fromlogits_audit.source.python import MAX_BYTES, check_syntax, read_bytes
from fromlogits_audit.source.text import Cell, CellIndex, Fault, LineOrigin, SourceFile, WrittenCell

MAX_NOTEBOOK_BYTES = 64 * 1024 * 1024
"""Outputs hold images, so a notebook may be large; its code is bounded by ``MAX_BYTES``."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_FOREIGN_KERNELS = (
    "ir", "julia", "javascript", "typescript", "tslab", "jslab", "deno", "swift", "bash", "xcpp",
    "xc11", "scala", "almond", "octave", "matlab", ".net-", "rust", "evcxr", "gophernotes", "ruby",
    "perl", "ihaskell", "haskell", "kotlin", "java", "lua", "sql",
)  # fmt: skip


def read_notebook(path: Path, shown: str) -> SourceFile:
    """One notebook as Python text; no text at all where its language is another.

    Raises:
        UnreadableFile: it can't be opened, is too large, is not JSON (with the place), or
            JSON that is no notebook.
    """
    return notebook_source(read_bytes(path, MAX_NOTEBOOK_BYTES), path, shown)


def notebook_source(data: bytes, path: Path, shown: str) -> SourceFile:
    """The same for bytes already at hand."""
    document = _parse_json(data)
    builder = _Builder()
    if not _is_foreign(document):
        for number, cell in enumerate(_all_cells(document), start=1):
            builder.add(number, cell)
    text = "\n".join(builder.text) + "\n" if builder.text else ""
    if len(text) > MAX_BYTES:
        raise UnreadableFile(f"more than {MAX_BYTES // (1024 * 1024)} MB of code: too large to be analysed")
    index = CellIndex(tuple(builder.cells), tuple(builder.origins))
    return SourceFile(
        path, shown, text, index, tuple(builder.faults), tuple(builder.runs), tuple(builder.written)
    )


def written_sources(source: SourceFile) -> tuple[SourceFile, ...]:
    """The Python modules that a notebook's ``%%writefile`` cells write, in cell order.

    Their path lies below the notebook's own, as if it were a folder (``train.ipynb/model.py``),
    so two notebooks that write the same name keep apart. A cell with ``-a`` continues the file
    before it. Where a name is written twice, the last one has that path and an earlier one
    lies in a folder ``cell-N``, because every version is code that runs. Positions are those
    of the notebook's cells.
    """
    groups: list[list[WrittenCell]] = []
    for cell in (replace(cell, name=_meant(cell, source.text)) for cell in source.written):
        previous = [group for group in groups if group[0].name == cell.name]
        if cell.append and previous:
            previous[-1].append(cell)
        else:
            groups.append([cell])
    last = {group[0].name: position for position, group in enumerate(groups)}
    return tuple(
        _written_module(source, group, last[group[0].name] == position)
        for position, group in enumerate(groups)
        if group[0].name.endswith(".py")
    )


_VARIABLE = re.compile(r"\{(\w+)\}|\$(\w+)")
_IMPORT = re.compile(r"^(?:import|from)[ ]+\w", re.MULTILINE)


def _meant(cell: WrittenCell, text: str) -> str:
    """The name of a written file: ``{module_file}`` is what the notebook sets, or any name for Python."""
    name = _VARIABLE.sub(lambda found: _constant(found[1] or found[2], text) or found[0], cell.name)
    return f"{name}.py" if _VARIABLE.search(name) and _IMPORT.search(cell.text) else name


def _constant(variable: str, text: str) -> str | None:
    """The text that a variable of a notebook is set to, the last time."""
    found = re.findall(rf"""^{variable}\s*=\s*(['"])([^'"\n]*)\1\s*(?:\#|$)""", text, re.MULTILINE)
    return found[-1][1] if found else None


def _written_module(source: SourceFile, group: list[WrittenCell], final: bool) -> SourceFile:
    lines: list[str] = []
    origins: list[LineOrigin] = []
    for cell in group:
        body = cell.text.split("\n")
        lines += body
        origins += [LineOrigin(cell.cell, cell.first_line + offset) for offset in range(len(body))]
    text = "\n".join(lines) + "\n"
    folder = source.path if final else source.path / f"cell-{group[0].cell}"
    cells = source.cells.cells if source.cells else ()
    module = SourceFile(
        folder / _inner_name(group[0].name), source.shown, text, CellIndex(cells, tuple(origins))
    )
    fault = check_syntax(text)
    if fault is None:
        return module
    origin = origins[min(fault.line, len(origins)) - 1]
    placed = Fault(fault.reason, origin.line, fault.column, origin.cell)
    return SourceFile(module.path, module.shown, "", module.cells, (placed,))


def _inner_name(name: str) -> Path:
    """A written file's name below its notebook: no drive, no root, no way up."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", "~")]
    return Path(*parts) if parts else Path("written.py")


@dataclass
class _Builder:
    """Collects the text of the cells, line by line."""

    text: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    origins: list[LineOrigin] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    runs: list[tuple[int, str]] = field(default_factory=list)
    written: list[WrittenCell] = field(default_factory=list)

    def add(self, number: int, cell: object) -> None:
        """Take in one cell of any type; what is no Python code leaves no trace."""
        if not isinstance(cell, dict):
            self.faults.append(Fault(f"cell {number} is {_kind(cell)}, not an object", cell=number))
        elif cell.get("cell_type") == "code" and not _is_foreign_cell(cell):
            source = _cell_source(cell)
            if source is None:
                reason = f"the source of cell {number} is neither text nor a list of text"
                self.faults.append(Fault(reason, cell=number))
            else:
                self._add_code(Cell(number, source))

    def _add_code(self, cell: Cell) -> None:
        code = transform(cell.lines)
        self.runs += [(len(self.text) + index + 1, target) for index, target in code.runs]
        self.origins += [LineOrigin(cell.number, n, line.cuts) for n, line in enumerate(code.lines, start=1)]
        self.text += [line.text for line in code.lines]
        self.cells.append(cell)
        if code.fault:
            self.faults.append(Fault(code.fault.reason, code.fault.line, code.fault.column, cell.number))
        if code.written:
            body = "\n".join(cell.lines[code.body :])
            self.written.append(WrittenCell(cell.number, code.written, body, code.body + 1, code.append))


def _parse_json(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise UnreadableFile("not a notebook: the file is empty")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(
            f"not a notebook: no UTF-8 (byte 0x{data[error.start]:02x})", line=line
        ) from error
    except json.JSONDecodeError as error:
        reason = f"not a notebook: invalid JSON: {error.msg}"
        raise UnreadableFile(reason, line=error.lineno, column=error.colno) from error
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableFile(f"not a notebook: {reason}") from error
    if not isinstance(document, dict):
        raise UnreadableFile(f"not a notebook: the JSON is {_kind(document)}, not an object")
    return document


def _all_cells(document: dict[str, Any]) -> list[Any]:
    """The cells of nbformat 4, or of all worksheets of nbformat 2 and 3."""
    if "cells" in document:
        cells = document["cells"]
        if not isinstance(cells, list):
            raise UnreadableFile(f"not a notebook: 'cells' is {_kind(cells)}, not a list")
        return cells
    sheets = document.get("worksheets")
    if not isinstance(sheets, list):
        raise UnreadableFile("not a notebook: it has neither 'cells' nor 'worksheets'")
    found: list[Any] = []
    for number, sheet in enumerate(sheets, start=1):
        cells = sheet.get("cells", []) if isinstance(sheet, dict) else None
        if not isinstance(cells, list):
            raise UnreadableFile(f"not a notebook: worksheet {number} has no list of cells")
        found += cells
    return found


def _cell_source(cell: dict[str, Any]) -> str | None:
    """The code of a cell: ``source`` (nbformat 4) or ``input`` (3), text or a list of it."""
    source = cell["source"] if "source" in cell else cell.get("input", "")
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    # JSON may hold half a surrogate pair, which no report could print.
    return _SURROGATE.sub("\ufffd", source) if isinstance(source, str) else None


def _is_foreign(document: dict[str, Any]) -> bool:
    """Whether the notebook's own words name another language than Python."""
    metadata = _mapping(document.get("metadata"))
    kernel = _mapping(metadata.get("kernelspec"))
    for name in (_mapping(metadata.get("language_info")).get("name"), kernel.get("language")):
        if isinstance(name, str) and name:
            return not _is_python(name)
    name = kernel.get("name")
    return isinstance(name, str) and name.lower().startswith(_FOREIGN_KERNELS)


def _is_foreign_cell(cell: dict[str, Any]) -> bool:
    editor = _mapping(_mapping(cell.get("metadata")).get("vscode")).get("languageId")
    named = [name for name in (cell.get("language"), editor) if isinstance(name, str) and name]
    return any(not _is_python(name) for name in named)


def _is_python(name: str) -> bool:
    return name.lower().startswith(("python", "ipython", "pyspark", "sage", "py3", "py2"))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
