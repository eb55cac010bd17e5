"""What may be taken from the cache in place of an analysis: keys, and whether an entry still holds.

Everything that a result depends on is part of its key or is looked at again: the bytes of the files, this
tool's own code, the settings that matter, the files that imports lead to, and what every import means.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit import __version__
from fromlogits_audit.blake import blake2b
from fromlogits_audit.cache import Cache
from fromlogits_audit.record import RecordError, Result, dumps, loads
from fromlogits_audit.source.contents import Contents, content, digest
from fromlogits_audit.source.imports import Import, Sketch
from fromlogits_audit.source.project import Project, listed

if TYPE_CHECKING:
    from fromlogits_audit.source.components import Component
    from fromlogits_audit.work import Names

Facts = list[list[str]]
"""Pairs of a path and what it was: a file's digest, or what a folder held."""
_SLACK = 2.0
"""Seconds by which the clocks of a file system and of this machine may differ."""


class Recall:
    """What one scan takes from the cache and gives to it."""

    def __init__(
        self, store: Cache, contents: Contents, files: Sequence[Path], root: Path, cwd: Path, names: Names
    ) -> None:
        self._cache = store
        self._contents = contents
        self._files = files
        self._root = root
        self._started = time.time()
        self._kept: dict[Component, list[str]] = {}
        """The entries of components, by key and digest."""
        losses = sorted((name, like.like, like.from_logits) for name, like in names.losses.items())
        outputs = sorted((name, scale.value) for name, scale in names.outputs.items())
        folders = [str(root), os.path.realpath(root), str(cwd), str(names.root)]
        self._base = json.dumps([_tool(), folders, outputs, losses])

    @cached_property
    def project(self) -> Project:
        """The files and what imports mean among them; what is all in the cache does without."""
        return Project(self._root, self._files)

    # -- sketches of single files --------------------------------------------------------------
    def sketches(self) -> dict[str, Sketch]:
        """The sketches of the files that are known, by the digests of the files' bytes."""
        digests = {one for path in self._files if (one := self._contents.digest_of(path)) is not None}
        keys = {self._key("file", [one]): one for one in digests}
        return {keys[key]: found for key, value in self._cache.get(keys).items() if (found := _sketch(value))}

    def keep_sketch(self, digest: str, sketch: Sketch) -> None:
        value = json.dumps([sketch.matters, [[one.module, one.level] for one in sketch.imports]])
        self._cache.put(self._key("file", [digest]), value.encode())

    # -- components ----------------------------------------------------------------------------
    def results(self, components: Sequence[Component]) -> dict[Component, Result]:
        """The results that still hold."""
        keys = {key: one for one in components if (key := self._component(one)) is not None}
        known = {}
        for key, value in self._cache.get(keys).items():
            component, parts = keys[key], _parted(value)
            if parts is None or not self._unchanged(parts[0]):
                continue
            result = self._result(parts[1], component.files)
            if result is not None and self._means_the_same(component, result):
                known[component] = result
                self._kept[component] = [key.hex(), digest(value)]
        return known

    def keep(self, component: Component, result: Result) -> bool:
        """Remember a result; False where something it depends on can't be told or has changed meanwhile."""
        key = self._component(component)
        facts = self._outside(result, component.files)
        if key is None or facts is None or not result.stable or not self._means_the_same(component, result):
            return False
        value = _joined(facts, dumps(result))
        self._cache.put(key, value)
        self._kept[component] = [key.hex(), digest(value)]
        return True

    def _component(self, component: Component) -> bytes | None:
        library = all(self.project.belongs_to_library(path) for path in component.files)
        given, beside = self._digests(component.files), self._digests(component.beside)
        return self._key("part", [library, given, beside]) if given and beside is not None else None

    def _means_the_same(self, component: Component, result: Result) -> bool:
        """Whether every import means what it meant."""
        project = Project(self._root, component.files, self.project.disk)
        for path in _written(component.files, result):
            project.add(path)
        return all(
            (str(found) if (found := project.resolve(Path(one.importer), one.module, one.level)) else None)
            == one.found
            for one in result.lookups
        )

    def pause(self) -> None:
        """Let go of the file: processes are about to be forked."""
        self._cache.close()

    # -- whole scans ---------------------------------------------------------------------------
    def scan(self) -> list[Result] | None:
        """The results that the same scan gave before, where nothing they depended on has changed."""
        key = self._scan()
        value = self._cache.get([key]).get(key, b"") if key is not None else b""
        tables = [_pairs(line) for line in value.split(b"\n")]
        if len(tables) != 3 or None in tables:
            return None
        facts, folders, components = (table or [] for table in tables)
        if not self._unchanged(facts) or any(_holding(one, listed(one)) != what for one, what in folders):
            return None
        return self._of_components(components)

    def _of_components(self, named: Facts) -> list[Result] | None:
        """The results of a whole scan's components; None where an entry is gone, or is another one now."""
        try:
            entries = [(bytes.fromhex(key), expected) for key, expected in named]
        except ValueError:
            return None
        values = self._cache.get([key for key, _ in entries])
        results = []
        for key, expected in entries:
            value = values.get(key, b"")
            parts = _parted(value) if digest(value) == expected else None
            result = self._result(parts[1], self._files) if parts is not None else None
            if result is None:
                return None
            results.append(result)
        return results

    def keep_scan(self, whole: Result, components: Iterable[Component]) -> None:
        """Remember which components a whole scan consists of; none that is not remembered has a result."""
        key, facts = self._scan(), self._outside(whole, self._files, *self._contents.seen)
        if key is not None and facts is not None:
            folders = [[folder, _holding(folder, names)] for folder, names in self._folders()]
            named = [self._kept[one] for one in components if one in self._kept]
            self._cache.put(key, "\n".join(map(json.dumps, (facts, folders, named))).encode())

    def _scan(self) -> bytes | None:
        given = self._digests(self._files)
        return self._key("scan", given) if given is not None else None

    def _folders(self) -> Iterator[tuple[str, frozenset[str]]]:
        """The folders that imports were looked for in, and those between them and the root."""
        given, root, disk = {str(path) for path in self._files}, str(self._root), self.project.disk
        for folder in sorted(disk):
            if folder not in given:
                yield folder, disk[folder]
        above = {str(up) for folder in disk for up in Path(folder).parents if str(up).startswith(root)}
        yield from ((folder, listed(folder)) for folder in sorted(above - set(disk) - given))

    # -- what a result depended on -------------------------------------------------------------
    def _digests(self, paths: Iterable[Path]) -> Facts | None:
        """The paths with their digests; None where one can't be read."""
        found = [(str(path), self._contents.digest_of(path)) for path in paths]
        return None if any(one is None for _, one in found) else [[path, str(one)] for path, one in found]

    def _outside(self, result: Result, files: Iterable[Path], *also: Path) -> Facts | None:
        """The files that a result depends on beside those that were given; None where one can't be told."""
        given = set(files)
        paths = {*map(Path, result.loaded), *also} - given
        facts: Facts = []
        for path in sorted(paths - set(_written(given, result))):
            digest = self._settled(path)
            if digest is None:
                return None
            facts.append([str(path), digest])
        return facts

    def _settled(self, path: Path) -> str | None:
        """The digest of a file that has been the same since the scan began."""
        data = content(path)
        now = digest(data) if data is not None else None
        if path in self._contents.seen:
            return now if now == self._contents.digest_of(path) else None
        try:
            changed = path.stat().st_ctime
        except OSError:
            return None
        return now if changed < self._started - _SLACK else None

    def _result(self, record: bytes, files: Iterable[Path]) -> Result | None:
        """The result of a record, None where it is none or would have a report show other people's files."""
        try:
            result = loads(record)
        except RecordError:
            return None
        given, below = {str(path) for path in files}, f"{self._root}{os.sep}"
        up = f"{os.sep}{os.pardir}{os.sep}"
        mine = all(
            one.path in given or (one.path.startswith(below) and up not in one.path) for one in result.sources
        )
        return result if mine else None

    def _unchanged(self, facts: Facts) -> bool:
        return all(self._contents.digest_of(Path(path)) == digest for path, digest in facts)

    def _key(self, kind: str, what: object) -> bytes:
        base = _tool() if kind == "file" else self._base
        return blake2b(json.dumps([kind, base, what]).encode(), digest_size=20).digest()


# -- what keys are made of ---------------------------------------------------------------------------
@cache
def _tool() -> str:
    """This tool, its parser and the Python that runs it: what another version found means nothing."""
    package = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - one per start
    stamps = sorted(_stamps(package))
    parser = find_spec("libcst")
    if parser is not None and parser.origin:
        stamps += sorted(_stamps(os.path.dirname(parser.origin), deep=False))  # noqa: PTH120
    text = json.dumps([__version__, sys.version, stamps])
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()


def _stamps(folder: str, *, deep: bool = True) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of the modules in a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns
            elif deep and entry.name != "__pycache__" and entry.is_dir():
                yield from _stamps(entry.path)


def _holding(folder: str, names: frozenset[str]) -> str:
    """What of a folder's names imports can see, and where its links lead."""
    seen = sorted(name for name in names if name.endswith(".py") or name.isidentifier())
    links = [(name, os.path.realpath(os.path.join(folder, name))) for name in _links(folder) if name in seen]  # noqa: PTH118
    text = json.dumps([bool(names), seen, links])
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _links(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        return []


def _written(files: Iterable[Path], result: Result) -> list[Path]:
    """The modules that cells of notebooks write: they are on no disk (``train.ipynb/model.py``)."""
    notebooks = tuple(f"{path}{os.sep}" for path in files if path.suffix == ".ipynb")
    return [Path(path) for path in result.loaded if notebooks and path.startswith(notebooks)]


# -- entries -----------------------------------------------------------------------------------------
def _joined(facts: Facts, record: str) -> bytes:
    return f"{json.dumps(facts)}\n{record}".encode()


def _parted(value: bytes) -> tuple[Facts, bytes] | None:
    """The files and the record of an entry; None where it is none."""
    head, _, record = value.partition(b"\n")
    facts = _pairs(head)
    return (facts, record) if facts is not None else None


def _pairs(text: bytes) -> Facts | None:
    try:
        pairs = [[one, other] for one, other in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        return None
    return pairs if all(type(one) is str for pair in pairs for one in pair) else None


def _sketch(value: bytes) -> Sketch | None:
    try:
        matters, imports = json.loads(value)
        made = Sketch(matters, tuple(Import(module, level) for module, level in imports))
    except (ValueError, TypeError, RecursionError):
        return None
    good = all(type(one.module) is str and type(one.level) is int for one in made.imports)
    return made if type(matters) is bool and good else None
