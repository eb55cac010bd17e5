"""One source line and the span to underline, fitted to a width in terminal cells."""

from __future__ import annotations

from fromlogits_audit.lean import dataclass

TAB = "    "
_DOTS = "..."


@dataclass(frozen=True)
class Excerpt:
    """``text`` as it is shown, and where the underline goes, both in terminal cells."""

    text: str
    offset: int
    length: int


def visible(text: str) -> str:
    """``text`` on one line, with control characters escaped: a file must not steer the terminal."""
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char == "\t":
        return TAB
    # Bidirectional overrides reorder what is read (CVE-2021-42574); lone surrogates can't be written.
    if char.isprintable() or char in "\u00a0\u3000":
        return char
    return char.encode("unicode_escape").decode("ascii")


def _cells(text: str) -> int:
    """How many terminal cells a text takes. Loaded late: most texts need no table of widths."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def excerpt(line: str, start: int, end: int, width: int) -> Excerpt:
    """The part of ``line`` around characters ``start`` to ``end`` (from 0, end excluded).

    At most ``width`` cells are shown; what is cut off is marked by dots. An empty span is
    underlined by one caret.
    """
    start = max(0, min(start, len(line)))
    end = max(start, min(end, len(line)))
    left, right = _window(line, start, end, width)
    before = (_DOTS if left > 0 else "") + visible(line[left:start])
    marked = visible(line[start : min(end, right)])
    after = visible(line[max(start, min(end, right)) : right]) + (_DOTS if right < len(line) else "")
    return Excerpt(before + marked + after, _cells(before), max(1, _cells(marked)))


def _window(line: str, start: int, end: int, width: int) -> tuple[int, int]:
    """Which characters fit: all of them, or a third of the width before ``start`` and then on."""
    if len(line) <= width and _cells(visible(line)) <= width:
        return 0, len(line)
    room = max(width - 2 * len(_DOTS), len(_DOTS))
    left = _fitting(line, start, -1, room // 3)
    # A span that ends early leaves room on the right, which the text before it may have.
    right = _fitting(line, left, 1, room)
    if right == len(line):
        left = min(left, _fitting(line, right, -1, room))
    return left, right


def _fitting(line: str, at: int, step: int, room: int) -> int:
    """How far from ``at`` to the right (1) or left (-1) the text fits into ``room`` cells."""
    while 0 <= (index := at if step > 0 else at - 1) < len(line):
        room -= _cells(_shown(line[index]))
        if room < 0:
            break
        at += step
    return at
