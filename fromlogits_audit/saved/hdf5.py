"""``.h5`` and ``.hdf5`` files: ``model_config`` and ``training_config`` are attributes of the root.

Groups, links and datasets are not followed, so a link that leads outside leads nowhere. Needs h5py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.saved.apart import apart
from fromlogits_audit.saved.compiling import stored
from fromlogits_audit.saved.interface import MAX_CONFIG_BYTES, SavedModel, from_config, parse_json
from fromlogits_audit.saved.values import Json

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_LINKS = 20_000
INSTALL = "install it with: pip install 'fromlogits-audit[h5]'"


def read(path: Path, shown: str) -> SavedModel:
    """The model of an HDF5 file that Keras 2, tf_keras or Keras 3 wrote."""
    if not is_hdf5(path):
        raise UnreadableFile("is not an HDF5 file (truncated, or another format)")
    attributes = _attributes(path)
    if "model_config" not in attributes:
        raise UnreadableFile("has no model_config: it holds weights only, or was not written by Keras")
    training = attributes.get("training_config")
    version = attributes.get("keras_version")
    return from_config(
        parse_json(attributes["model_config"], "model_config"),
        stored(_training(training)),
        path=shown,
        format="h5",
        keras_version=version.decode("utf-8", "replace")[:40] if version is not None else None,
    )


def is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def _training(raw: bytes | None) -> Json:
    return parse_json(raw, "training_config") if raw is not None else None


def _attributes(path: Path) -> dict[str, bytes]:
    """The three text attributes of the root that Keras writes, as bytes."""
    try:
        import h5py  # noqa: F401 - before the process that reads is forked
    except ImportError as error:
        raise UnreadableFile(f"reading .h5 files needs h5py; {INSTALL}") from error
    parts = apart(lambda: _joined(_read(path)), "the HDF5 library").split(b"\n", 1)
    found, start = {}, 0
    for name, size in json.loads(parts[0]):
        found[name] = parts[1][start : start + size]
        start += size
    return found


def _joined(found: dict[str, bytes]) -> bytes:
    head = json.dumps([[name, len(value)] for name, value in found.items()])
    return b"\n".join([head.encode(), b"".join(found.values())])


def _read(path: Path) -> dict[str, bytes]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _check_links(file)
            found = (
                (name, _text(file.attrs, name))
                for name in ("model_config", "training_config", "keras_version")
            )
            return {name: value for name, value in found if value is not None}
    except UnreadableFile:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise UnreadableFile(f"is a damaged HDF5 file: {' '.join(str(error).split())[:200]}") from error


def _check_links(file: Any) -> None:
    """Raises UnreadableFile for soft and external links, which no Keras writes: a loader would follow them.

    Links are listed, never opened; of a file with very many, the first ones.
    """
    import h5py

    seen = 0

    def visit(name: bytes, info: Any) -> str | None:
        nonlocal seen
        seen += 1
        shown = name.decode("utf-8", "replace")[:80]
        if info.type == h5py.h5l.TYPE_EXTERNAL:
            return f"has a link to another file: {shown!r}"
        if info.type == h5py.h5l.TYPE_SOFT:
            return f"has a soft link, which may lead anywhere: {shown!r}"
        return "" if seen >= MAX_LINKS else None

    wrong = file.id.links.visit(visit, info=True)
    if wrong:
        raise UnreadableFile(wrong)


def _text(attributes: Any, name: str) -> bytes | None:
    if name not in attributes:
        return None
    storage = attributes.get_id(name).get_storage_size()
    if storage > MAX_CONFIG_BYTES:
        raise UnreadableFile(f"{name} is larger than {MAX_CONFIG_BYTES // 2**20} MB")
    value = attributes[name]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return value
    raise UnreadableFile(f"{name} is no text")
