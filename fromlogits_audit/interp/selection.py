"""Which files have to run: those that can hold a site, and those that lead to one.

A file that names neither Keras nor a loss costs a read and a byte search; one that names them is
parsed (so that what is wrong with it is reported); it runs only where its code can hold a site or
mentions, directly or over other definitions, a name that leads to one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fromlogits_audit import regex
from fromlogits_audit.interp.interest import Interest
from fromlogits_audit.interp.modules import Modules
from fromlogits_audit.interp.parse import ParsedModule
from fromlogits_audit.source.contents import content
from fromlogits_audit.source.triage import might_matter, names_keras

_IMPORT = regex.later(
    rb"^[ \t]*(?:from[ \t]+[.\w]+[ \t]+)?import[ \t]+(?:\([^)]{0,4096}|[^\n#]*)", re.MULTILINE
)
"""To its bracket, where one is near: what no bracket closes is not looked at once for each import."""
_WORD = regex.later(rb"[\w\x80-\xff]+")
MAX_ROUNDS = 4


class Selection:
    """The modules to run, in the order of their paths, and the names that make them matter."""

    def __init__(
        self,
        modules: Modules,
        paths: Sequence[Path],
        names: frozenset[str] = frozenset(),
        beside: Sequence[Path] = (),
    ) -> None:
        """``names`` lead to sites by what the configuration says of them; ``beside`` are files that were not
        given and that the given ones import."""
        library = bool(paths) and all(modules.project.belongs_to_library(path) for path in paths)
        self.interest = Interest(names, leads=not library)
        self.names_keras = bool(names) or any(map(_names_keras, (*paths, *beside)))
        """Whether a program of Keras is likely; else it is not worth much."""
        self._modules = modules
        self._parsed: dict[Path, ParsedModule] = {}
        self._beside: dict[Path, ParsedModule] = {}
        """Modules outside the set that it imports: what leads to a site in them counts, too."""
        quiet: list[tuple[Path, frozenset[bytes]]] = []
        for path in paths:
            data = content(path)
            if data is None or might_matter(data):
                self._parse(path)
            else:
                quiet.append((path, _imported(data)))
        for path in beside:
            self._look_beside(path)
        self._learn()
        self._follow(quiet)

    def _look_beside(self, path: Path) -> None:
        data = content(path)
        module = self._modules.get(path) if data is not None and might_matter(data) else None
        if module is not None:
            self._beside[path] = module

    def _parse(self, path: Path) -> None:
        module = self._modules.get(path)
        if module is not None:
            self._parsed[path] = module

    def _learn(self) -> None:
        self.interest.learn([*self._parsed.values(), *self._beside.values()])

    def _follow(self, quiet: list[tuple[Path, frozenset[bytes]]]) -> None:
        """Files that name no Keras but import what leads to a site: they may give it its arguments."""
        for _ in range(MAX_ROUNDS):
            known = [*self._parsed, *self._beside]
            stems = {path.stem if path.stem != "__init__" else path.parent.name for path in known}
            # As the bytes on disk: the name of a file need not be text.
            wanted = {name.encode("utf-8", "surrogateescape") for name in self.interest.names | stems}
            reached = [(path, names) for path, names in quiet if not names.isdisjoint(wanted)]
            if not reached:
                return
            for path, _names in reached:
                self._parse(path)
            quiet = [entry for entry in quiet if entry not in reached]
            self._learn()

    def to_run(self) -> list[ParsedModule]:
        """Modules with a statement that holds a site or mentions a name that leads to one, and notebooks that
        write modules, whose cells are no part of their own text."""
        names = self.interest.names
        return [
            module
            for _, module in sorted(self._parsed.items())
            if module.file.written
            or (
                (module.bears or module.says_any(names))
                and any(chunk.bears or chunk.says_any(names) for chunk in module.chunks())
            )
        ]


def _names_keras(path: Path) -> bool:
    data = content(path)
    return data is None or names_keras(data)


def _imported(data: bytes) -> frozenset[bytes]:
    """The words of a file's import statements."""
    return frozenset(word for line in _IMPORT.findall(data) for word in _WORD.findall(line))
