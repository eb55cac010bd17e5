"""Which file of a project an import means.

The rules are Python's, seen from the importing file, with ``sys.path`` guessed: the folder
of the importer (it may be a script), then every parent up to the project's root, each with
its ``src/``; the nearest wins. What none of them has may lie in a folder that the importer puts on
``sys.path`` itself, or be a package that a folder in one of them
installs (it has a ``setup.py``, say). Nothing outside the root is ever looked at.
"""

# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH119, PTH120, PTH206, PTH208
# Strings and os.path, not Path: one resolution joins dozens, and a Path costs several times as much.

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path

from fromlogits_audit.source.search_path import Told, told_by

INSTALLS = ("pyproject.toml", "setup.py", "setup.cfg")
"""What a folder holds whose packages are meant to be installed."""
ROOT_MARKS = (".git", ".hg", *INSTALLS)
WELL_KNOWN = frozenset(sys.stdlib_module_names) | frozenset(
    {
        "absl", "autokeras", "cv2", "einops", "flax", "h5py", "hyperopt", "jax", "jaxlib", "keras",
        "keras_core", "keras_cv", "keras_hub", "keras_nlp", "keras_tuner", "kerastuner", "matplotlib",
        "mlflow", "mxnet", "nltk", "np", "numpy", "official", "optax", "optuna", "pandas", "PIL", "plotly",
        "pytest", "ray", "requests", "scikeras", "scipy", "seaborn", "segmentation_models", "sklearn",
        "skimage", "tensorboard", "tensorflow", "tensorflow_addons", "tensorflow_datasets",
        "tensorflow_federated", "tensorflow_hub", "tensorflow_io", "tensorflow_model_optimization",
        "tensorflow_probability", "tensorflow_text", "tf_agents", "tf_keras", "tqdm", "torch",
        "torchvision", "transformers", "wandb", "xgboost",
    }
)  # fmt: skip
"""Names that mean an installed package unless a project's file really shadows it."""

LIBRARIES = frozenset(
    {
        "keras", "tensorflow", "tf_keras", "keras_core", "keras_hub", "keras_nlp", "keras_cv", "numpy", "jax",
        "transformers",
    }
)  # fmt: skip
"""Packages that the catalogue describes: never read through an import, even where the project holds them."""

_TEST = re.compile(r"(?:^|_)tests?(?:_|\.py$|$)")
_INSTALLED = ("site-packages", "dist-packages")
_MAX_PARTS = 32
_MAX_PARENTS = 64
_NOT_INSTALLED = frozenset({"doc", "docs", "examples", "notebooks", "scripts", "test", "tests"})
"""Packages that lie beside a ``setup.py`` for other ends."""
_MAX_BESIDE = 300
"""Folders in one that are looked into for what they install."""


def _is_source(names: Set[str]) -> bool:
    """Whether a package is what its name says: examples for Keras may be in a package ``keras`` as well."""
    return "__init__.py" in names and (not _INNER.isdisjoint(names) or len(_PARTS & names) > 1)


_INNER = frozenset({"src", "_src", "python", "_api", "_core", "engine"})
_PARTS = frozenset({"api", "backend", "core", "layers", "lib", "losses", "losses.py", "models", "utils"})
"""What such packages hold: one of the first, or several of these."""


def find_root(paths: Sequence[Path], cwd: Path) -> Path:
    """The project's root: the nearest folder above the first path that holds a mark of one,
    else ``cwd`` where all paths lie below it, else the folder that all paths share. A root in
    the middle of a package becomes the package's outermost folder."""
    full = [os.path.abspath(os.path.join(cwd, path)) for path in paths] or [os.path.abspath(cwd)]
    for folder in _upwards(full[0] if os.path.isdir(full[0]) else os.path.dirname(full[0])):
        if any(os.path.exists(os.path.join(folder, mark)) for mark in ROOT_MARKS):
            return Path(folder)
    base = os.path.abspath(cwd)
    if all(_within(path, base) for path in full):
        return _outermost_package(base)
    try:
        shared = os.path.commonpath(full)
    except ValueError:  # Different drives.
        return Path(base)
    return _outermost_package(shared if os.path.isdir(shared) else os.path.dirname(shared))


def _outermost_package(folder: str) -> Path:
    if os.path.exists(os.path.join(folder, "__init__.py")):
        while os.path.exists(os.path.join(os.path.dirname(folder), "__init__.py")):
            folder = os.path.dirname(folder)
    return Path(folder)


class Project:
    """The files of one project, for imports. ``files`` may name files that are not on disk
    (standard input, ``%%writefile`` cells); those on disk need not be listed.

    ``disk`` holds what folders were found to hold, so that several projects list each once.
    """

    def __init__(
        self, root: Path, files: Sequence[Path] = (), disk: dict[str, frozenset[str]] | None = None
    ) -> None:
        self.root = Path(os.path.abspath(root))
        self.files = tuple(files)
        self.disk: dict[str, frozenset[str]] = {} if disk is None else disk
        self.asked: dict[tuple[str, str, int], Path | None] = {}
        """Every question that was put to ``resolve``, and its answer."""
        self._added: dict[str, set[str]] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._resolved: dict[tuple[str, str, int], Path | None] = {}
        self._installing: dict[str, tuple[str, ...]] = {}
        self._tells: dict[Path, tuple[Told, ...]] = {}
        for file in files:
            self.add(file)

    def add(self, file: Path) -> None:
        """Make a file known that is not on disk, together with the folders that lead to it."""
        root = str(self.root)
        child = os.path.abspath(os.path.join(root, file))
        for folder in _upwards(os.path.dirname(child)):
            if not _within(folder, root):
                break
            names, name = self._added.setdefault(folder, set()), os.path.basename(child)
            if name in names:
                break  # The folders above know of each other.
            names.add(name)
            child = folder
        self._listed.clear()
        self._resolved.clear()
        self._installing.clear()

    def resolve(self, importer: Path, module: str, level: int = 0) -> Path | None:
        """The file that ``import module`` (with ``level`` leading dots) means in ``importer``.

        ``from pkg import name`` may mean the module ``pkg.name``: ask for it if ``pkg`` has no
        such name. Returns a module's ``.py``, a package's ``__init__.py``, the folder itself for a
        namespace package (no ``__init__.py``), or None where it is none of the project's files.
        Names of the standard library and of well-known packages mean a project's file only where
        it shadows them: beside a script, or as a package at the project's root.
        """
        path = os.path.abspath(os.path.join(self.root, importer))
        key = (path, module, level)
        if key not in self._resolved:
            self._resolved[key] = self.asked[key] = self._resolve(path, module, level)
        return self._resolved[key]

    def imported(self, importer: Path, dotted: str, level: int = 0) -> Path | None:
        """The same for an import in code: what the catalogue describes is none of the project's files."""
        if not level and dotted.partition(".")[0] in LIBRARIES:
            # The repository of Keras itself: the catalogue knows what its names do. A file keras.py
            # beside a script does shadow it.
            path = None if "." in dotted else self.resolve(importer, dotted)
            return path if path is not None and path.stem == dotted else None
        return self.resolve(importer, dotted, level)

    def belongs_to_library(self, path: Path) -> bool:
        """Whether a file is part of the source of a package that the catalogue describes."""
        return not LIBRARIES.isdisjoint(path.parts) and any(
            os.path.basename(folder) in LIBRARIES and _is_source(self._names(folder))
            for folder in _upwards(os.path.dirname(path))
        )

    def defines_library(self, path: Path) -> bool:
        """Whether a file is part of such a package and none of its tests, which are programs like others."""
        return self.belongs_to_library(path) and not any(map(_TEST.search, path.parts))

    def _resolve(self, importer: str, module: str, level: int) -> Path | None:
        parts = module.split(".") if module else []
        well_formed = len(parts) <= _MAX_PARTS and all(part.isidentifier() for part in parts)
        if not well_formed or level > _MAX_PARENTS or not (parts or level):
            return None
        found = self._relative(importer, parts, level) if level else self._absolute(importer, parts)
        return Path(found) if found and self._is_inside(found, importer) else None

    def _relative(self, importer: str, parts: list[str], level: int) -> str | None:
        folder = os.path.dirname(importer)
        for _ in range(level - 1):
            if folder == self._bound(importer):
                return None
            folder = os.path.dirname(folder)
        return self._descend(folder, parts) if parts else self._package(folder)

    def _absolute(self, importer: str, parts: list[str]) -> str | None:
        well_known = parts[0] in WELL_KNOWN
        folders = list(self._shadowing(importer) if well_known else self._search_path(importer))
        # As in Python, a folder without __init__.py counts only where no path has a real package.
        for regular in (True,) if well_known else (True, False):
            for folder in folders:
                if self._is_regular(folder, parts[0]) != regular or _is_neighbour(folder, parts[0], importer):
                    continue
                found = self._descend(folder, parts)
                # A wrapper named for the library it wraps imports the library, not itself.
                if found and (found != importer or os.path.basename(found) == "__init__.py"):
                    return found
        return None if well_known else self._told(importer, parts) or self._installed(importer, parts)

    def tells(self, importer: Path) -> tuple[Told, ...]:
        """The folders that a file puts on ``sys.path``."""
        if importer not in self._tells:
            self._tells[importer] = told_by(importer)
        return self._tells[importer]

    def _told(self, importer: str, parts: list[str]) -> str | None:
        """A module in a folder that the importer puts on ``sys.path``, where there is one of that name."""
        for told in self.tells(Path(importer)):
            for tail in told.tails():
                above = self._above(importer)
                found = [self._descend(os.path.join(folder, *tail), parts) for folder in above]
                there = [path for path in found if path and path.endswith(".py") and path != importer]
                if there:
                    return there[0] if len(there) == 1 or not told.abroad else None
        return None

    def _above(self, importer: str) -> Iterator[str]:
        """The folder of a file and all above it, up to the root."""
        for folder in _upwards(os.path.dirname(importer)):
            yield folder
            if folder == self._bound(importer):
                return

    def _installed(self, importer: str, parts: list[str]) -> str | None:
        """What a part of the project installs that lies beside the importer's; two of a name are neither."""
        if parts[0] in _NOT_INSTALLED:
            return None
        for folder in self._above(importer):
            packages = [(root, os.path.join(root, parts[0])) for root in self._parts(folder)]
            beside = [root for root, package in packages if "__init__.py" in self._names(package)]
            if beside:
                return self._descend(beside[0], parts) if len(beside) == 1 else None
        return None

    def _parts(self, folder: str) -> tuple[str, ...]:
        """The folders in this one whose packages are meant to be installed, and the ``src/`` of each."""
        if folder not in self._installing:
            inner = sorted(name for name in self._names(folder) if "." not in name)[:_MAX_BESIDE]
            paths = [os.path.join(folder, name) for name in inner]
            parts = [path for path in paths if not self._names(path).isdisjoint(INSTALLS)]
            sources = [os.path.join(path, "src") for path in parts if "src" in self._names(path)]
            self._installing[folder] = (*parts, *sources)
        return self._installing[folder]

    def _search_path(self, importer: str) -> Iterator[str]:
        if self._names(importer):
            yield importer  # A notebook, seen as the folder of the files that its cells write.
        bound = self._bound(importer)
        for folder in _upwards(os.path.dirname(importer)):
            yield folder
            if "src" in self._names(folder):
                yield os.path.join(folder, "src")
            if folder == bound:
                break
        yield from self._own_name(bound)

    def _shadowing(self, importer: str) -> Iterator[str]:
        """Folders that stand before site-packages for sure: a script's own, and the root's."""
        if self._names(importer):
            yield importer
        folder, bound = os.path.dirname(importer), self._bound(importer)
        while "__init__.py" in self._names(folder) and folder != bound:
            folder = os.path.dirname(folder)
        yield folder
        yield bound
        yield os.path.join(bound, "src")
        yield from self._own_name(bound)

    def _own_name(self, bound: str) -> Iterator[str]:
        # Where the root is itself a package, its modules import each other by its name;
        # `_is_inside` keeps everything else beside it out.
        if "__init__.py" in self._names(bound):
            yield os.path.dirname(bound)

    def _bound(self, importer: str) -> str:
        """The last folder to search: the root, or an outside importer's outermost package."""
        if _within(importer, str(self.root)):
            return str(self.root)
        folder = os.path.dirname(importer)
        while "__init__.py" in self._names(folder) and os.path.dirname(folder) != folder:
            folder = os.path.dirname(folder)
        return folder

    def _descend(self, folder: str, parts: list[str]) -> str | None:
        for part in parts[:-1]:
            if part not in self._names(folder):
                return None
            folder = os.path.join(folder, part)
        name = parts[-1]
        names = self._names(folder)
        if name in names and "__init__.py" in self._names(os.path.join(folder, name)):
            return os.path.join(folder, name, "__init__.py")
        if name + ".py" in names:
            return os.path.join(folder, name + ".py")
        return self._package(os.path.join(folder, name)) if name in names else None

    def _package(self, folder: str) -> str | None:
        """A package's ``__init__.py``, or the folder where it has none; None where it is empty."""
        names = self._names(folder)
        if "__init__.py" in names:
            return os.path.join(folder, "__init__.py")
        return folder if names else None

    def _is_regular(self, folder: str, name: str) -> bool:
        names = self._names(folder)
        if name + ".py" in names:
            return True
        return name in names and "__init__.py" in self._names(os.path.join(folder, name))

    def _names(self, folder: str) -> frozenset[str]:
        """What a folder holds, listed once; nothing where it is none or can't be listed."""
        names = self._listed.get(folder)
        if names is None:
            names = self.disk.get(folder)
            if names is None:
                names = self.disk[folder] = listed(folder)
            names = self._listed[folder] = names | self._added.get(folder, set())
        return names

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self.root)

    def _is_inside(self, found: str, importer: str) -> bool:
        """False where a symbolic link leads out of the project."""
        if not _within(found, str(self.root)):
            return _within(found, self._bound(importer))
        return _within(os.path.realpath(found), self._real_root)


def listed(folder: str) -> frozenset[str]:
    """What a folder holds; nothing where it is none or can't be listed."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _is_neighbour(folder: str, name: str, importer: str) -> bool:
    """Whether ``name`` in ``folder`` is another installed package than the importer's own."""
    if os.path.basename(folder) not in _INSTALLED:
        return False
    own = importer[len(folder) + 1 :].split(os.sep)[0].removesuffix(".py")
    return name != own


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _upwards(folder: str) -> Iterator[str]:
    """A folder and its parents, nearest first, bounded."""
    for _ in range(_MAX_PARENTS):
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent
