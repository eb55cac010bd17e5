"""Places in the user's program: which of the frames under way are the user's, and where they stand.

A frame is the user's where its code is in a real file outside of the installed packages, the standard
library and this package. Code that TensorFlow's autograph has rewritten is led back to the text it was
made from.
"""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from types import CodeType, FrameType
from typing import Any

from fromlogits_audit.lean import dataclass

MAX_STACK = 16
"""User frames that are remembered of one stack, the innermost first."""
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = tuple(
    path + os.sep for key in ("stdlib", "platstdlib") if (path := sysconfig.get_paths().get(key)) is not None
)
_KERAS = ("keras", "tf_keras")
_GENERATED = "__autograph_generated_file"
_AUTOGRAPH = (
    os.path.join("tensorflow", "python", "autograph") + os.sep,  # noqa: PTH118
    os.path.join("tensorflow", "python", "util", "traceback_utils"),  # noqa: PTH118
)


@dataclass(frozen=True)
class Spot:
    """One user frame: the file, the line, and where Python knows it the span of the expression under way.

    ``span`` is (line, end line, column, end column), lines from 1, columns from 0 in UTF-8 bytes.
    ``function`` is the name of the function, ``starts`` the first line of its code.
    """

    file: str
    line: int
    span: tuple[int, int, int, int] | None = None
    function: str = ""
    starts: int = 0


_kinds: dict[str, str] = {}


def kind_of(file: str) -> str:
    """``user``, ``keras``, ``autograph`` (TensorFlow's, passing on), ``installed`` or ``ours``."""
    kind = _kinds.get(file)
    if kind is None:
        kind = _kinds[file] = _kind(file)
    return kind


def _kind(file: str) -> str:
    if file.startswith(_PACKAGE):
        return "ours"
    if any(part in file for part in _AUTOGRAPH):
        return "autograph"
    for mark in _INSTALLED:
        if mark in file:
            top = file.rpartition(mark)[2].partition(os.sep)[0].removesuffix(".py")
            return "keras" if top in _KERAS else "installed"
    if file.startswith(_STANDARD):
        return "installed"
    if _GENERATED in file:
        return "user"
    return "user" if os.path.isfile(file) else "installed"  # noqa: PTH113


def caller() -> FrameType | None:
    """The frame that called into this package; autograph in between does not count."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and kind_of(frame.f_code.co_filename) in ("autograph", "ours"):
        frame = frame.f_back
    return frame


def calls_directly(frame: FrameType | None) -> bool:
    """Whether a frame is not Keras's own: it decided itself to make the call."""
    return frame is not None and kind_of(frame.f_code.co_filename) != "keras"


def stack(frame: FrameType | None, *, without: Any = None, most: int = MAX_STACK) -> tuple[Spot, ...]:
    """The user frames from ``frame`` outwards, the innermost first.

    ``without`` is an object whose own methods do not count: a class stands where it is instantiated.
    """
    found: list[Spot] = []
    while frame is not None and len(found) < most:
        if kind_of(frame.f_code.co_filename) == "user" and not _is_method_of(frame, without):
            found.append(spot(frame))
        frame = frame.f_back
    return tuple(found)


def _is_method_of(frame: FrameType, subject: Any) -> bool:
    code = frame.f_code
    if subject is None or not code.co_argcount or code.co_name != "__init__":
        return False
    return frame.f_locals.get(code.co_varnames[0]) is subject


def spot(frame: FrameType) -> Spot:
    """Where a frame is."""
    code = frame.f_code
    if _GENERATED in code.co_filename:
        led = _before_autograph(frame)
        if led is not None:
            return led
    return Spot(
        code.co_filename, frame.f_lineno, _span(code, frame.f_lasti), code.co_name, code.co_firstlineno
    )


def _span(code: CodeType, lasti: int) -> tuple[int, int, int, int] | None:
    """The expression that an instruction belongs to (Python 3.11 and later)."""
    positions = getattr(code, "co_positions", None)
    if positions is None or lasti < 0:
        return None
    found = next(itertools.islice(positions(), lasti // 2, None), None)
    if found is None or None in found:
        return None
    line, end, column, last = found
    return line, end, column, last


def _before_autograph(frame: FrameType) -> Spot | None:
    """The place that rewritten code was made from, as autograph's own map says."""
    file, line, name = frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
    outer: FrameType | None = frame
    for _ in range(200):
        outer = outer.f_back if outer is not None else None
        if outer is None:
            return None
        converted = outer.f_locals.get("converted_f") if outer.f_code.co_name == "converted_call" else None
        found = _origin(getattr(converted, "ag_source_map", None), file, line)
        if found is not None:
            return Spot(found.loc.filename, found.loc.lineno, None, name.removeprefix("tf__"), 0)
    return None


def _origin(source_map: Any, file: str, line: int) -> Any:
    """The nearest line at or above ``line`` that autograph has mapped."""
    if not source_map:
        return None
    lines = {key.lineno: value for key, value in source_map.items() if key.filename == file}
    near = [one for one in lines if one <= line]
    return lines[max(near)] if near else None
