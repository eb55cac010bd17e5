"""What ``make bench`` measures: the tools, in a venv of their own, and the files that they read.

Everything is copied into a temporary folder first: the files get changed, and no configuration of the folders
around them (or of the user) takes part.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_measure import HOUR, Case, short
from bench_report import CENTRAL, COLD, LEAF, RUFF, TOOL, WARM

HERE = Path(__file__).resolve().parent
LEAF_OF_KERAS = "src/losses/losses_test.py"
CENTRAL_OF_KERAS = "src/layers/layer.py"
PART_OF_KERAS = ("callbacks", "layers/core", "layers/rnn", "trainers", "utils")
"""The packages below ``keras/src`` that are copied: enough to tell, and little enough to finish."""
COPIES = (1, 2, 4, 8)
TINY = """import keras

model = keras.Sequential([keras.layers.Dense(10)])
model.compile("sgd", "sparse_categorical_crossentropy")
"""
"""What a tool takes for this is its start-up: it had to load all that it needs."""

FINDINGS = frozenset({0, 1})
OTHERS: dict[str, tuple[tuple[str, ...], frozenset[int]]] = {
    RUFF: (("ruff", "check", "--isolated", "--no-cache", "."), FINDINGS),
    f"{RUFF} --select ALL": (("ruff", "check", "--isolated", "--no-cache", "--select", "ALL", "."), FINDINGS),
    "flake8": (("flake8", "--isolated", "--jobs", "1", "."), FINDINGS),
    # A sum of what it found: 1 fatal, 2 error, 4 warning ...; 32 is a wrong command.
    "pylint": (
        ("pylint", "--rcfile", os.devnull, "--jobs", "1", "--recursive", "y", "."),
        frozenset(range(32)),
    ),
    "semgrep": (
        (
            *("semgrep", "scan", "--config", str(HERE / "bench_rules.yaml"), "--metrics", "off"),
            *("--disable-version-check", "--no-git-ignore", "--jobs", "1", "."),
        ),
        FINDINGS,
    ),
    "TorchFix": (("torchfix", "--jobs", "1", "."), FINDINGS),
    "Fixit": (("fixit", "lint", "."), FINDINGS),
}
"""What is run, and the exit statuses that mean it did its work. Those that can, run in one process."""


# -- the tools -------------------------------------------------------------------------------------
def installed(folder: Path, requirements: Sequence[str]) -> dict[str, str]:
    """Make the venv where it is not there, install what is missing; by name, why something can't be."""
    python = folder / "bin" / "python"
    # pip comes last: without it the venv is half made.
    if not (folder / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    present = _pip(python, "freeze").stdout.lower().split()
    failed = {}
    for pin in requirements:
        if pin.lower() not in present:
            print(f"installing {pin}", file=sys.stderr)
            done = _pip(python, "install", "--quiet", pin)
            if done.returncode:
                said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
                failed[pin.partition("==")[0]] = f"absent: {short((said or ['pip failed'])[-1])}"
    return failed


def _pip(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def pins(name: str = "requirements.txt") -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def package(files: Path) -> Path | None:
    """Where keras is installed in the venv; nothing is imported."""
    return next(iter(sorted(files.glob("lib/python*/site-packages/keras"))), None)


# -- the files -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Corpus:
    """A copy of some files: where, what they are in words, and the two that get changed."""

    folder: Path
    title: str
    leaf: Path
    central: Path


def small(sample: Path, name: str, folder: Path) -> Corpus:
    """The sample, whose files stand alone as a rule.

    Changed are the file of middle size and the largest of those that compile a model.
    """
    _copy(sample, folder)
    _bare(folder)
    programs = [path for path in folder.rglob("*.py") if b"compile(" in path.read_bytes()]
    programs.sort(key=lambda path: (path.stat().st_size, path))
    if not programs:
        raise SystemExit(f"no Python file of {name} compiles a model")
    return Corpus(folder, f"{name}, {extent(folder)}", programs[len(programs) // 2], programs[-1])


def large(keras: Path, folder: Path) -> Corpus:
    """The whole package, in a folder of its own so that its imports of ``keras.src`` lead into it."""
    _copy(keras, folder / "keras")
    _bare(folder)
    title = f"keras package, {extent(folder)}"
    return Corpus(folder, title, folder / "keras" / LEAF_OF_KERAS, folder / "keras" / CENTRAL_OF_KERAS)


def extent(folder: Path) -> str:
    files = [path.read_bytes() for path in folder.rglob("*.py")]
    return f"{len(files):,} files, {sum(text.count(10) for text in files):,} lines"


def copies(keras: Path, count: int, folder: Path) -> Path:
    """A folder with so many copies of the part of the package; none: a program of a few lines."""
    _bare(folder)
    if not count:
        (folder / "tiny.py").write_text(TINY, encoding="utf-8")
    for number in range(count):
        for part in PART_OF_KERAS:
            _copy(keras / "src" / part, folder / f"copy{number}" / part)
    return folder


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))


def _bare(folder: Path) -> None:
    """An end to every search for a configuration further up, semgrep's own list of what to leave out too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("pyproject.toml", ".semgrepignore"):
        (folder / name).touch()


# -- the commands ----------------------------------------------------------------------------------
def ours(
    folder: Path, environment: Mapping[str, str], name: str, *options: str, changed: Path | None = None
) -> Case:
    """This tool, in one process. Isolated: the folder may hold a ``random.py``."""
    scan = ("-I", "-m", "fromlogits_audit", "scan", "--jobs", "1", "--exit-zero", *options, ".")
    return Case(name, (sys.executable, *scan), folder, environment, changed=changed, limit=HOUR)


def cases(corpus: Corpus, environment: Mapping[str, str], absent: Mapping[str, str]) -> list[Case]:
    """This tool in its four states, then the others; what is changed comes before what is cached."""
    folder = corpus.folder
    return [
        ours(folder, environment, COLD, "--no-cache"),
        ours(folder, environment, LEAF, changed=corpus.leaf),
        ours(folder, environment, CENTRAL, changed=corpus.central),
        ours(folder, environment, WARM),
        *(
            Case(name, command, folder, environment, accepted, absent=absent.get(command[0]))
            for name, (command, accepted) in OTHERS.items()
        ),
    ]


def grown(folder: Path, environment: Mapping[str, str]) -> dict[str, Case]:
    """The two commands whose growth is measured."""
    return {
        TOOL: ours(folder, environment, f"{TOOL}, {folder.name}", "--no-cache"),
        RUFF: Case(f"{RUFF}, {folder.name}", OTHERS[RUFF][0], folder, environment, FINDINGS, limit=HOUR),
    }


def surroundings(tools: Path, home: Path) -> dict[str, str]:
    """What the commands see of the environment: the venv's programs, and a home that is empty."""
    home.mkdir()
    path = os.pathsep.join([str(tools / "bin"), os.defpath])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "110"}
