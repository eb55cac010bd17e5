"""Writes edits back into the bytes of a file: the way from places to bytes that reading took backwards.

Everything outside the edited spans stays byte for byte: encoding, byte order mark, line ends; of a
notebook the whole JSON but the source of the edited cells, where a list of lines stays one.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.finding import Edit
from fromlogits_audit.source.notebook import notebook_source
from fromlogits_audit.source.python import decode_python, python_source
from fromlogits_audit.source.stored import StoredNotebook, offset_of
from fromlogits_audit.source.text import SourceFile

Splice = tuple[int, int, str]
"""(start, end, text): what stands there instead."""


def is_notebook(path: Path) -> bool:
    """Whether a file is read cell by cell."""
    return path.suffix.lower() == ".ipynb"


def source_of(data: bytes, path: Path, shown: str) -> SourceFile:
    """A file's bytes as the frontend of its kind reads them.

    Raises:
        UnreadableFile: they can't be read.
    """
    return notebook_source(data, path, shown) if is_notebook(path) else python_source(data, path, shown)


def is_as_read(text: str | None, data: bytes, path: Path) -> bool:
    """Whether a file still holds the text whose places were found. Raises UnreadableFile."""
    return text is None or text == source_of(data, path, str(path)).text


def rewritten(data: bytes, path: Path, edits: Sequence[Edit]) -> bytes:
    """The bytes of a file after edits that do not overlap.

    Raises:
        UnreadableFile: the bytes are no such file.
        ValueError: a place is not in it, or the result would differ in more than the edits.
    """
    return _notebook(data, edits) if is_notebook(path) else _module(data, edits)


def _ordered(edits: Iterable[Edit]) -> list[Edit]:
    """By place; insertions at one point stay in the order in which they were given."""
    return sorted(edits, key=lambda edit: edit.location.sort_key())


def _spliced(text: str, splices: Iterable[Splice]) -> str:
    done, at = [], 0
    for start, end, new in splices:
        if start < at or end < start:
            raise ValueError("two edits overlap")
        done += [text[at:start], new]
        at = end
    return "".join([*done, text[at:]])


# -- modules -------------------------------------------------------------------------------------
def _module(data: bytes, edits: Sequence[Edit]) -> bytes:
    decoded = decode_python(data)
    head = codecs.BOM_UTF8 if decoded.bom else b""
    if head + decoded.text.encode(decoded.encoding) != data:
        raise ValueError(f"its encoding ({decoded.encoding}) would not bring the same bytes back")
    return head + _spliced(decoded.text, _splices(decoded.text, edits)).encode(decoded.encoding)


def _splices(text: str, edits: Sequence[Edit]) -> list[Splice]:
    newline = _newline(text)
    return [(*_span(text, edit), edit.text.replace("\n", newline)) for edit in _ordered(edits)]


def _span(text: str, edit: Edit) -> tuple[int, int]:
    place = edit.location
    start = offset_of(text, place.line, place.column)
    return start, offset_of(text, place.end_line, place.end_column)


def _newline(text: str) -> str:
    """The line end that a text uses: that of its first line."""
    at = min((i for i in (text.find("\n"), text.find("\r")) if i >= 0), default=-1)
    return "\n" if at < 0 else "\r\n" if text.startswith("\r\n", at) else text[at]


# -- notebooks -----------------------------------------------------------------------------------
def _notebook(data: bytes, edits: Sequence[Edit]) -> bytes:
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        text = data[len(mark) :].decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFile("not a notebook: no UTF-8") from error
    stored = StoredNotebook(text)
    result = _spliced(text, [_in_json(text, stored, edit) for edit in _ordered(edits)])
    _verify(json.loads(text), json.loads(result), edits)
    return mark + result.encode("utf-8")


def _in_json(text: str, stored: StoredNotebook, edit: Edit) -> Splice:
    """An edit of a cell as one of the JSON: a span over several lines joins their strings."""
    place = edit.location
    start = stored.offset(place.cell or 0, place.line, place.column)
    end = stored.offset(place.cell or 0, place.end_line, place.end_column)
    if start is None or end is None:
        raise ValueError(f"cell {place.cell} was not found in the file")
    new = json.dumps(edit.text, ensure_ascii=text.isascii())[1:-1]
    separator = stored.separator(place.cell or 0)
    if separator is not None:
        new = new.replace("\\n", f'\\n"{separator}"')
    return start, end, new


def _verify(before: Any, after: Any, edits: Sequence[Edit]) -> None:
    """Raises ValueError where the documents differ in anything but what the edits ask for."""
    wanted: dict[int, list[Edit]] = {}
    for edit in edits:
        wanted.setdefault(edit.location.cell or 0, []).append(edit)
    old, new = _cells_of(before), _cells_of(after)
    if len(old) != len(new):
        raise ValueError("the number of cells would change")
    for number, (one, other) in enumerate(zip(old, new, strict=True), start=1):
        if number in wanted:
            key = "source" if "source" in one else "input"
            text = _joined(one[key])
            if _spliced(text, _splices(text, wanted[number])) != _joined(other[key]):
                raise ValueError(f"cell {number} would change in more than the edit")
            one[key] = other[key] = None
    if before != after:
        raise ValueError("more than the cells' code would change")


def _cells_of(document: Any) -> list[Any]:
    if "cells" in document:
        return list(document["cells"])
    return [cell for sheet in document.get("worksheets", []) for cell in sheet.get("cells", [])]


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
