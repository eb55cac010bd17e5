"""Modules of the project: finding, parsing and running them, and what imports bind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.errors import InputError
from fromlogits_audit.interp.names import from_stars, of_open_star
from fromlogits_audit.interp.parse import Chunk, ParsedModule
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import ExternalV, ModuleV, PendingV, Place, TupleV, Unknown, Value, forced
from fromlogits_audit.ir import Undecided, Why
from fromlogits_audit.source.contents import content
from fromlogits_audit.source.imports import speaks_of_fixtures
from fromlogits_audit.source.project import Project
from fromlogits_audit.source.text import Fault

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.source.text import SourceFile

MAX_IMPORTS = 60
"""How deeply modules import one another before the rest is left out."""


class Modules:
    """The project's modules by path. ``load`` reads a file, or says that it cannot be used."""

    def __init__(
        self,
        project: Project,
        load: Callable[[Path], SourceFile | None],
        refuse: Callable[[SourceFile, Fault], None],
    ) -> None:
        self.project = project
        self._load = load
        self._refuse = refuse
        self._modules: dict[Path, ParsedModule | None] = {}
        self._fixtures: dict[Path, bool] = {}
        self._asked: dict[Path, list[tuple[str, PendingV]]] = {}
        """By the file: imports of its names by modules that run before it does."""
        self._mains: dict[Path, list[Chunk]] = {}
        """What modules do where they are no import, until they have their turn."""
        self._depth = 0
        self.broken: list[tuple[ParsedModule, InputError]] = []

    def get(self, path: Path) -> ParsedModule | None:
        """The module of a file, not run yet."""
        if path not in self._modules:
            source = self._load(path)
            self._modules[path] = self._parsed(source, path) if source is not None else None
        return self._modules[path]

    def _parsed(self, source: SourceFile, path: Path) -> ParsedModule | None:
        """The module of a text, None where it does not parse (which is reported)."""
        module = ParsedModule(source, path.stem, of_library=self.project.defines_library(path))
        fault = module.parse()
        if fault is not None:
            self._refuse(source, fault)
            return None
        return module

    def may_give_fixtures(self, path: Path) -> bool:
        """Whether a ``conftest.py`` is more than a set-up of pytest: it belongs to its tests only then."""
        if path not in self._fixtures:
            self._fixtures[path] = speaks_of_fixtures(content(path) or b"")
        return self._fixtures[path]

    def add(self, path: Path, source: SourceFile) -> ParsedModule:
        """A module whose text does not come from a file (standard input, a written cell)."""
        module = ParsedModule(source, path.stem)
        self._modules[path] = module
        return module

    def all(self) -> list[ParsedModule]:
        return [module for module in self._modules.values() if module is not None]

    @property
    def paths(self) -> list[Path]:
        """The files that were asked for, also those that could not be used."""
        return list(self._modules)

    # -- running -------------------------------------------------------------------------------
    def execute(self, run: Run, module: ParsedModule) -> Frame:
        """Run a module's top level once; a module in the middle of running is given as it is."""
        from fromlogits_audit.interp.excluded import reached

        if module.frame is not None:
            return module.frame
        chunks = module.chunks()
        frame = Frame(module, chunks[0] if chunks else Chunk(module, 1, "", []))
        module.frame = frame
        if not module.is_apart:
            run.state.rejoin()
        self._depth += 1
        nesting, run.nesting = run.nesting, 0
        try:
            with run.state.apart(), reached(run):
                self._statements(run, module, frame, chunks)
            for name, pending in self._asked.pop(module.file.path, ()):
                _take(frame, name, pending)
        finally:
            run.nesting = nesting
            module.cut = run.state.cut
            self._depth -= 1
        return frame

    def has_main(self, module: ParsedModule) -> bool:
        """Whether something of a module waits for its turn."""
        return module.file.path in self._mains

    def execute_main(self, run: Run, module: ParsedModule) -> None:
        """Run what a module does under ``if __name__ == "__main__":``, once all that imports it has."""
        from fromlogits_audit.interp.excluded import reached

        chunks = self._mains.pop(module.file.path, [])
        if module.frame is None or not chunks:
            return
        with run.state.apart(), reached(run):
            for chunk in chunks:
                self._run_chunk(run, module.frame, chunk)

    def _may_wait(self, run: Run, frame: Frame, chunk: Chunk) -> bool:
        """Whether a definition may wait until it is asked for; one that had its name is run now."""
        earlier = frame.slots.get(chunk.defines)
        if isinstance(earlier, PendingV) and earlier.value is None and earlier.chunk is not None:
            with run.guard(earlier.chunk.module, earlier.chunk.first):
                forced(earlier)
        if earlier is not None and chunk.reopens:
            return False
        return run.hooked.isdisjoint(chunk.bases if run.hooked else ())

    def _statements(self, run: Run, module: ParsedModule, frame: Frame, chunks: list[Chunk]) -> None:
        """Run the statements of a module in order; definitions and imports wait until asked for."""
        from fromlogits_audit.interp.define import pending
        from fromlogits_audit.interp.uncalled import run_before_rebinding

        for index, chunk in enumerate(chunks):
            if module.file.cells is not None and chunk.binds:
                run_before_rebinding(run, chunks, index)
            _settle(frame, chunk)
            if chunk.defines is not None and self._may_wait(run, frame, chunk):
                run.state.write(frame, chunk.defines, pending(run, frame, chunk))
                continue
            if chunk.is_main and module.file.cells is None and not run.recorder.is_aside:
                self._mains.setdefault(module.file.path, []).append(chunk)
                continue
            if self._run_chunk(run, frame, chunk) and module.file.cells is None:
                self._unreached(run, module, frame, chunks[index + 1 :])
                return

    def _unreached(self, run: Run, module: ParsedModule, frame: Frame, chunks: list[Chunk]) -> None:
        """What stands behind the end of the program: its functions are those that nothing calls."""
        from fromlogits_audit.interp.define import pending
        from fromlogits_audit.interp.excluded import for_its_sites

        for chunk in chunks:
            if chunk.defines is not None and self._may_wait(run, frame, chunk):
                run.state.write(frame, chunk.defines, pending(run, frame, chunk))
        with for_its_sites(run):
            self._statements(run, module, frame, chunks)

    def _run_chunk(self, run: Run, frame: Frame, chunk: Chunk) -> bool:
        """Whether the program is over with it: what stands behind ``sys.exit()`` is not reached."""
        from fromlogits_audit.interp.define import class_in_parts
        from fromlogits_audit.interp.execute import run_block, run_imports

        frame.chunk = chunk
        if chunk.imports:
            run.state.step()
            run_imports(run, frame, chunk.imports)
            return False
        with run.guard(frame.module, chunk.first):
            if not chunk.members:
                return not run_block(run, frame, chunk.body).survives
            run.state.step()
            class_in_parts(run, frame, chunk)
        return False

    # -- imports -------------------------------------------------------------------------------
    def settle(self) -> None:
        """Let the imports that wait happen, and those of the modules that they run: somebody changes what
        another module holds, and a name that was imported before keeps what it meant."""
        while waiting := self._waiting():
            for imported in waiting:
                forced(imported)

    def _waiting(self) -> list[PendingV]:
        frames = [module.frame for module in self.all() if module.frame is not None]
        held = [value for frame in frames for value in frame.slots.values() if isinstance(value, PendingV)]
        return [value for value in held if value.chunk is None and value.value is None]

    def _resolve(self, frame: Frame, dotted: str, level: int = 0) -> Path | None:
        return self.project.imported(frame.module.file.path, dotted, level)

    def _module_value(self, run: Run, path: Path) -> Value:
        if path.suffix != ".py":
            return ExternalV(f"namespace:{path}")
        module = self.get(path)
        if module is None:
            return Unknown(Undecided(Why.EXTERNAL, f"{path.name} cannot be read"), ("module", str(path)))
        if self._depth < MAX_IMPORTS:
            self.execute(run, module)
        run.state.cut = run.state.cut or module.cut
        return ModuleV(module)

    def import_module(self, run: Run, frame: Frame, dotted: str, level: int = 0) -> Value:
        """``import a.b.c``: the value of the last part, read when it is first used."""
        path = self._resolve(frame, dotted, level)
        if path is None:
            return _not_here(dotted) if level else run.keras.external_module(dotted)
        return self._lazily(run, path, lambda: self._module_value(run, path))

    def _lazily(self, run: Run, path: Path, make: Callable[[], Value]) -> Value:
        """An import happens when its name is used, unless the module registers things as it runs."""
        return make() if self.registers(run, path) else PendingV(make)

    def registers(self, run: Run, path: Path) -> bool:
        """Whether a module fills a registry when it is imported; then the import counts at once."""
        if path.suffix != ".py":
            return False
        module = self.get(path)
        return module is not None and (
            "regist" in module.file.text.lower()
            or "__init_subclass__" in module.file.text
            or module.says_any(run.hooked)
        )

    def import_name(self, run: Run, frame: Frame, module: str, level: int, name: str) -> Value:
        """``from module import name``."""
        path = self._resolve(frame, module, level)
        if path is None:
            return self._imported_name(run, frame, module, level, name)
        value = self._lazily(run, path, lambda: self._imported_name(run, frame, module, level, name))
        if isinstance(value, PendingV):
            ready = self._modules.get(path)
            if ready is not None and ready.frame is not None:
                _take(ready.frame, name, value)
            else:
                self._asked.setdefault(path, []).append((name, value))
        return value

    def _imported_name(self, run: Run, frame: Frame, module: str, level: int, name: str) -> Value:
        inner = _inside(module, name)
        path = self._resolve(frame, module, level)
        if path is None or path.suffix != ".py":
            found = self._resolve(frame, inner, level)
            if found is not None and (path is not None or level):
                return self._module_value(run, found)
            if level:
                return _not_here(module, inner)
            return run.keras.external_module(inner)
        value = self._module_value(run, path)
        if isinstance(value, ModuleV):
            return self._member(run, frame, value, name, inner, level)
        return value

    def _member(self, run: Run, frame: Frame, value: ModuleV, name: str, inner: str, level: int) -> Value:
        slots = value.module.frame.slots if value.module.frame is not None else {}
        if name in slots and not _is_happening(slots[name]):
            return forced(slots[name])
        submodule = self._resolve(frame, inner, level)
        if submodule is not None and submodule != value.module.file.path:
            return self._module_value(run, submodule)
        found = self._from_stars(run, value.module, name)
        if found is not None:
            return found
        detail = f"{name} is not in module {value.module.name}"
        return Unknown(Undecided(Why.UNDEFINED, detail), ("import", str(value.module.file.path), name))

    def _from_stars(self, run: Run, module: ParsedModule, name: str) -> Value | None:
        stars = module.frame.stars if module.frame is not None else []
        return from_stars(run, stars, name) or of_open_star(stars, name)

    def import_star(self, run: Run, frame: Frame, module: str, level: int) -> None:
        path = self._resolve(frame, module, level)
        if path is None or path.suffix != ".py":
            frame.root.stars.append("." * level + module)
            return
        value = self._module_value(run, path)
        if not isinstance(value, ModuleV) or value.module.frame is None:
            frame.root.stars.append("." * level + module)
            return
        source = value.module.frame
        for name in _exported(source):
            if name in source.slots:
                run.state.write(frame, name, source.slots[name])
            elif (inner := self._resolve(frame, _inside(module, name), level)) is not None:
                run.state.write(frame, name, self._module_value(run, inner))
        frame.root.stars.extend(source.stars)

    def attribute(self, run: Run, base: ModuleV, name: str, place: Place) -> Value:
        """``module.name``: a global, or a submodule that is imported somewhere."""
        frame = base.module.frame
        if frame is not None and name in frame.slots:
            return forced(frame.slots[name])
        if base.module.file.path.name == "__init__.py" and frame is not None:
            path = self._resolve(frame, name, 1)
            if path is not None:
                return self._module_value(run, path)
        found = self._from_stars(run, base.module, name)
        if found is not None:
            return found
        detail = f"{name} is not in module {base.module.name}"
        return Unknown(Undecided(Why.UNDEFINED, detail), ("attribute", str(base.module.file.path), name))


def _not_here(module: str, name: str = "") -> Unknown:
    reason = Undecided(Why.EXTERNAL, f"module {module or '.'} is not in the project")
    return Unknown(reason, ("import", name or module))


def _take(frame: Frame, name: str, pending: PendingV) -> None:
    """``from module import NAME`` takes what the name means now: the module may bind it anew later."""
    value = frame.slots.get(name)
    if value is not None and not isinstance(value, PendingV) and pending.value is None:
        pending.value = value


def _is_happening(value: Value) -> bool:
    """Whether this is the import that asks: ``from . import layers`` in the package that has ``layers``."""
    return isinstance(value, PendingV) and value.is_happening


def _settle(frame: Frame, chunk: Chunk) -> None:
    """Before a name is bound anew, the classes that derive from what it means now come to be."""
    for name in chunk.names:
        if name not in frame.slots:
            continue
        for value in list(frame.slots.values()):
            if isinstance(value, PendingV) and value.chunk is not None and name in value.chunk.bases:
                forced(value)


def _inside(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _exported(frame: Frame) -> list[str]:
    """The names that ``import *`` takes: those in ``__all__`` where it is known (which may be modules of a
    package), else the public ones."""
    from fromlogits_audit.interp.values import Const, ListV

    listed = frame.slots.get("__all__")
    content = listed.slots["items"] if isinstance(listed, ListV) else listed
    if isinstance(content, TupleV) and not content.open:
        texts = [item.value for item in content.items if isinstance(item, Const)]
        return [name for name in texts if isinstance(name, str)]
    return [name for name in frame.slots if isinstance(name, str) and not name.startswith("_")]
