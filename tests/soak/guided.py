"""Coverage-guided fuzzing: inputs that reach new code of the audit are kept and changed further.

``python tests/soak/guided.py [KIND...]`` feeds each kind for ``SOAK_SECONDS`` seconds, in its own process.
Every input goes through the command, and what :func:`fuzzing.check_run` promises has to hold. The exit status
is 1 where it does not; the input is kept in the current folder as ``crash-*`` or ``timeout-*``, and
``KIND=crash-...`` tries it again. It needs atheris (``tests/soak/requirements.txt``), libFuzzer for Python.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SECONDS = int(float(os.environ.get("SOAK_SECONDS", "60")))
LONGEST = 16_384
"""Bytes of an input."""
SLOWEST = 20
"""Seconds after which one input is called endless."""


# -- what is made of bytes ---------------------------------------------------------------------------
def source(data: bytes, folder: Path) -> list[str]:
    (folder / "m.py").write_bytes(data)
    return ["scan", "."]


def notebook(data: bytes, folder: Path) -> list[str]:
    (folder / "n.ipynb").write_bytes(data)
    return ["scan", "."]


def keras(data: bytes, folder: Path) -> list[str]:
    """The bytes are the model's description: libFuzzer would never get past an archive's checksums."""
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", data)
    return ["model", "m.keras"]


def hdf5(data: bytes, folder: Path) -> list[str]:
    (folder / "m.h5").write_bytes(data)
    return ["model", "m.h5"]


def graph(data: bytes, folder: Path) -> list[str]:
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_bytes(data)
    return ["model", "saved"]


def configuration(data: bytes, folder: Path) -> list[str]:
    (folder / "pyproject.toml").write_bytes(data)
    (folder / "m.py").write_text("import keras\nloss = keras.losses.Hinge()\n", encoding="utf-8")
    return ["scan", "."]


KINDS: dict[str, Callable[[bytes, Path], list[str]]] = {
    one.__name__: one for one in (source, notebook, keras, hdf5, graph, configuration)
}


# -- what it starts from -----------------------------------------------------------------------------
def seeds(kind: str) -> list[bytes]:
    import fuzzing

    if kind == "source":
        return [text.encode("utf-8", "surrogateescape") for text in fuzzing.programs()]
    if kind == "notebook":
        return [text.encode("utf-8", "surrogateescape") for text in fuzzing.notebooks()]
    if kind == "configuration":
        return [fuzzing.CONFIGURATION.encode()]
    made = []
    for seed in range(40):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fuzzing.MAKERS[kind](random.Random(seed), folder)
            file = next(path for path in sorted(folder.rglob("*")) if path.is_file())
            made.append(description(file.read_bytes()) if kind == "keras" else file.read_bytes())
    return made


def description(archive: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            return members.read("config.json")
    except (zipfile.BadZipFile, KeyError, ValueError):
        return b"{}"


def changed(kind: str, data: bytes, longest: int, seed: int) -> bytes:
    """Half of the changes know what text and JSON look like, the others are libFuzzer's."""
    import atheris
    import fuzzing

    chance = random.Random(seed)
    if chance.random() < 0.5 or kind in ("hdf5", "graph"):
        return bytes(atheris.Mutate(data, longest))
    if kind in ("notebook", "keras"):
        try:
            document = fuzzing.mangled_json(chance, json.loads(data), chance.randint(1, 3))
            return json.dumps(document).encode()[:longest]
        except (ValueError, RecursionError):
            return bytes(atheris.Mutate(data, longest))
    text = fuzzing.mangled_text(chance, data.decode("utf-8", "surrogateescape"), chance.randint(1, 3))
    return text.encode("utf-8", "surrogatepass")[:longest]


# -- one kind, in this process -----------------------------------------------------------------------
def feed(kind: str, start: Path, *options: str) -> None:
    """Feed what is in a folder and what comes of it, or one file, until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["fromlogits_audit"]):
        import fromlogits_audit.commands.scan
        import fromlogits_audit.fixes
        import fromlogits_audit.interp.declared
        import fromlogits_audit.interp.engine
        import fromlogits_audit.model_pipeline
        import fromlogits_audit.reporters.json
        import fromlogits_audit.saved.archive
        import fromlogits_audit.saved.hdf5
        import fromlogits_audit.saved.savedmodel  # noqa: F401
    import fuzzing

    def one(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            fuzzing.check_run(kind, KINDS[kind](data, Path(folder)), Path(folder))

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        return changed(kind, data, longest, seed)

    atheris.Setup([sys.argv[0], *options, str(start)], one, custom_mutator=mutate)
    atheris.Fuzz()


def feed_for_a_while(kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        corpus = Path(name)
        for number, seed in enumerate(seeds(kind)):
            if len(seed) <= LONGEST:
                (corpus / f"{number:04}").write_bytes(seed)
        kept = f"-artifact_prefix={Path.cwd()}{os.sep}"
        feed(kind, corpus, kept, f"-max_total_time={SECONDS}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}",
             "-rss_limit_mb=3000", "-print_final_stats=1", "-verbosity=0")  # fmt: skip


def main(names: list[str]) -> int:
    environment = {**os.environ, "FROMLOGITS_AUDIT_DEBUG": "1", "FROMLOGITS_AUDIT_NO_CACHE": "1"}
    failed = []
    for kind in names or list(KINDS):
        print(f"-- {kind}", flush=True)
        command = [sys.executable, __file__, "--feed", *kind.split("=", 1)]
        done = subprocess.run(command, check=False, env=environment)
        failed += [kind] if done.returncode else []
    print("failed:", ", ".join(failed) or "none")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--feed"]:
        if len(sys.argv) > 3:
            feed(sys.argv[2], Path(sys.argv[3]))
        feed_for_a_while(sys.argv[2])
    sys.exit(main(sys.argv[1:]))
