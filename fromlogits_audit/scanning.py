"""From files to one analysis: sketch them, find their components, have each analysed, put it together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.cache import Cache
from fromlogits_audit.config import Settings
from fromlogits_audit.interp.analysis import Analysis
from fromlogits_audit.recall import Recall
from fromlogits_audit.record import Result, SourceNote
from fromlogits_audit.source import read_source
from fromlogits_audit.source.components import Component, Groups, components, gathered
from fromlogits_audit.source.contents import Contents
from fromlogits_audit.source.defined import unmet
from fromlogits_audit.source.imports import Sketch, sketch
from fromlogits_audit.source.project import Project, find_root
from fromlogits_audit.source.text import SourceFile
from fromlogits_audit.source.triage import might_matter
from fromlogits_audit.work import Done, Names, Task, run_here

if TYPE_CHECKING:
    from concurrent.futures import Executor

WORTH_PROCESSES = 512 * 1024
"""Bytes of source to be analysed below which starting processes takes longer than it saves."""
SMALL, LARGE = 32 * 1024, 512 * 1024
"""Bytes of source in one task, at least and at most, where components are not larger themselves."""
SPREAD = 64
"""How many processes an executor is taken to have: it does not say."""
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
                self._read[shown] = read_source(path, shown)
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


def analysed(
    files: Sequence[Path],
    settings: Settings,
    *,
    cwd: Path,
    cache: Cache | None = None,
    executor: Executor | None = None,
) -> Analysis:
    """The sites that running the files reaches, component by component: ``settings.jobs`` at a time, each in
    a process, or as ``executor`` has it."""
    scan = _Scan(files, settings, cwd, cache, executor)
    try:
        whole = scan.recalled() or scan.run()
    finally:
        if cache is not None:
            cache.close()
    return Analysis(
        sites=list(whole.sites),
        problems=list(whole.problems),
        files=len(files),
        sources=Sources(whole.sources),
        notes=unmet(settings.outputs, settings.losses, frozenset(whole.met), settings.root),
        met=frozenset(whole.met),
    )


class _Scan:
    """One scan: which components there are, and where the result of each comes from."""

    def __init__(
        self,
        files: Sequence[Path],
        settings: Settings,
        cwd: Path,
        cache: Cache | None,
        executor: Executor | None,
    ) -> None:
        self._files = files
        self._names = names = Names(settings.outputs, settings.losses, settings.root)
        self._cwd = cwd
        self._jobs = settings.jobs or 1
        self._executor = executor
        self._root = find_root(files, cwd)
        self._contents = Contents()
        self._recall = Recall(cache, self._contents, files, self._root, cwd, names) if cache else None
        self._sketches: dict[str, Sketch] = {}
        self._lasting = True
        """Whether everything so far may be remembered."""

    def recalled(self) -> Result | None:
        """All of it from the cache."""
        known = self._recall.scan() if self._recall is not None else None
        return _together(known) if known is not None else None

    def run(self) -> Result:
        """The result, as much of it as possible from the cache."""
        project = Project(self._root, self._files) if self._recall is None else self._recall.project
        if self._recall is not None:
            self._sketches = self._recall.sketches()
        results = _settled(components(self._files, project, self._sketch), self._results)
        whole = _together(results.values())
        if self._recall is not None and self._lasting:
            self._recall.keep_scan(whole, results)
        return whole

    def _sketch(self, path: Path) -> Sketch | None:
        """What a file imports; None where it can't be read."""
        if self._recall is None:
            data = self._contents.bytes_of(path)
            return sketch(data) if data is not None else None
        digest = self._contents.digest_of(path)
        if digest is None:
            return None
        if digest not in self._sketches:
            data = self._contents.bytes_of(path)
            if data is None:
                return None
            self._sketches[digest] = sketch(data)
            self._recall.keep_sketch(digest, self._sketches[digest])
        return self._sketches[digest]

    def _results(self, some: list[Component]) -> list[Result]:
        todo = [one for one in some if any(map(self._matters, (*one.files, *one.beside)))]
        known = self._recall.results(todo) if self._recall is not None else {}
        fresh = self._analysed([one for one in todo if one not in known])
        return [known.get(one) or fresh.get(one) or Result() for one in some]

    def _matters(self, path: Path) -> bool:
        """Whether a file has to be parsed; one that can't be read has to be reported."""
        known = self._sketches.get(self._contents.digest_of(path) or "") if self._recall is not None else None
        if known is not None:
            return known.matters
        data = self._contents.bytes_of(path)
        return data is None or might_matter(data)

    def _analysed(self, some: list[Component]) -> dict[Component, Result]:
        """Analyse components, and remember each as soon as it is done."""
        sizes = {one: sum(map(self._contents.size_of, one.files)) for one in some}
        jobs = self._jobs if sum(sizes.values()) >= WORTH_PROCESSES else 1
        portions = SPREAD if self._executor is not None else jobs
        if self._recall is not None:
            self._recall.pause()
        found = {}
        for component, result in self._run(map(self._task, _batches(sizes, portions)), jobs):
            found[component] = result
            self._contents.release(component.files)
            if self._recall is not None:
                self._lasting &= self._recall.keep(component, result)
        return found

    def _run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Done]:
        if jobs < 2 and self._executor is None:
            return run_here(tasks)
        # Imported where it is needed: most scans need no other processes.
        if self._executor is not None:
            from fromlogits_audit.elsewhere import run_elsewhere

            return run_elsewhere(tasks, self._executor, self._jobs)
        from fromlogits_audit.workers import run_on_cores

        return run_on_cores(tasks, jobs)

    def _task(self, some: Sequence[Component]) -> Task:
        beside = (path for one in some for path in one.beside) if self._executor is not None else ()
        paths = (*(path for one in some for path in one.files), *beside)
        data = {path: self._contents.bytes_of(path) for path in paths}
        given = {path: one for path, one in data.items() if one is not None}
        return Task(self._root, self._cwd, tuple(some), given, self._names)


def _batches(sizes: Mapping[Component, int], jobs: int) -> Iterator[list[Component]]:
    """Components, by their bytes of source, in portions that keep all processes busy to the end: large ones
    come first."""
    room = min(max(sum(sizes.values()) // (jobs * 16), SMALL), LARGE)
    batch, held = list[Component](), 0
    for one in sorted(sizes, key=lambda one: (-sizes[one], one.files)):
        if batch and held + sizes[one] > room:
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += sizes[one]
    if batch:
        yield batch


def _settled(
    found: list[Component], analysed: Callable[[list[Component]], list[Result]]
) -> dict[Component, Result]:
    """The results of all components. Those that were found to share a file are one: it is analysed anew."""
    results = dict(zip(found, analysed(found), strict=True))
    for _ in range(MAX_MERGES):
        merged = _merged(results)
        new = [one for one in merged if one not in results]
        fresh = dict(zip(new, analysed(new), strict=True))
        results = {one: results[one] if one in results else fresh[one] for one in merged}
        if not new:
            break
    return results


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


def _together(every: Collection[Result]) -> Result:
    return Result(
        tuple(site for result in every for site in result.sites),
        tuple(dict.fromkeys(problem for result in every for problem in result.problems)),
        tuple(note for result in every for note in result.sources),
        tuple(sorted({name for result in every for name in result.met})),
        tuple(sorted({path for result in every for path in result.loaded})),
    )
