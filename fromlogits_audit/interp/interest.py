"""Which definitions matter: those that can hold a site, and those that lead to one.

An approximation by names that errs on the side of running too much. It decides what is *not*
run at all when nothing calls it, so that a large package costs a parse and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk

WORD = re.compile(r"[^\W\d]\w*")
BEARS = re.compile(
    r"[lL]oss|ntropy|_with_logits|\.\s*compile\b|predict|[sS]oftmax|[sS]igmoid|[mM]etric|accuracy|Accuracy"
    r"|from_logits|Divergence|Tversky|\bDice\b|MeanSquared|MeanAbsolute|[hH]uber|[hH]inge"
)
"""What a statement that holds a site has to say somewhere."""
MAX_ROUNDS = 4


def bears(text: str) -> bool:
    """Whether a text can hold a site by itself."""
    return BEARS.search(text) is not None


class Interest:
    """The names that lead to sites, over a set of modules."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def learn(self, chunks: Iterable[Chunk]) -> None:
        """Take in the names that bearing chunks define, then who mentions them, and so on."""
        waiting = []
        for chunk in chunks:
            if chunk.bears:
                self.names |= chunk.names
            else:
                waiting.append(chunk)
        for _ in range(MAX_ROUNDS):
            reached = [chunk for chunk in waiting if chunk.defined and not self.names.isdisjoint(chunk.words)]
            if not reached:
                return
            for chunk in reached:
                self.names.add(chunk.defined)
            waiting = [chunk for chunk in waiting if chunk not in reached]

    def wants(self, text: str, words: frozenset[str]) -> bool:
        """Whether a definition of this text is worth running."""
        return bears(text) or not self.names.isdisjoint(words)
