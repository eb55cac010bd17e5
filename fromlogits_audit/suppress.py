"""Comments in the audited code that silence findings.

``# noqa: FLA101`` (several codes, with a reason after them if wanted) or a bare ``# noqa`` silences
the findings that begin or end on its line, in a notebook cell too. A prefix (``# noqa: FLA1``)
stands for every code that begins with it. A line that can't end in a comment (it ends in a backslash
or inside a string) takes the comment at the end of the next one that can.
``# fromlogits-audit: ignore-file`` on a line of its own silences a whole file.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import field, replace
from functools import cached_property

from fromlogits_audit import regex
from fromlogits_audit.finding import Applicability, Edit, Finding, Fix
from fromlogits_audit.ir import Location
from fromlogits_audit.lean import dataclass
from fromlogits_audit.report import Silenced, Silencer, Source
from fromlogits_audit.rules import RULES, rule

_CODE = r"[A-Z]+[0-9]+"
_NOQA = regex.later(
    rf"#\s*noqa\b(?P<colon>\s*:\s*(?P<codes>{_CODE}(?:(?:\s*,\s*|\s+){_CODE})*)?)?", re.IGNORECASE
)
_IGNORE_FILE = regex.later(
    r"^[ \t]*#[ \t]*fromlogits-audit:[ \t]*ignore-file\b", re.IGNORECASE | re.MULTILINE
)
_OURS = regex.later(r"FLA[0-9]+")
_CODE_OF_OURS = regex.later(r"FLA[0-9]", re.IGNORECASE)
_MENTION = regex.later("noqa", re.IGNORECASE)
_NEVER_UNUSED = "FLA003"
"""A comment that silences this very rule would otherwise be reported by it."""


@dataclass(frozen=True)
class Noqa:
    """One ``# noqa``: the codes it names in upper case, none for a bare one.

    ``row`` is its line in the joined text and ``start``, ``codes_at`` and ``end`` are 0-based columns
    there: of the ``#``, of the first code, and after the last code.
    """

    codes: tuple[str, ...] = ()
    row: int = 0
    start: int = 0
    codes_at: int = 0
    end: int = 0

    def names(self, code: str) -> bool:
        return not self.codes or any(code.startswith(named) for named in self.codes)


def noqas(text: str, row: int = 0, shift: int = 0) -> tuple[Noqa, ...]:
    """The ``# noqa`` of one line or comment. ``# noqa:`` with no code after the colon is none: it is a
    slip that must not hide findings."""
    found = [match for match in _NOQA.finditer(text) if not match["colon"] or match["codes"]]
    return tuple(_noqa(match, row, shift) for match in found)


def _noqa(match: re.Match[str], row: int, shift: int) -> Noqa:
    codes = re.findall(_CODE, match["codes"] or "", re.IGNORECASE)
    first = match.start("codes") if match["codes"] else match.end()
    return Noqa(
        tuple(code.upper() for code in codes), row, shift + match.start(), shift + first, shift + match.end()
    )


def _names_ours(line: str) -> bool:
    """Whether a code of ours stands after the word noqa (one pattern for both takes quadratic time)."""
    mention = _MENTION.search(line)
    return mention is not None and _CODE_OF_OURS.search(line, mention.end()) is not None


def ignores_file(text: str) -> bool:
    """Whether a file asks to be left out of the report. A text in it that quotes the comment asks nothing."""
    # A search for a substring first: nearly no file says it.
    if "ignore-file" not in text.lower() or _IGNORE_FILE.search(text) is None:
        return False
    layout = _layout(text)
    return layout.ignores or not layout.whole


class Comments:
    """The comments of one file that silence findings, and which of their codes did."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.ignores_all = ignores_file(source.text)
        self._used: set[tuple[Noqa, str]] = set()

    def silence(self, finding: Finding) -> bool:
        """Whether a comment silences a finding. What does so is remembered as used."""
        found = [noqa for place in _ends(finding.location) for noqa in self.at(place)]
        hits = [noqa for noqa in found if noqa.names(finding.code)]
        self._used |= {(noqa, code) for noqa in hits for code in noqa.codes if finding.code.startswith(code)}
        return self.ignores_all or bool(hits)

    def at(self, place: Location) -> tuple[Noqa, ...]:
        """The ``# noqa`` that count for a line."""
        row = self._rows.get((place.cell, place.line))
        if self._layout.whole and row is not None and (self._text[row - 1].strip() or not place.cell):
            return self.on_row(self.comment_row(row))
        # A cell that is a file of its own (%%writefile), or a file that has no tokens.
        return noqas(self._source.line_at(place))

    def comment_row(self, row: int) -> int:
        """The row of the text at whose end a comment for ``row`` can stand."""
        ends = self._layout.ends
        return next((later for later in range(row, len(self._text) + 1) if later in ends), row)

    def row_of(self, place: Location) -> int | None:
        """The row of the text where a line of the file stands, None where it is none of its rows."""
        return self._rows.get((place.cell, place.line))

    def on_row(self, row: int) -> tuple[Noqa, ...]:
        """The ``# noqa`` at the end of a row of the text."""
        return self._layout.noqas.get(row, ())

    def unused(self) -> Iterator[tuple[Noqa, tuple[str, ...]]]:
        """Every ``# noqa`` that names codes of ours which silenced nothing, and those codes."""
        if not any(map(_names_ours, self._text)) or self.ignores_all or not self._layout.whole:
            return
        for found in self._layout.noqas.values():
            for noqa in found:
                ours = [code for code in noqa.codes if _OURS.fullmatch(code) and code != _NEVER_UNUSED]
                left = tuple(code for code in ours if (noqa, code) not in self._used)
                if left:
                    yield noqa, left

    @cached_property
    def _text(self) -> list[str]:
        return self._source.text.split("\n")

    @cached_property
    def _layout(self) -> _Layout:
        return _layout(self._source.text)

    @cached_property
    def _rows(self) -> dict[tuple[int | None, int], int]:
        rows: dict[tuple[int | None, int], int] = {}
        for row in range(1, len(self._text) + 1):
            place = self._source.locate(row, 1, row, 1)
            # What comes after the last line of a notebook's text counts as that line, and is none.
            rows.setdefault((place.cell, place.line), row)
        return rows


@dataclass
class _Layout:
    """Where comments are and can be. ``ends`` are the rows that a comment can end; ``ignores`` says that one
    silences the file; ``whole`` is False for a text without tokens, of which then nothing else is known."""

    noqas: dict[int, tuple[Noqa, ...]] = field(default_factory=dict)
    ends: set[int] = field(default_factory=set)
    ignores: bool = False
    whole: bool = True


def _layout(text: str) -> _Layout:
    found, lines = _Layout(), text.split("\n")
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            row, column = token.start
            if token.type == tokenize.COMMENT and (marks := noqas(token.string, row, column)):
                found.noqas[row] = marks
            if token.type == tokenize.COMMENT and _IGNORE_FILE.match(lines[row - 1]):
                found.ignores = True
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                found.ends.add(row)
    except (tokenize.TokenError, SyntaxError):
        return _Layout(whole=False)
    return found


def _ends(location: Location) -> Iterable[Location]:
    """The lines where a comment counts: the first and the last of the span."""
    if location.line >= 1:
        yield location
    if location.end_line > location.line:
        yield replace(location, line=location.end_line)


class Suppressions:
    """The comments of all files of a run; files that mention none are not looked into."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._comments: dict[str, Comments | None] = {}

    def silence(self, finding: Finding) -> bool:
        comments = self.of(finding.location.path)
        return comments is not None and comments.silence(finding)

    def of(self, path: str) -> Comments | None:
        """The comments of a file, None where none of them can silence anything."""
        if path not in self._comments:
            source = self._sources.get(path)
            counts = source is not None and may_silence(source)
            self._comments[path] = Comments(source) if source is not None and counts else None
        return self._comments[path]

    def split(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Silenced]]:
        """The findings that remain, and those that a comment silences."""
        kept: list[Finding] = []
        silenced: list[Silenced] = []
        for finding in findings:
            if self.silence(finding):
                silenced.append(Silenced(finding, Silencer.COMMENT))
            else:
                kept.append(finding)
        return kept, silenced

    def unused(self, paths: Collection[str], silent: Callable[[str], Set[str]]) -> Iterator[Finding]:
        """FLA003 for what silenced nothing in these files, once every other finding went through.

        Codes that this run leaves out of a file (``silent``) are left alone: the next one may need them.
        """
        for path in sorted(paths):
            comments = self.of(path)
            source = self._sources.get(path)
            if comments is None or source is None:
                continue
            off = silent(path)
            for noqa, codes in comments.unused():
                told = tuple(code for code in codes if not any(entry.startswith(code) for entry in off))
                if told:
                    yield _unused(source, noqa, told)


def may_silence(source: Source) -> bool:
    """Whether any comment of a file can silence a finding."""
    return _mentions(source) or ignores_file(source.text)


def _mentions(source: Source) -> bool:
    return "noqa" in source.text.lower() or bool(getattr(source, "written", ()))


def _unused(source: Source, noqa: Noqa, codes: tuple[str, ...]) -> Finding:
    made = rule(_NEVER_UNUSED)
    known = tuple(entry.code for entry in RULES)
    strange = [code for code in codes if not any(entry.startswith(code) for entry in known)]
    message = f"`# noqa: {', '.join(codes)}` silences nothing here."
    if strange:
        message += f" There is no rule {' or '.join(strange)}."
    place = source.locate(noqa.row, noqa.start + 1, noqa.row, noqa.end + 1)
    mend = _mend(source, noqa, codes)
    return Finding(made.code, made.name, made.severity, message, place, "remove it", fixes=(mend,))


def _mend(source: Source, noqa: Noqa, codes: tuple[str, ...]) -> Fix:
    """Take the codes out; where none is left, the comment (a reason after it goes too) and the blanks
    before it."""
    row, rest = noqa.row, [code for code in noqa.codes if code not in codes]
    line = source.text.split("\n")[row - 1]
    if rest:
        span = source.locate(row, noqa.codes_at + 1, row, noqa.end + 1)
        return Fix("remove the unused codes", Applicability.SAFE, (Edit(span, ", ".join(rest)),))
    following = line.find("#", noqa.end)
    start = len(line[: noqa.start].rstrip()) if following < 0 else noqa.start
    span = source.locate(row, start + 1, row, (len(line) if following < 0 else following) + 1)
    return Fix("remove the unused comment", Applicability.SAFE, (Edit(span, ""),))


def noqa_edits(findings: Iterable[Finding], sources: Mapping[str, Source]) -> Iterator[Edit]:
    """What has to be inserted so that every finding is silenced by a ``# noqa`` with its code.

    One edit per line, where a comment can stand; findings that no comment can silence (a file that does
    not parse, a saved model) yield none.
    """
    wanted: dict[tuple[str, int], set[str]] = {}
    comments: dict[str, Comments] = {}
    for finding in findings:
        path = finding.location.path
        if path not in sources or finding.code in ("FLA001", _NEVER_UNUSED):
            continue
        known = comments.setdefault(path, Comments(sources[path]))
        row = known.row_of(finding.location)
        if row is not None:
            wanted.setdefault((path, known.comment_row(row)), set()).add(finding.code)
    for (path, row), codes in sorted(wanted.items()):
        named = [noqa for noqa in comments[path].on_row(row) if noqa.codes]
        yield _insertion(sources[path], row, named, ", ".join(sorted(codes)))


def _insertion(source: Source, row: int, named: list[Noqa], codes: str) -> Edit:
    line = source.text.split("\n")[row - 1]
    column = named[-1].end if named else len(line.rstrip())
    span = source.locate(row, column + 1, row, column + 1)
    return Edit(span, f", {codes}" if named else f"  # noqa: {codes}")
