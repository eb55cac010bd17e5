"""The book of drafts: what met where, each meeting once, and which meetings are alternatives of one site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import field, replace
from functools import partial

from fromlogits_audit.interp.drafts import Draft, Meeting, facts_of, matters
from fromlogits_audit.interp.values import Value
from fromlogits_audit.ir import Kind, Output, Undecided
from fromlogits_audit.lean import dataclass


@dataclass
class _Held:
    """What losses meet, and what follows from it, in case that a model is evaluated."""

    model: Value
    later: list[Callable[[], None]] = field(default_factory=list)


class Ledger:
    """Drafts in the order in which they were made; equal ones are kept once."""

    def __init__(self, committed: Callable[[Draft], None]) -> None:
        """``committed`` is told every draft that something met, also one that was there before."""
        self.drafts: list[Draft] = []
        self._index: dict[object, Draft] = {}
        self._batch: dict[object, Meeting] | None = None
        self._committed = committed
        self._awaits: dict[Kind, Undecided | None] = {}
        """What is waited for, and why it is not known where nothing comes; None: it is what it seems."""
        self._awaited: dict[tuple[tuple[int, int], str | None], Meeting] = {}
        self._held: list[_Held] = []
        self._evaluated: dict[int, Value] = {}

    @property
    def plural(self) -> bool:
        """Whether what is added now may have alternatives that are still to come."""
        return self._batch is not None

    def add(self, meeting: Meeting) -> None:
        """Take in what met at one place."""
        if meeting.kind in self._awaits:
            self._wait(meeting, self._awaits[meeting.kind])
            return
        if self._batch is None:
            self._commit(meeting)
            return
        key = (meeting.kind, meeting.place.key, next(iter(meeting.sites)).output.name)
        known = self._batch.setdefault(key, meeting)
        if known is not meeting:
            known.sites.update(meeting.sites)
            known.partners = tuple(dict.fromkeys((*known.partners, *meeting.partners)))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What meets at one place meanwhile are alternatives of one site: one of them happens."""
        if self._batch is not None:
            yield
            return
        self._batch = {}
        try:
            yield
        finally:
            batch, self._batch = self._batch, None
            for meeting in batch.values():
                self._commit(meeting)

    # -- losses and metrics that code still to come may bring to their outputs ---------------------
    def _wait(self, meeting: Meeting, reason: Undecided | None) -> None:
        name = next(iter(meeting.sites)).output.name if meeting.kind is Kind.METRIC else None
        known = meeting
        if reason is not None:
            sites = (site.at(output=Output(reason=reason)) for site in meeting.sites)
            known = replace(meeting, sites=dict.fromkeys(sites))
        self._awaited.setdefault((meeting.place.key, name), known)
        self._held[-1].later.append(partial(self.add, meeting))

    def counting(self, note: Callable[[], None]) -> None:
        """Do what follows from a meeting, once it is known that there is one."""
        if not self._awaits:
            note()
        else:
            self._held[-1].later.append(note)

    @contextmanager
    def awaiting(self, kind: Kind, reason: Undecided | None, model: Value) -> Iterator[None]:
        """What losses (or metrics) meet meanwhile counts where ``model`` is evaluated in Keras's way; one
        that meets nothing else is undecided for a reason, or meets it all the same."""
        before, self._awaits = self._awaits, {**self._awaits, kind: reason}
        self._held.append(_Held(model))
        try:
            yield
        finally:
            self._awaits = before

    def note_evaluated(self, model: Value) -> None:
        """A model is evaluated: Keras's own ``test_step`` gives what it returns to the compiled loss."""
        self._evaluated[id(model)] = model

    def settle(self, met: Set[tuple[int, int]]) -> None:
        """Take in what does count after all, and the losses that were waited for in vain."""
        for held in self._held:
            if id(held.model) in self._evaluated:
                with self.together():
                    for note in held.later:
                        note()
        for (key, _), meeting in self._awaited.items():
            if key not in met:
                self._commit(meeting)
        self._absorb()

    def _absorb(self) -> None:
        """Drop the losses of whose labels nothing is known, where they met the same with labels as well."""
        told = {_but_for_labels(draft) for draft in self.drafts if any(pair.labels for pair in draft.pairs)}
        if told:
            self.drafts = [one for one in self.drafts if _has_labels(one) or _but_for_labels(one) not in told]

    def _commit(self, meeting: Meeting) -> None:
        if meeting.kind is Kind.ACTIVATION and not any(matters(site) for site in meeting.sites):
            return
        owners = tuple(meeting.sites.values())
        key = (meeting.kind, meeting.place.key, tuple(map(facts_of, meeting.sites)), tuple(map(id, owners)))
        draft = self._index.get(key)
        if draft is None:
            draft = Draft(meeting.kind, meeting.place, tuple(meeting.sites), owners)
            self._index[key] = draft
            self.drafts.append(draft)
        draft.partners.update(dict.fromkeys(meeting.partners))
        if not meeting.unsure:
            self._committed(draft)


def _has_labels(draft: Draft) -> bool:
    return any(pair.labels for pair in draft.pairs) or any(draft.labels.values())


def _but_for_labels(draft: Draft) -> object:
    return (draft.kind, draft.place.key, tuple(facts_of(pair.at(labels=None)) for pair in draft.pairs))
