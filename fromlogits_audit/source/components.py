"""Files that belong together: those that imports connect. Nothing in one such component can change what
is said of another, so each is analysed, remembered and given to a process by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.imports import FIXTURES, Import, Sketch
from fromlogits_audit.source.project import Project

MAX_OUTSIDE = 4_000
"""Files that were not given and that imports lead to: past that many they connect nothing any more."""


@dataclass(frozen=True)
class Component:
    """``files`` were given; ``beside`` are those that they import and that were not. Both sorted."""

    files: tuple[Path, ...]
    beside: tuple[Path, ...] = ()


class Groups:
    """Sets that grow together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[Path, Path] = {}

    def find(self, item: Path) -> Path:
        parent = self._parent.setdefault(item, item)
        while parent != item:
            self._parent[item] = self._parent[parent]
            item, parent = parent, self._parent[parent]
        return item

    def join(self, one: Path, other: Path) -> None:
        """The smaller path names the group, so that nothing depends on the order of joining."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first


def components(
    files: Sequence[Path], project: Project, sketch_of: Callable[[Path], Sketch | None]
) -> list[Component]:
    """The components of the given files, by their first path. ``sketch_of`` says None of a file that
    can't be read."""
    edges = _Edges(project, sketch_of)
    groups, given = Groups(), set(files)
    beside: dict[Path, set[Path]] = {}
    pending, seen = list(files), set(files)
    for path in pending:
        for found in edges.of(path, sketch_of(path)):
            groups.join(path, found)
            if found in given:
                continue
            if path in given:
                beside.setdefault(path, set()).add(found)
            if found not in seen and len(seen) - len(given) < MAX_OUTSIDE:
                seen.add(found)
                pending.append(found)
    return gathered(files, groups, beside)


def gathered(files: Iterable[Path], groups: Groups, beside: Mapping[Path, Iterable[Path]]) -> list[Component]:
    """The files by their groups. ``beside`` says what each of them imports that was not given."""
    found: dict[Path, list[Path]] = {}
    for path in sorted(files):
        found.setdefault(groups.find(path), []).append(path)
    return [
        Component(tuple(group), tuple(sorted({one for path in group for one in beside.get(path, ())})))
        for group in found.values()
    ]


class _Edges:
    """What files import, resolved. Most imports mean no file of the project, and are asked for once."""

    def __init__(self, project: Project, sketch_of: Callable[[Path], Sketch | None]) -> None:
        self._project = project
        self._sketch_of = sketch_of
        self._absent: dict[Path, set[str]] = {}
        """By folder the names of modules that can't be seen from there."""

    def of(self, path: Path, sketch: Sketch | None) -> list[Path]:
        if sketch is None or not sketch.imports:
            return []
        absent = self._absent.setdefault(path.parent, set())
        found = (self._file(path, one, absent) for one in sketch.imports)
        return [one for one in dict.fromkeys(found) if one is not None and one != path]

    def _file(self, path: Path, what: Import, absent: set[str]) -> Path | None:
        if what.level == FIXTURES.level:
            return self._conftest(path, absent)
        top = what.module.partition(".")[0]
        known = top in absent and not self._project.tells(path)
        if not what.level and (known or self._is_absent(path, top, absent)):
            return None
        found = self._project.imported(path, what.module, what.level)
        return found if found is not None and found.suffix == ".py" else None

    def _conftest(self, path: Path, absent: set[str]) -> Path | None:
        """The ``conftest.py`` above a file of tests, where it has fixtures: most only set pytest up."""
        found = self._file(path, Import(FIXTURES.module), absent)
        sketch = self._sketch_of(found) if found is not None else None
        return found if sketch is not None and FIXTURES in sketch.imports else None

    def _is_absent(self, path: Path, top: str, absent: set[str]) -> bool:
        """Whether no module of this name can be seen from the file's folder."""
        # The file itself, and a folder named like it, do not count for it but for its neighbours.
        if top == path.stem or path.suffix != ".py" or self._project.imported(path, top) is not None:
            return False
        absent.add(top)
        return True
