"""What a call is given."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.values import Unknown, Value


@dataclass(frozen=True, slots=True)
class Args:
    """Call arguments. ``star``/``double``: an unknown ``*args``/``**kwargs`` is among them."""

    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    star: Unknown | None = None
    double: Unknown | None = None

    def get(self, index: int, name: str) -> Value | None:
        """The argument at a position or by name, None where it is not given."""
        if name in self.keywords:
            return self.keywords[name]
        return self.positional[index] if 0 <= index < len(self.positional) else None

    def rest(self) -> Args:
        """All arguments but the first by position."""
        return Args(self.positional[1:], self.keywords, self.star, self.double)

    def bind(self, names: tuple[str, ...]) -> dict[str, Value]:
        """Arguments by parameter name; surplus positional ones are left out."""
        return {**dict(zip(names, self.positional, strict=False)), **self.keywords}

    def all(self) -> tuple[Value, ...]:
        return (*self.positional, *self.keywords.values())
