"""From files to one analysis: sketch them, find their components, have each analysed, put it together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fromlogits_audit.config import Settings
from fromlogits_audit.interp.analysis import Analysis
from fromlogits_audit.record import Result, SourceNote, loads
from fromlogits_audit.source import read_source
from fromlogits_audit.source.components import Component, Groups, components, gathered
from fromlogits_audit.source.contents import Contents
from fromlogits_audit.source.defined import unmet
from fromlogits_audit.source.imports import Sketch, sketch
from fromlogits_audit.source.project import Project, find_root
from fromlogits_audit.source.text import SourceFile
from fromlogits_audit.source.triage import might_matter
from fromlogits_audit.work import Names, Task, run_task

MAX_MERGES = 8
"""Rounds in which components that turned out to share files are joined and analysed again."""


class Sources(Mapping[str, SourceFile]):
    """The files that were read, by the path that a report shows; each is read again when it is asked for."""

    def __init__(self, notes: Sequence[SourceNote]) -> None:
        self._notes = {note.shown: note for note in notes}
        self._read: dict[str, SourceFile] = {}

    def __getitem__(self, shown: str) -> SourceFile:
        if shown not in self._read:
            path = Path(self._notes[shown].path)
            try:
                self._read[shown] = read_source(path, shown, check=False)
            except Exception:  # It was there a moment ago; a report can do without its text.
                self._read[shown] = SourceFile(path, shown, "")
        return self._read[shown]

    def __iter__(self) -> Iterator[str]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def commented(self) -> frozenset[str]:
        """The files whose comments may silence findings."""
        return frozenset(shown for shown, note in self._notes.items() if note.comments)


def analysed(files: Sequence[Path], settings: Settings, *, cwd: Path) -> Analysis:
    """The sites that running the files reaches, component by component."""
    project = Project(find_root(files, cwd), files)
    contents = Contents()
    names = Names(settings.outputs, settings.losses, settings.root)
    found = components(files, project, _sketcher(contents))
    results = _settled(found, lambda some: [_one(part, project.root, cwd, contents, names) for part in some])
    return _together(results, len(files), names)


def _sketcher(contents: Contents) -> Callable[[Path], Sketch | None]:
    def of(path: Path) -> Sketch | None:
        data = contents.bytes_of(path)
        return sketch(data) if data is not None else None

    return of


def _one(component: Component, root: Path, cwd: Path, contents: Contents, names: Names) -> Result:
    if not any(_matters(path, contents) for path in (*component.files, *component.beside)):
        return Result()
    data = {path: contents.bytes_of(path) for path in component.files}
    given = {path: one for path, one in data.items() if one is not None}
    (record,) = run_task(Task(root, cwd, (component,), given, names))
    contents.release(component.files)
    return loads(record)


def _matters(path: Path, contents: Contents) -> bool:
    """What can't be read has to be reported."""
    data = contents.bytes_of(path)
    return data is None or might_matter(data)


def _settled(
    found: list[Component], analysed: Callable[[list[Component]], list[Result]]
) -> list[tuple[Component, Result]]:
    """The results of all components. Those that were found to share a file are one: it is analysed anew."""
    results = dict(zip(found, analysed(found), strict=True))
    for _ in range(MAX_MERGES):
        merged = _merged(results)
        new = [one for one in merged if one not in results]
        fresh = dict(zip(new, analysed(new), strict=True))
        results = {one: results[one] if one in results else fresh[one] for one in merged}
        if not new:
            break
    return list(results.items())


def _merged(results: Mapping[Component, Result]) -> list[Component]:
    """Components, those that loaded the same file joined."""
    groups, owner = Groups(), {path: path for one in results for path in one.files}
    beside: dict[Path, tuple[Path, ...]] = {}
    for component, result in results.items():
        first = component.files[0]
        beside[first] = component.beside
        for path in (*component.files, *map(Path, result.loaded)):
            groups.join(first, owner.setdefault(path, first))
    given = {path for one in results for path in one.files}
    return gathered(given, groups, beside)


def _together(results: Sequence[tuple[Component, Result]], count: int, names: Names) -> Analysis:
    every = [result for _, result in results]
    met = frozenset(name for result in every for name in result.met)
    return Analysis(
        sites=[site for result in every for site in result.sites],
        problems=list(dict.fromkeys(problem for result in every for problem in result.problems)),
        files=count,
        sources=Sources([note for result in every for note in result.sources]),
        notes=unmet(names.outputs, names.losses, met, names.root),
        met=met,
    )
