"""``--fix``: applies what the findings offer, pass by pass in memory, and writes each file once.

A pass takes every fix that does not touch another one, nor rests on an output that another one changes; the
next pass judges what that gave. So what ``--diff`` prints is exactly what ``--fix`` writes, and a run that is
killed leaves each file whole, old or new.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from fromlogits_audit import cst
from fromlogits_audit.errors import InputError
from fromlogits_audit.finding import Applicability, Edit, Finding, Fix
from fromlogits_audit.ir import Location
from fromlogits_audit.lean import dataclass
from fromlogits_audit.report import Report, Source
from fromlogits_audit.source.pending import holding
from fromlogits_audit.source.rewrite import is_as_read, is_notebook, rewritten, source_of
from fromlogits_audit.writing import write_whole

MAX_PASSES = 20
"""Passes end by themselves: a fixed finding is gone. This bounds the damage if one is not, and it is said."""

Texts = dict[str, bytes]
Audit = Callable[[], Report]


Narrow = Callable[[Report], Report]
"""Leaves the findings that are to be fixed."""


@dataclass(frozen=True)
class Outcome:
    """What a run of fixes came to. Making it writes nothing.

    ``found`` is the report before, ``left`` the one about what remains. ``before`` and ``after`` hold the
    changed files by reported path, ``done`` the fixes that were applied.
    """

    found: Report
    left: Report
    done: tuple[Fix, ...] = ()
    before: Texts = field(default_factory=dict)
    after: Texts = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """``3 problems in 2 files``."""
        return f"{_count(len(self.done), 'problem')} in {_count(len(self.after), 'file')}"


def fix(audit: Audit, cwd: Path, *, unsafe: bool = False, narrow: Narrow = lambda report: report) -> Report:
    """Mend what can be mended and write it. The report is about what remains, and says what was done."""
    outcome = write(mend(audit, cwd, unsafe=unsafe, narrow=narrow), cwd)
    # What could not be written is still wrong on the disk.
    left = outcome.left if outcome.after.keys() == outcome.before.keys() else audit()
    return replace(left, notes=(*left.notes, *outcome.notes, f"Fixed {outcome.summary}."))


def mend(audit: Audit, cwd: Path, *, unsafe: bool = False, narrow: Narrow = lambda report: report) -> Outcome:
    """Apply fixes in memory until none is left.

    ``audit`` has to read the project anew, in this process, each time that it is called.
    """
    run = _Run(cwd, unsafe)
    states = [_State({}, audit())]
    last = _passed(run, states, audit, narrow)
    before = {path: run.before[path] for path in last.texts}
    notes = tuple(dict.fromkeys(run.notes))
    return Outcome(states[0].report, last.report, last.done, before, last.texts, notes)


@dataclass(frozen=True)
class _State:
    """What the changed files hold after a pass, the report about that, and the fixes that led there."""

    texts: Texts
    report: Report
    done: tuple[Fix, ...] = ()


def _passed(run: _Run, states: list[_State], audit: Audit, narrow: Narrow) -> _State:
    """The state after the last pass. Where fixes lead back to an earlier one, it is that: they would go on
    undoing each other."""
    for _ in range(MAX_PASSES):
        chosen = run.choose(narrow(states[-1].report))
        if not chosen or not run.apply(chosen):
            return states[-1]
        if len(run.done) == len(states[-1].done):
            continue  # None of them could be applied; others may.
        again = next((one for one in states if one.texts == run.changed), None)
        if again is not None:
            run.notes.append(_undone(run.done[len(again.done) :]))
            return again
        with holding({run.cwd / path: data for path, data in run.after.items()}):
            states.append(_State(run.changed, audit(), tuple(run.done)))
    if run.choose(narrow(states[-1].report)):
        run.notes.append(f"Stopped after {MAX_PASSES} passes; another run may mend more.")
    return states[-1]


def _undone(circle: Sequence[Fix]) -> str:
    """Why a run of fixes ended where it did: these led back to what there was."""
    titles = " and ".join(dict.fromkeys(f'"{fix.title}"' for fix in circle))
    return f"{', '.join(_by_path(circle))}: not fixed to the end: {titles} would undo each other."


def write(outcome: Outcome, cwd: Path) -> Outcome:
    """Write every changed file. What could not be written stays as it was, and the outcome says so."""
    notes = {
        path: _write(cwd / path, outcome.before[path], data) for path, data in sorted(outcome.after.items())
    }
    failed = {path: note for path, note in notes.items() if note is not None}
    return replace(
        outcome,
        done=tuple(one for one in outcome.done if not failed.keys() & _by_path([one]).keys()),
        after={path: data for path, data in outcome.after.items() if path not in failed},
        notes=(*outcome.notes, *(f"{path}: not fixed: {note}" for path, note in failed.items())),
    )


def _write(file: Path, before: bytes, after: bytes) -> str | None:
    """Why a file could not be written, None where it was."""
    try:
        if file.read_bytes() != before:
            return "it was changed by somebody else meanwhile"
        write_whole(file, after)
    except OSError as error:
        return error.strerror or str(error)
    return None


def diff(outcome: Outcome) -> str:
    """What the fixes change, as one unified diff over all files."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for path in sorted(outcome.after)
        for line in _diff(path, outcome.before[path], outcome.after[path])
    )


def _diff(path: str, before: bytes, after: bytes) -> Iterator[str]:
    # Bytes that are no UTF-8 are told apart, and lines end in "\n" alone, as patch(1) sees them.
    old, new = (data.decode("utf-8", "surrogateescape") for data in (before, after))
    return difflib.unified_diff(_lines(old), _lines(new), _header(path), _header(path))


def _header(path: str) -> str:
    """A path as git writes it into a patch: a blank in it needs an end, a control character quotes."""
    if any(char < " " or char in '"\\' for char in path):
        return json.dumps(path, ensure_ascii=False)
    return f"{path}\t" if " " in path else path


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + lines[-1:] * bool(lines[-1])


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


# -- one run -------------------------------------------------------------------------------------
@dataclass
class _Run:
    """The files as they are after the passes so far."""

    cwd: Path
    unsafe: bool
    before: Texts = field(default_factory=dict)
    after: Texts = field(default_factory=dict)
    done: list[Fix] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The files as the last report saw them."""
    _refused: set[Fix] = field(default_factory=set)

    @property
    def changed(self) -> Texts:
        """The files that differ from what they were at first."""
        return {path: data for path, data in self.after.items() if data != self.before[path]}

    def choose(self, report: Report) -> list[Fix]:
        """The fix of each finding that touches none before it, nor rests on what one of them changes.

        Those come first that change an output on which another one rests: there may be nothing left to mend
        in that.
        """
        self.sources = report.sources
        offered = [fix for fix in map(self._of, report.findings) if fix is not None]
        offered = [fix for fix in offered if all(edit.location.path in report.paths for edit in fix.edits)]
        rests = _rests(offered)
        chosen: list[Fix] = []
        taken: list[Edit] = []
        for fix in sorted(offered, key=lambda one: not _unsettles(one, rests)):
            apart = not _unsettles(fix, _rests(chosen)) and not _is_unsettled(fix, taken)
            if apart and not _touches(fix.edits, taken):
                chosen.append(fix)
                taken += fix.edits
        return chosen

    def _of(self, finding: Finding) -> Fix | None:
        """The first fix that is safe, else with ``unsafe`` the first of all."""
        left = [fix for fix in finding.fixes if fix not in self._refused and not _touches_itself(fix)]
        safe = [fix for fix in left if fix.applicability is Applicability.SAFE]
        return next(iter([*safe, *(left if self.unsafe else [])]), None)

    def apply(self, fixes: Sequence[Fix]) -> bool:
        """Apply fixes together; where that can't be, those that can't are left out. False where all is as
        before."""
        made, refused = self._edited(fixes), len(self._refused)
        if made is None:
            fixes = [fix for fix in fixes if self._edited([fix], note=True) is not None]
            # Each by itself is right, all together are not: one now, the others in later passes.
            made = self._edited(fixes)
            if made is None:
                fixes = fixes[:1]
                made = self._edited(fixes)
        if not fixes or made is None:
            return len(self._refused) > refused
        self.after.update(made)
        self.done += fixes
        return True

    def _edited(self, fixes: Sequence[Fix], *, note: bool = False) -> Texts | None:
        """The files that fixes change, None where one of the results would not be right."""
        made: Texts = {}
        for path, edits in _by_path(fixes).items():
            try:
                made[path] = self._file(path, edits)
            except (InputError, OSError, ValueError, cst.ParserSyntaxError, RecursionError) as error:
                if note:
                    self.notes.append(f"{path}: {fixes[0].title}: not applied: {_reason(error)}")
                    self._refused.add(fixes[0])
                return None
        return made

    def _file(self, path: str, edits: Sequence[Edit]) -> bytes:
        file = self.cwd / path
        data = self.after.get(path)
        if data is None:
            data = self.before[path] = file.read_bytes()
            read = self.sources.get(path)
            if not is_as_read(read.text if read is not None else None, data, file):
                raise ValueError("it was changed by somebody else meanwhile")
        result = rewritten(data, file, edits)
        _check(data, result, file, path)
        return result


def _check(before: bytes, after: bytes, file: Path, shown: str) -> None:
    """Raises ParserSyntaxError or ValueError where a result is no program any more."""
    source = source_of(after, file, shown)
    cst.parse(source.text)
    if len(source.faults) > len(source_of(before, file, shown).faults):
        place = f"cell {source.faults[-1].cell}" if is_notebook(file) else f"line {source.faults[-1].line}"
        raise ValueError(f"the result would not parse in {place}: {source.faults[-1].reason}")


def _reason(error: Exception) -> str:
    if isinstance(error, cst.ParserSyntaxError):
        return f"the result would not parse in line {error.raw_line}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _by_path(fixes: Iterable[Fix]) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for fix in fixes:
        for edit in fix.edits:
            found.setdefault(edit.location.path, []).append(edit)
    return found


# -- outputs -------------------------------------------------------------------------------------
def _rests(fixes: Iterable[Fix]) -> dict[str, list[Fix]]:
    """Fixes by the path of what they rest on."""
    found: dict[str, list[Fix]] = {}
    for fix in fixes:
        if fix.rests_on is not None:
            found.setdefault(fix.rests_on.path, []).append(fix)
    return found


def _unsettles(fix: Fix, rests: Mapping[str, Sequence[Fix]]) -> bool:
    """Whether a fix changes what another one rests on."""
    others = (other for path in _by_path([fix]) for other in rests.get(path, ()))
    return any(_is_unsettled(other, fix.edits) for other in others if other is not fix)


def _is_unsettled(fix: Fix, edits: Iterable[Edit]) -> bool:
    """Whether edits change what a fix rests on."""
    place = fix.rests_on
    return place is not None and any(_meet(edit.location, place) for edit in edits)


# -- spans ---------------------------------------------------------------------------------------
def _touches(edits: Iterable[Edit], others: Sequence[Edit]) -> bool:
    return any(_meet(one.location, other.location) for one in edits for other in others)


def _meet(one: Location, other: Location) -> bool:
    """Whether two spans share a point: neighbours count, because their order would matter."""
    if (one.path, one.cell) != (other.path, other.cell):
        return False
    return _end(one) >= (other.line, other.column) and _end(other) >= (one.line, one.column)


def _end(location: Location) -> tuple[int, int]:
    return location.end_line, location.end_column


def _touches_itself(fix: Fix) -> bool:
    """Whether a fix is one that can't be applied; lines it inserts at one point may stand together."""
    edits = list(fix.edits)
    pairs = [(a, b) for n, a in enumerate(edits) for b in edits[n + 1 :]]
    return any(_meet(a.location, b.location) and a.location != b.location for a, b in pairs)
