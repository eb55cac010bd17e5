"""A small reader of the protobuf wire format: fields by number, nothing else.

https://protobuf.dev/programming-guides/encoding/. Messages are split lazily, so depth costs nothing
until it is looked at. Every length is checked against what is left; whatever does not fit raises
:class:`~fromlogits_audit.errors.UnreadableFile`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator

from fromlogits_audit.errors import UnreadableFile

_VARINT_BYTES = 10
"""A varint holds 64 bits, 7 in a byte."""
_FIXED = {1: 8, 5: 4}
MAX_FIELDS = 400_000

Field = int | memoryview


class Message:
    """The fields of one message. ``view`` is its content without a length in front."""

    def __init__(self, view: memoryview) -> None:
        self._fields: dict[int, list[Field]] = defaultdict(list)
        for number, value in fields(view):
            self._fields[number].append(value)

    def all(self, number: int) -> Iterator[Message]:
        """The sub-messages of a field."""
        for value in self._fields.get(number, ()):
            if isinstance(value, memoryview):
                yield Message(value)

    def one(self, number: int) -> Message | None:
        """The last sub-message of a field, which is the one that counts."""
        values = [value for value in self._fields.get(number, ()) if isinstance(value, memoryview)]
        return Message(values[-1]) if values else None

    def raw(self, number: int) -> bytes:
        values = [value for value in self._fields.get(number, ()) if isinstance(value, memoryview)]
        return bytes(values[-1]) if values else b""

    def text(self, number: int) -> str:
        return self.raw(number).decode("utf-8", "replace")

    def texts(self, number: int) -> list[str]:
        values = self._fields.get(number, ())
        return [bytes(value).decode("utf-8", "replace") for value in values if isinstance(value, memoryview)]

    def integer(self, number: int, default: int = 0) -> int:
        """A varint, as the signed 64-bit number that TensorFlow writes for sizes."""
        values = [value for value in self._fields.get(number, ()) if isinstance(value, int)]
        if not values:
            return default
        return values[-1] - 2**64 if values[-1] >= 2**63 else values[-1]

    def views(self, number: int) -> list[memoryview]:
        """The contents of a repeated message, not yet looked at."""
        return [value for value in self._fields.get(number, ()) if isinstance(value, memoryview)]

    def floats(self, number: int, layout: str) -> list[float]:
        """A repeated float or double, packed or not; ``layout`` as for :mod:`struct`."""
        content = b"".join(bytes(value) for value in self.views(number))
        if len(content) % struct.calcsize(layout):
            raise UnreadableFile("holds a number that is cut off")
        return [float(value) for (value,) in struct.iter_unpack(layout, content)]

    def integers(self, number: int) -> list[int]:
        """A repeated number, packed or not."""
        found: list[int] = []
        for value in self._fields.get(number, ()):
            if isinstance(value, int):
                found.append(value)
            else:
                at = 0
                while at < len(value):
                    item, at = varint(value, at)
                    found.append(item)
        return [item - 2**64 if item >= 2**63 else item for item in found]

    def mapping(self, number: int) -> Iterator[tuple[str, Message]]:
        """A map from text to messages."""
        for entry in self.all(number):
            value = entry.one(2)
            if value is not None:
                yield entry.text(1), value


def varint(view: memoryview, at: int) -> tuple[int, int]:
    """The number at ``at`` and where it ends."""
    value = 0
    for index in range(_VARINT_BYTES):
        if at + index >= len(view):
            raise UnreadableFile("is cut off in the middle of a number")
        byte = view[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (2**64 - 1), at + index + 1
    raise UnreadableFile("holds a number of more than 64 bits")


def fields(view: memoryview) -> Iterator[tuple[int, Field]]:
    """Field numbers and values: numbers as they are, everything else as bytes."""
    at = count = 0
    end = len(view)
    while at < end:
        count += 1
        if count > MAX_FIELDS:
            raise UnreadableFile(f"has a message of more than {MAX_FIELDS:,} fields")
        key = view[at]
        if key < 0x80:  # one byte, as nearly always: a call for each would double the time
            at += 1
        else:
            key, at = varint(view, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise UnreadableFile("holds a field of number 0")
        if kind == 0:
            value, at = varint(view, at)
            yield number, value
            continue
        size, at = _size(view, at, kind)
        if size > end - at:
            raise UnreadableFile("is cut off: a field is longer than what is left of the file")
        yield number, view[at : at + size]
        at += size


def _size(view: memoryview, at: int, kind: int) -> tuple[int, int]:
    """How long a field is, and where it begins."""
    if kind == 2:
        if at < len(view) and view[at] < 0x80:
            return view[at], at + 1
        return varint(view, at)
    if kind in _FIXED:
        return _FIXED[kind], at
    raise UnreadableFile(f"holds a field of the unknown kind {kind}")
