"""The way in: files to sites. Reads, runs every module, then what nothing called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from fromlogits_audit.errors import InputError
from fromlogits_audit.interp.analysis import Analysis, Lookup
from fromlogits_audit.interp.declared import Declared
from fromlogits_audit.interp.keras.models import run_unused
from fromlogits_audit.interp.keras.semantics import Keras
from fromlogits_audit.interp.modules import Modules
from fromlogits_audit.interp.parse import ParsedModule
from fromlogits_audit.interp.run import Run
from fromlogits_audit.interp.selection import Selection
from fromlogits_audit.interp.uncalled import run_uncalled
from fromlogits_audit.interp.values import NONE
from fromlogits_audit.ir import Location, Problem
from fromlogits_audit.source import read_source, shown_path
from fromlogits_audit.source.project import Project
from fromlogits_audit.source.python import check_syntax
from fromlogits_audit.source.text import Fault, SourceFile

RECURSION = 6_000
"""Python's own limit while a program is interpreted: inlined calls are bounded well below it."""


class _Session:
    """One analysis: reads files on demand and remembers what went wrong."""

    def __init__(self, project: Project, cwd: Path) -> None:
        self.cwd = cwd
        self.analysis = Analysis(files=len(project.files))
        self.sources: dict[str, SourceFile] = {}
        self.project = project
        self.modules = Modules(self.project, self.read, self.refuse)

    def read(self, path: Path) -> SourceFile | None:
        """A file as text, None where it cannot be used (which is noted)."""
        shown = shown_path(path, self.cwd)
        try:
            source = read_source(path, shown)
        except InputError as error:
            self.problem(shown, Fault(error.reason, error.line, error.column, error.cell))
            return None
        except OSError as error:
            self.problem(shown, Fault(f"cannot be read: {error.strerror}"))
            return None
        return self.keep(source)

    def keep(self, source: SourceFile) -> SourceFile | None:
        """Note a source and its faults; a module with a syntax error cannot be used."""
        self.sources.setdefault(source.shown, source)
        for fault in source.faults:
            self.problem(source.shown, fault)
        if source.cells is None and source.faults:
            return None
        return source

    def refuse(self, source: SourceFile, fault: Fault) -> None:
        """A file whose text does not parse."""
        self.problem(source.shown, fault)

    def problem(self, shown: str, fault: Fault, *, statement: bool = False) -> None:
        location = Location(shown, fault.cell, fault.line, fault.column, fault.line, fault.column)
        found = Problem(location, fault.reason, statement)
        if found not in self.analysis.problems:
            self.analysis.problems.append(found)

    def finish(self, run: Run) -> Analysis:
        for module, error in self.modules.broken:
            place = module.file.locate(error.line, error.column, error.line, error.column)
            fault = Fault(error.reason, place.line, place.column, place.cell)
            self.problem(module.file.shown, fault, statement=True)
        self.analysis.sites = run.recorder.finish()
        self.analysis.sources = self.sources
        self.analysis.loaded = tuple(str(path) for path in self.modules.paths)
        self.analysis.lookups = tuple(
            Lookup(*question, str(found) if found is not None else None)
            for question, found in self.project.asked.items()
        )
        return self.analysis


def analyse(
    project: Project, *, cwd: Path, declared: Declared | None = None, beside: Sequence[Path] = ()
) -> Analysis:
    """The sites that running a project's files reaches, also where they stand in what they import.

    ``declared`` is what the configuration says of names that the code can't tell; ``beside`` are files
    that were not given and that the given ones import.
    """
    session = _Session(project, cwd)
    run = Run(session.modules, Keras(), declared)
    with _deep_recursion():
        names = declared.words if declared is not None else frozenset[str]()
        selection = Selection(session.modules, project.files, names, beside)
        run.state.scarce = not selection.names_keras
        run.interest = selection.interest
        modules = [inner for module in selection.to_run() for inner in _run_module(session, run, module)]
        for module in modules:
            _run_main(session, run, module)
        run_uncalled(run, modules)
        run_unused(run)
        session.analysis.met = declared.met if declared is not None else frozenset()
        analysis = session.finish(run)
        analysis.release = run.release
        return analysis


def analyse_text(text: str, shown: str, declared: Declared | None = None) -> Analysis:
    """The sites of one text that need not be a file."""
    path = Path(shown)
    source = SourceFile(path=path, shown=shown, text=text)
    session = _Session(Project(Path("/nonexistent")), Path.cwd())
    session.analysis.files = 1
    fault = check_syntax(text)
    if fault is not None:
        session.sources[shown] = source
        session.problem(shown, fault)
        session.analysis.sources = session.sources
        return session.analysis
    session.keep(source)
    run = Run(session.modules, Keras(), declared)
    with _deep_recursion():
        module = session.modules.add(path, source)
        run.interest.learn([module])
        session.modules.execute(run, module)
        _run_main(session, run, module)
        run_uncalled(run, [module])
        run_unused(run)
        return session.finish(run)


def _run_module(session: _Session, run: Run, module: ParsedModule) -> list[ParsedModule]:
    """Run a module, and the files that a notebook's ``%%writefile`` cells hold."""
    run.state.start(module)
    run.settings.slots["policy"] = NONE  # a program of its own
    inner = []
    for written in _written_in(module.file):
        session.project.add(written.path)
        kept = session.keep(written)
        if kept is not None:
            inner.append(session.modules.add(written.path, kept))
    session.modules.execute(run, module)
    run.policies[id(module)] = run.settings.slots["policy"]
    for other in inner:
        run.state.start(other)
        session.modules.execute(run, other)
    return [module, *inner]


def _run_main(session: _Session, run: Run, module: ParsedModule) -> None:
    if not session.modules.has_main(module):
        return
    run.state.start(module)
    run.settings.slots["policy"] = run.policies.get(id(module), NONE)
    session.modules.execute_main(run, module)
    run.policies[id(module)] = run.settings.slots["policy"]


def _written_in(file: SourceFile) -> Sequence[SourceFile]:
    if file.cells is None:
        return ()
    from fromlogits_audit.source.notebook import written_sources

    return written_sources(file)


class _deep_recursion:
    """Room for inlined calls, and no cyclic collection: syntax trees are many small objects that all
    stay, and collecting among them takes longer than parsing. Restored afterwards."""

    def __enter__(self) -> None:
        self._before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(self._before, RECURSION))
        self._collecting = gc.isenabled()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        sys.setrecursionlimit(self._before)
        if self._collecting:
            gc.enable()
