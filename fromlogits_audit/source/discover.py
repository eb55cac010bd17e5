"""Which files a list of paths means: a walk that honours .gitignore as git does.

Nested ``.gitignore`` files, negations, ``.git/info/exclude`` and the ``.gitignore`` files of
parents up to the repository's root count. What is ignored or skipped is never entered, so a
negation below it has no effect, as in git (https://git-scm.com/docs/gitignore).
"""

# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH120, PTH123
# Strings and os.path, not Path: a walk makes one per entry, and a Path costs several times as much.

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.errors import UsageError
from fromlogits_audit.gitpatterns import git_patterns
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, Pattern

SUFFIXES = (".py", ".ipynb")
SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".bzr", ".jj", "CVS", "node_modules", "__pycache__", "__pypackages__",
        ".tox", ".nox", ".venv", "venv", ".env", "virtualenv", "build", "_build", "buck-out", "dist",
        ".eggs", "eggs", "site-packages", "dist-packages", ".ipynb_checkpoints", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", ".pytype", ".pyre", ".hypothesis", ".cache", ".direnv", ".pixi",
        ".vscode", ".idea", ".fromlogits_audit_cache",
    }
)  # fmt: skip
"""Never holds code that a project's author maintains."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_MAX_IGNORE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Discovery:
    """The files found: absolute, sorted, each once; and what could not be listed, with the reason."""

    files: list[Path] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Ignore:
    """Patterns that count below one folder."""

    base: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: ignored; False: kept by a negation; None: not mentioned."""
        relative = path[len(self.base) :].lstrip(os.sep).replace(os.sep, "/")
        return self._of_folder(relative) if is_folder else self.spec.check_file(relative).include

    def _of_folder(self, relative: str) -> bool | None:
        """The last pattern that means the folder itself: not what is in it, and not a folder around it."""
        for pattern in reversed(self.spec.patterns):
            if pattern.include is not None and _means(pattern, relative):
                return pattern.include
        return None


def _means(pattern: Pattern, folder: str) -> bool:
    text = str(getattr(pattern, "pattern", "")).lstrip("!").rstrip()
    if text in ("*/", "**/"):
        return True
    for_folders = text.endswith("/")
    found = pattern.match_file(folder + "/" if for_folders else folder)
    match = getattr(found, "match", None)
    if match is None or not match.groupdict().get("ps_d"):
        return found is not None
    return bool(match.end("ps_d") == len(match.string))


@dataclass(frozen=True)
class _Folder:
    """A folder still to be listed, and the patterns that reach it, outermost first."""

    path: str
    ignores: tuple[_Ignore, ...]
    explicit: bool = False


def discover(
    paths: Sequence[Path], *, exclude: Sequence[str] = (), exclude_from: Path | None = None, cwd: Path
) -> Discovery:
    """The ``.py`` and ``.ipynb`` files that ``paths`` mean, relative ones from ``cwd``.

    A file given by name is taken whatever it is called (but for ``.pyi``) and whether or not it
    is ignored or excluded; a folder given by name is walked likewise. ``exclude`` are gitignore
    patterns relative to ``exclude_from`` or ``cwd``. Symbolic links to folders are not followed; those to
    files count where the file is not found in its own place too.

    Raises:
        UsageError: a path that does not exist, or a pattern that is none.
    """
    walk = _Walk(_exclusions(exclude, exclude_from or cwd))
    for path in paths:
        full = os.path.abspath(os.path.join(cwd, path))
        if not os.path.lexists(full):
            raise UsageError(f"no such file or folder: {_printable(path)}")
        if os.path.isdir(full):
            walk.enter(full, os.path.abspath(cwd))
        elif not full.endswith(".pyi"):
            walk.take(full)
    return Discovery(walk.result(), sorted(walk.problems))


class _Walk:
    def __init__(self, exclusions: tuple[_Ignore, ...]) -> None:
        self._exclusions = exclusions
        self._files: set[str] = set()
        self._links: set[str] = set()
        self._seen: set[tuple[str, bool]] = set()
        self.problems: list[tuple[Path, str]] = []

    def take(self, path: str) -> None:
        self._files.add(path)

    def enter(self, path: str, cwd: str) -> None:
        """Walk one folder given by name."""
        pending = [_Folder(path, _inherited(path, cwd), explicit=True)]
        while pending:
            folder = pending.pop()
            key = (folder.path, folder.explicit)
            if key not in self._seen:
                self._seen.add(key)
                pending.extend(self._list(folder))

    def result(self) -> list[Path]:
        """Real files, and links to files that are not among them; sorted, each once."""
        targets = {os.path.realpath(path) for path in self._files} if self._links else set()
        for link in sorted(self._links - self._files):
            target = os.path.realpath(link)
            if target not in targets:
                targets.add(target)
                self._files.add(link)
        return [Path(path) for path in sorted(self._files)]

    def _list(self, folder: _Folder) -> list[_Folder]:
        try:
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append((Path(folder.path), f"cannot be listed: {error.strerror or error}"))
            return []
        names = {entry.name for entry in entries}
        if not folder.explicit and any(mark in names for mark in _ENVIRONMENT_MARKS):
            return []
        ignores = folder.ignores
        if ".gitignore" in names:
            ignores = (*ignores, *_read_ignore(os.path.join(folder.path, ".gitignore"), folder.path))
        return [below for entry in entries if (below := self._visit(entry, ignores)) is not None]

    def _visit(self, entry: os.DirEntry[str], ignores: tuple[_Ignore, ...]) -> _Folder | None:
        """Note a file; return a folder that has to be walked."""
        if entry.is_dir(follow_symlinks=False):
            skipped = entry.name in SKIPPED_FOLDERS or entry.name.endswith(".egg-info")
            if skipped or self._is_ignored(entry.path, True, ignores):
                return None
            return _Folder(entry.path, ignores)
        # Pipes and devices are no files; a link to a folder is neither.
        if (
            entry.name.endswith(SUFFIXES)
            and _is_file(entry)
            and not self._is_ignored(entry.path, False, ignores)
        ):
            (self._links if entry.is_symlink() else self._files).add(entry.path)
        return None

    def _is_ignored(self, path: str, is_folder: bool, ignores: tuple[_Ignore, ...]) -> bool:
        if any(ignore.verdict(path, is_folder) for ignore in self._exclusions if _below(path, ignore.base)):
            return True
        return _decide(path, is_folder, ignores)


def _decide(path: str, is_folder: bool, ignores: tuple[_Ignore, ...]) -> bool:
    """The innermost file that mentions a path decides."""
    for ignore in reversed(ignores):
        verdict = ignore.verdict(path, is_folder)
        if verdict is not None:
            return verdict
    return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # A loop of links.
        return False


def _exclusions(patterns: Sequence[str], base: Path) -> tuple[_Ignore, ...]:
    if not patterns:
        return ()
    folder = os.path.abspath(base)
    try:
        spec = git_patterns(_anchored(pattern, folder) for pattern in patterns)
    except UsageError as error:
        raise UsageError(f"exclude: {error}") from error
    return (_Ignore(folder, spec),)


def _anchored(pattern: str, folder: str) -> str:
    """``./legacy``, or the whole path of that folder, as .gitignore writes it: ``/legacy``."""
    sign, path = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    for start in ("./", os.path.join(folder, "")):
        if path.startswith(start):
            return f"{sign}/{path[len(start) :]}"
    return pattern


def _inherited(path: str, cwd: str) -> tuple[_Ignore, ...]:
    """Patterns from above a folder given by name: those of its repository, else up to ``cwd``."""
    parents = _parents(path, cwd)
    found: list[_Ignore] = []
    if parents or os.path.isdir(os.path.join(path, ".git")):
        root = parents[-1] if parents else path
        found += _read_ignore(os.path.join(root, ".git", "info", "exclude"), root)
    for parent in reversed(parents):
        found += _read_ignore(os.path.join(parent, ".gitignore"), parent)
    ignores = tuple(found)
    # The user named it: what ignores the folder as a whole does not count.
    return () if _ancestor_ignored(path, parents, ignores) else ignores


def _ancestor_ignored(path: str, parents: list[str], ignores: tuple[_Ignore, ...]) -> bool:
    if not parents:
        return False
    chain = [path, *parents[:-1]]
    return any(_decide(p, True, tuple(i for i in ignores if _below(p, i.base))) for p in chain)


def _parents(path: str, cwd: str) -> list[str]:
    """The folders above ``path`` up to the root of its repository or to ``cwd``, nearest first."""
    above: list[str] = []
    current = path
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return above[: above.index(cwd) + 1] if cwd in above else []
        above.append(parent)
        current = parent
    return above


def _below(path: str, base: str) -> bool:
    return path.startswith(base.rstrip(os.sep) + os.sep)


def _read_ignore(file: str, base: str) -> Iterable[_Ignore]:
    try:
        with open(file, "rb") as stream:
            text = stream.read(_MAX_IGNORE_BYTES).decode("utf-8", "surrogateescape")
    except OSError:  # Not there, or not readable: nothing is ignored by it.
        return ()
    lines = text.removeprefix("\ufeff").splitlines()
    return (_Ignore(base, git_patterns(line for line in lines if _is_pattern(line))),)


def _is_pattern(line: str) -> bool:
    # Git passes over a line that makes no pattern; pathspec would refuse the whole file.
    try:
        git_patterns([line])
    except UsageError:
        return False
    return True


def _printable(path: Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
