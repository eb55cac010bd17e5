"""One line of the text report: plain parts with the styles that a terminal may give them."""

from __future__ import annotations

from fromlogits_audit.lean import dataclass

Part = tuple[str, str]
"""A text and its style in rich's words (``bold red``), empty for none."""


@dataclass(frozen=True)
class Line:
    """A line of styled parts. Without colours it is :attr:`plain`, and no terminal library is loaded."""

    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, *parts: str | Part) -> Line:
        """A line from texts and styled texts."""
        return cls(tuple((part, "") if isinstance(part, str) else part for part in parts))

    @property
    def plain(self) -> str:
        return "".join(text for text, _ in self.parts)
