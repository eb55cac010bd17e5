"""Keys of what is not known: two reads of one and the same unknown thing have equal keys."""

from __future__ import annotations

from collections.abc import Hashable


class Key(tuple[Hashable, ...]):
    """A key made of other keys. Such keys share their parts, so a plain tuple's hash, which walks every
    part as often as it is mentioned, would take exponential time."""

    _hash: int

    def __new__(cls, parts: tuple[Hashable, ...]) -> Key:
        made = super().__new__(cls, parts)
        made._hash = tuple.__hash__(made)
        return KEYS.setdefault(made, made)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or tuple.__eq__(self, other)


FORMATTED = "formatted"
"""How the key of a text begins that is put together of parts which are not all known."""
INI = "ini"
"""How the key of a reader of .ini files begins."""
INSTANCE = "instance"
"""How the key of an object of a class of the project begins, where what it inherits is not known."""

UNMADE = "construct"
"""How the key of constructor arguments begins that nobody gives: defaults hold all the same."""


def begins(key: Hashable, word: str) -> bool:
    """Whether a key says by its first part what kind of unknown it stands for."""
    return isinstance(key, tuple) and key[:1] == (word,)


NESTED = {tuple, Key}
KEYS: dict[Key, Key] = {}
"""Every key once, so that equal ones are the same object and are compared at once. A run empties it."""
