"""``.keras`` files: a zip of ``config.json``, ``metadata.json`` and weights that are not looked at.

Two small members are read into memory, and no more of either than the bound, whatever their headers
say; nothing is unpacked to the disk, so names that climb out of a folder lead nowhere.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.saved.compiling import stored
from fromlogits_audit.saved.interface import MAX_CONFIG_BYTES, SavedModel, from_config, parse_json
from fromlogits_audit.saved.values import Json

CONFIG, METADATA = "config.json", "metadata.json"
MAX_DIRECTORY_BYTES = 8 * 1024 * 1024
MAX_METADATA_BYTES = 1024 * 1024
BOMB_BYTES, BOMB_RATIO = 64 * 1024 * 1024, 200
"""Keras stores weights as they are; deflated zeros of an untrained bias are small."""
_TAIL = 66_000
"""Where the end record of a zip is: 22 bytes and a comment of at most 65,535."""


def read(path: Path, shown: str) -> SavedModel:
    """The model of a ``.keras`` file. ``shown`` is the path that a report names."""
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            config = parse_json(_member(archive, CONFIG, MAX_CONFIG_BYTES), CONFIG)
            metadata = _metadata(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnreadableFile(f"is no usable .keras archive: {error}") from error
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    compiled = config.get("compile_config") if isinstance(config, dict) else None
    return from_config(
        config,
        stored(compiled),
        path=shown,
        format="keras-v3",
        keras_version=version[:40] if isinstance(version, str) else None,
    )


def _check_directory(path: Path) -> None:
    """Raises UnreadableFile where the table of contents alone would fill the memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL, 0))
        tail = file.read(_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise UnreadableFile("is not a zip archive (truncated, or another format)")
    if int.from_bytes(tail[at + 12 : at + 16], "little") > MAX_DIRECTORY_BYTES:
        raise UnreadableFile("lists too many members")


def _check_members(archive: zipfile.ZipFile) -> None:
    """Raises UnreadableFile for members that no Keras writes and that would hurt whoever unpacks them."""
    for info in archive.infolist():
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise UnreadableFile(f"has a member that climbs out of its folder: {info.filename[:80]!r}")
        if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * info.compress_size:
            raise UnreadableFile(f"is a zip bomb: {info.filename[:80]!r} unpacks to {info.file_size:,} bytes")


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's content, at most ``limit`` bytes of it: more is a reason not to read it."""
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise UnreadableFile(f"has no {name}") from error
    if info.flag_bits & 0x1:
        raise UnreadableFile(f"{name} is encrypted")
    if info.file_size > limit:
        raise UnreadableFile(f"{name} is larger than {limit // 2**20} MB")
    with archive.open(info) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise UnreadableFile(f"{name} unpacks to more than {limit // 2**20} MB")
    return content


def _metadata(archive: zipfile.ZipFile) -> Json:
    """``metadata.json``, or nothing: it only tells the version."""
    try:
        return parse_json(_member(archive, METADATA, MAX_METADATA_BYTES), METADATA)
    except UnreadableFile:
        return None
