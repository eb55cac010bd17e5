"""Which definitions matter: those that can hold a site, and those that lead to one.

An approximation by names that errs on the side of running too much. It decides what is *not*
run at all when nothing calls it, so that a large package costs a parse and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk, ParsedModule

WORD = re.compile(r"[^\W\d]\w*")
_MEMBER = re.compile(r"""[.'"]\s*([^\W\d]\w*)""")


def members_in(text: str) -> frozenset[str]:
    """The names that a text reads as attributes: after a dot, or as a string that ``getattr`` might take."""
    return frozenset(_MEMBER.findall(text))


class Sought(NamedTuple):
    """What a text that holds a site has to say somewhere: one of some words, or one and what a pattern finds.

    A search for a substring is ten times as fast as one for a pattern, and one for a pattern that begins with
    a letter several times as fast as one that looks back first.
    """

    words: tuple[str, ...]
    parts: tuple[tuple[str, re.Pattern[str]], ...]

    def found_in(self, text: str) -> bool:
        for word in self.words:  # any() would take twice as long
            if word in text:
                return True
        return any(part in text and pattern.search(text) is not None for part, pattern in self.parts)

    def those_in(self, text: str) -> Sought:
        """As much of it as a text says: all that its parts can say."""
        groups = (group for stem, group in _by_stem(self.words).items() if stem in text)
        words = tuple(word for group in groups for word in group if word in text)
        return Sought(words, tuple(one for one in self.parts if one[0] in text and one[1].search(text)))


_STEMS = (
    "_logits", "_step", "Score", "bsolute", "igmoid", "inge", "ivergence", "oftmax", "oisson", "osh", "osine",
    "quared", "uber", "versky",
)  # fmt: skip
"""What several words have in common: most texts do not say it, and then say none of them."""


@cache
def _by_stem(words: tuple[str, ...]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(next((stem for stem in _STEMS if stem in word), word), []).append(word)
    return groups


_NAMES = (
    "ntropy", "_with_logits", "from_logits", "Divergence", "Tversky", "MeanSquared", "MeanAbsolute", "huber",
    "Huber", "hinge", "Hinge", "CosineSimilarity", "LogCosh", "Poisson", "mean_squared", "mean_absolute",
    "cosine_similarity", "cosine_proximity", "log_cosh", "logcosh", "poisson", "divergence", "kullback",
    "tversky",
)  # fmt: skip
NAMED_LOSSES = Sought((*_NAMES, "ctc_loss", "CTC"), ())
"""The site of a loss that is said by its name."""
LOSSES = Sought(
    (*_NAMES, "train_step", "test_step", "GradientTape", "criterion", "objective"),
    (
        # What speaks of a loss and is none: what was logged of it, its weight, its scaling, a count of some.
        ("loss", re.compile(
            r"""loss(?<!val_loss)(?<!scale_loss)(?<!num_loss)(?!_weight|_scal)(?!(?<=["']loss)["'])"""
        )),
        ("Loss", re.compile(r"Loss(?!Scal)")),
        ("compile", re.compile(r"\.(?<!\bre\.)\s*compile\s*\(")),
        ("Dice", re.compile(r"Dice(?<!\wDice)\b")),
    ),
)  # fmt: skip
"""The site of a loss."""
ANYTHING = Sought(
    (
        *LOSSES.words, "softmax", "Softmax", "sigmoid", "Sigmoid", "update_state", "Accuracy",
        "Precision", "Recall", "Sensitivity", "Specificity", "Positives", "Negatives", "F1Score",
        "FBetaScore", "BinaryIoU",
    ),
    (
        *LOSSES.parts, ("AUC", re.compile(r"AUC(?<!\wAUC)\b")), (".5", re.compile(r"[<>]=?\s*0?\.50*\b")),
        ("predict", re.compile(r"<|>(?<!->)|round|rint|greater|less|classes")),  # what is predicted is cut
    ),
)  # fmt: skip
"""Also the site of an activation, a metric or a cut-off."""
MAX_ROUNDS = 4
MAX_LEADS = 600
"""Definitions that only lead to sites. Past that many (a framework, not a program) they are not run
unless something that runs calls them: what they would have given their callees stays undecided."""


def _receivers(module: ParsedModule) -> set[str]:
    """Names of the module that its bearing statements use: the model in ``model.compile(...)``."""
    bound = {name for chunk in module.chunks() for name in chunk.binds}
    return {
        name for chunk in module.chunks() if chunk.bears and not chunk.defined for name in bound & chunk.words
    }


class Interest:
    """The names that lead to sites, over a set of modules."""

    def __init__(self, given: frozenset[str] = frozenset(), *, leads: bool = True) -> None:
        """``given`` names lead to sites by what the configuration says of them. Without ``leads`` no others
        do: in the source of Keras itself whatever only leads to sites is not worth running."""
        self.names: frozenset[str] = given
        self._given = given
        self.leads = leads

    def learn(self, modules: Sequence[ParsedModule]) -> None:
        """Take in the names that bearing chunks define, then who mentions them, and so on."""
        if not self.leads:
            return
        bearing = [chunk for module in modules if module.bears for chunk in module.chunks() if chunk.bears]
        names = {name for chunk in bearing for name in chunk.names} | self._given
        for module in modules:
            names |= _receivers(module) if module.bears else set()
        learned: set[str] = set(names)
        leads = 0
        for _ in range(MAX_ROUNDS):
            reached = set(islice(self._mentioning(modules, names), MAX_LEADS + 1))
            leads += len(reached)
            if not reached or leads > MAX_LEADS:
                break
            names = reached - learned
            learned |= reached
        self.names = frozenset(learned) if leads <= MAX_LEADS else self._given

    def concerns(self, chunk: Chunk) -> bool:
        """Whether something in a chunk, not necessarily each of its definitions, is worth running."""
        return chunk.bears or chunk.says_any(self.names)

    def _mentioning(self, modules: Sequence[ParsedModule], names: set[str]) -> Iterator[str]:
        """Definitions that hold no site and mention one of the names."""
        for module in modules:
            if not module.says_any(names):
                continue
            for chunk in module.chunks():
                if chunk.defined and not chunk.bears and chunk.says_any(names):
                    yield chunk.defined
