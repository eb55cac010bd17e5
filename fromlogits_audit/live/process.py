"""Measuring a model in a process of its own, with limits: one that hangs or crashes costs its measurement."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from fromlogits_audit.errors import InputError, UnreadableFile
from fromlogits_audit.live.verdict import Measured

INSTALL = "install it with: pip install 'fromlogits-audit[tensorflow]'"
_LONGEST = 300
"""Characters of the child's last words that a message quotes."""
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}


def measure(path: Path, keras: int | None, *, trust: bool, seconds: float, megabytes: int) -> Measured:
    """Load and feed the model at ``path``, which Keras ``keras`` (2, 3, None) wrote, in a child process.

    Raises UnreadableFile with the reason where it fails, takes longer than ``seconds`` or needs more
    than ``megabytes`` of address space; a plain InputError where a library is missing that any model needs.
    """
    request = {"path": os.fspath(path.absolute()), "keras": keras, "trust": trust, "megabytes": megabytes}
    with tempfile.TemporaryDirectory(prefix="fromlogits-audit-") as folder:
        answer = Path(folder) / "answer.json"
        status, words = _run({**request, "answer": os.fspath(answer)}, seconds, folder)
        if not answer.is_file():
            raise UnreadableFile(_ended(status, words))
        try:
            raw = json.loads(answer.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UnreadableFile("the measurement gave no usable answer") from error
    if isinstance(raw, dict) and "missing" in raw:
        raise InputError(f"measuring it needs {raw['missing']}: {INSTALL}")
    if isinstance(raw, dict) and "error" in raw:
        raise UnreadableFile(str(raw["error"])[:_LONGEST])
    return Measured.parse(raw)


def _run(request: dict[str, object], seconds: float, folder: str) -> tuple[int, str]:
    """The child's exit status and its last words. It works in the temporary folder."""
    child = subprocess.Popen(
        [sys.executable, "-m", "fromlogits_audit.live.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **_QUIET, "PYTHONPATH": os.pathsep.join(_import_path())},
        start_new_session=True,
    )
    try:
        _, words = child.communicate(json.dumps(request).encode(), timeout=seconds)
    except subprocess.TimeoutExpired as error:
        _kill(child)
        raise UnreadableFile(f"loading and feeding it took more than {seconds:g} seconds") from error
    return child.returncode, words.decode("utf-8", "replace")


def _import_path() -> list[str]:
    """Where this process finds its packages; the child's working folder is another."""
    return [os.fspath(Path(entry or ".").absolute()) for entry in sys.path]


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The child and whatever it has started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        child.kill()
    child.communicate()


def _ended(status: int, words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    last = f": {lines[-1].strip()[:_LONGEST]}" if lines else ""
    if status < 0:
        return f"the process that loaded it was ended by signal {-status}{last}"
    return f"the process that loaded it ended with status {status}{last}"
