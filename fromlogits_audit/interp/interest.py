"""Which definitions matter: those that can hold a site, and those that lead to one.

An approximation by names that errs on the side of running too much. It decides what is *not*
run at all when nothing calls it, so that a large package costs a parse and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk

WORD = re.compile(r"[^\W\d]\w*")
BEARS = re.compile(
    r"ntropy|_with_logits|from_logits|\.\s*compile\s*\(|[lL]oss|[sS]oftmax|[sS]igmoid|predict|Divergence|Tversky"
    r"|\bDice\b|MeanSquared|MeanAbsolute|[hH]uber|[hH]inge"
)
"""What a statement that holds a site has to say somewhere."""
MAX_ROUNDS = 4
MAX_LEADS = 600
"""Definitions that only lead to sites. Past that many (a framework, not a program) they are not run
unless something that runs calls them: what they would have given their callees stays undecided."""


def bears(text: str) -> bool:
    """Whether a text can hold a site by itself."""
    return BEARS.search(text) is not None


class Interest:
    """The names that lead to sites, over a set of modules."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()

    def learn(self, chunks: Sequence[Chunk]) -> None:
        """Take in the names that bearing chunks define, then who mentions them, and so on."""
        names = {name for chunk in chunks if chunk.bears for name in chunk.names if len(name) > 1}
        waiting = [chunk for chunk in chunks if chunk.defined and not chunk.bears]
        leads = 0
        for _ in range(MAX_ROUNDS):
            reached = list(islice((c for c in waiting if not names.isdisjoint(c.words)), MAX_LEADS + 1))
            leads += len(reached)
            if not reached or leads > MAX_LEADS:
                break
            names |= {chunk.defined for chunk in reached}
            waiting = [chunk for chunk in waiting if chunk.defined not in names]
        self.names = frozenset(names) if leads <= MAX_LEADS else frozenset()

    def wants(self, text: str, words: frozenset[str]) -> bool:
        """Whether a definition of this text is worth running."""
        return bears(text) or not self.names.isdisjoint(words)
