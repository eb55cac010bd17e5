"""What an analysis gives: plain data, so that it can be stored and sent to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from fromlogits_audit.ir import Problem, Site
from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.text import SourceFile


@dataclass(frozen=True)
class Lookup:
    """An import that was resolved: who asked for what, and the file that it means (None: none)."""

    importer: str
    module: str
    level: int
    found: str | None


@dataclass
class Analysis:
    """What reading and running a set of files gave.

    ``sources`` are the files that were read, by the path that a report shows. ``met`` are the names that
    the configuration declares and that the code uses. What it depended on beside the files that were
    given: ``loaded`` are all files that code was taken from or should have been, ``lookups`` what imports
    were resolved to.
    """

    sites: list[Site] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    sources: Mapping[str, SourceFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    met: frozenset[str] = frozenset()
    loaded: tuple[str, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    release: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Lets go of what the sites were found in. Traces that were not read before are lost with it."""
