"""Sites in the making: traces not yet located, alternatives not yet judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import overload

from fromlogits_audit.interp.keras_values import LossV, TensorV
from fromlogits_audit.interp.values import (
    Hop,
    Place,
    Value,
)
from fromlogits_audit.ir import (
    Family,
    Kind,
    Labels,
    Loss,
    Scale,
    Site,
    Step,
    Undecided,
)
from fromlogits_audit.lean import dataclass

MAX_HOPS = 12


class Trail(Sequence[Step]):
    """The steps of a trace, located when someone reads them."""

    __slots__ = ("_hops", "_steps")

    def __init__(self, hops: tuple[Hop, ...]) -> None:
        self._hops = hops
        self._steps: tuple[Step, ...] | None = None

    def _located(self) -> tuple[Step, ...]:
        if self._steps is None:
            self._steps = tuple(
                Step(hop.place.chunk.module.locate(hop.place), hop.note) for hop in self._hops
            )
        return self._steps

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The steps, not yet located."""
        return self._hops

    def places(self) -> Iterator[Place]:
        """Where the steps stand."""
        return (hop.place for hop in self._hops)

    def __len__(self) -> int:
        return len(self._hops)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        return self._located()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trail) and self._keys() == other._keys()

    def __hash__(self) -> int:
        return hash(self._keys())

    def _keys(self) -> tuple[tuple[tuple[int, int], str], ...]:
        return tuple((hop.place.key, hop.note) for hop in self._hops)


def hops_of(trace: Sequence[Step]) -> tuple[Hop, ...]:
    """The steps of a trace of the interpreter's own."""
    return trace.hops if isinstance(trace, Trail) else ()


def as_partner(loss: Loss, place: Place, hops: tuple[Hop, ...] = ()) -> Loss:
    """A loss as a metric or cut-off on the same output sees it: its trace says where it stands."""
    trail = (Hop(place, "the loss of this output"), *hops_of(loss.trace), *hops)
    return replace(loss, trace=Trail(trail[:MAX_HOPS]))


def settled(site: Site) -> Site:
    """The site with its traces located: it holds on to no syntax tree."""
    traced = {name: getattr(site, name) for name in ("output", "loss", "partner", "labels")}
    located = {
        name: replace(one, trace=tuple(one.trace))
        for name, one in traced.items()
        if one is not None and isinstance(one.trace, Trail)
    }
    alternatives = tuple(map(settled, site.alternatives))
    return site.at(trace=tuple(site.trace), alternatives=alternatives, **located)


@dataclass
class Capture:
    """What happened while a hand-written loss ran."""

    sites: int = 0
    opaque: Undecided | None = None
    name: str | None = None
    hops: tuple[Hop, ...] = ()
    output: Value | None = None
    """What the loss is given."""
    assumed: int = 0
    """How many conditions were assumed when it began."""
    reached: list[LossV] = field(default_factory=list)
    """The Keras losses inside that met the output just as it is."""

    def reach(self, loss: Value, predicted: Value) -> None:
        """A loss meets a tensor inside."""
        given = self.output
        if not (isinstance(loss, LossV) and isinstance(predicted, TensorV) and isinstance(given, TensorV)):
            return
        if (predicted.scale, predicted.activation) == (given.scale, given.activation):
            self.reached.append(loss)

    def meant(self) -> LossV | None:
        """The cross-entropy that says what the output means, where there is one and no other."""
        found = [loss for loss in self.reached if loss.spec.family in (Family.CATEGORICAL, Family.BINARY)]
        flags = {
            (loss.spec.family, loss.always_logits, getattr(loss.from_logits, "value", None)) for loss in found
        }
        return found[0] if len(flags) == 1 else None


@dataclass(frozen=True, eq=False)
class Owner:
    """One output of a model, or a tensor that no model returned; there is one object for each."""

    model: Value
    head: str | None


@dataclass(frozen=True, eq=False)
class Draft:
    """A site whose alternatives are still values."""

    kind: Kind
    place: Place
    pairs: tuple[Site, ...]
    owners: tuple[Owner | None, ...] = ()
    """For each pair the model output whose loss is the partner, where it is looked up at the end."""
    labels: dict[tuple[int, bool], list[Labels]] = field(default_factory=dict)
    """The labels that ``fit`` and ``evaluate`` were given for it, by the identity of the model; those that it
    is validated with are apart."""
    partners: dict[Place, None] = field(default_factory=dict)
    """Where the partners stand, for a metric of known losses."""

    def places(self) -> Iterator[Place]:
        """Everything whose position will be asked for."""
        yield self.place
        for labels in (one for each in self.labels.values() for one in each):
            yield from (hop.place for hop in hops_of(labels.trace))
        for pair in self.pairs:
            for holder in (pair, pair.output, pair.loss, pair.labels):
                if holder is not None and isinstance(holder.trace, Trail):
                    yield from holder.trace.places()


@dataclass
class Meeting:
    """Sites at one place that are alternatives of one another."""

    kind: Kind
    place: Place
    sites: dict[Site, Owner | None]
    """Each with the model output whose loss is its partner."""
    partners: tuple[Place, ...] = ()
    unsure: bool = False
    """Whether the labels may decide that it happens at all."""


def agreed(labels: Sequence[Labels]) -> Labels | None:
    """What all labels that a model is given have in common, None where they are encoded differently."""
    if len({one.encoding for one in labels}) != 1:
        return None
    return labels[0] if len({one.classes for one in labels}) == 1 else replace(labels[0], classes=None)


def given(draft: Draft) -> list[Labels | None]:
    """The labels that a loss meets: one for each way in which the models that it serves have them encoded."""
    each = [agreed(labels) for labels in draft.labels.values()]
    encodings = dict.fromkeys(labels.encoding for labels in each if labels is not None)
    found = [[labels for labels in each if labels and labels.encoding is encoding] for encoding in encodings]
    partly = len(each) > sum(map(len, found))
    return [one and replace(one, partly=partly) for one in map(agreed, found)] or [None]


def scale_source(tensor: TensorV) -> Place | None:
    """The layer or call that gives a tensor its scale: the last hop that says so."""
    words = ": unbounded scores" if tensor.activation == "linear" else f"{tensor.activation} gives "
    return next((hop.place for hop in reversed(tensor.trace) if words in hop.note), None)


def matters(site: Site) -> bool:
    """Whether applying an activation here says anything: twice, or over an axis of size one."""
    before = site.output.scale
    return before in (Scale.PROBABILITIES, Scale.INDEPENDENT) or (
        site.applied is not None and site.applied.axis_size == 1
    )


def cutoffs_joined(drafts: list[Draft]) -> Iterator[Draft]:
    """A decision that several models reach is one site: it needs all of them to be wrong. Those whose
    threshold is not known are apart: they say nothing of the others."""
    cutoffs: dict[object, list[Draft]] = {}
    for draft in drafts:
        if draft.kind is Kind.CUTOFF:
            known = all(pair.cutoff and pair.cutoff.threshold is not None for pair in draft.pairs)
            cutoffs.setdefault((draft.place.key, known), []).append(draft)
        else:
            yield draft
    for same in cutoffs.values():
        pairs = tuple(pair for draft in same for pair in draft.pairs)
        owners = tuple(owner for draft in same for owner in draft.owners)
        yield Draft(Kind.CUTOFF, same[0].place, pairs, owners)


def facts_of(site: Site) -> object:
    """What tells two sites at one place apart: facts, not the way they were reached."""
    output = site.output
    return (
        site.loss
        and (site.loss.name, site.loss.from_logits, site.loss.form, site.loss.misuse, site.loss.reason),
        site.metric,
        site.cutoff,
        site.applied,
        site.partner and (site.partner.name, site.partner.from_logits),
        site.labels and (site.labels.encoding, site.labels.classes),
        (output.scale, output.activation, output.units, output.name, output.reason, output.unit_softmax),
    )


def joined(pairs: tuple[Site, ...]) -> Site:
    """One site of several alternatives. It shows the facts of the first, and only units that all agree on."""
    output = pairs[0].output
    if len({pair.output.units for pair in pairs}) > 1:
        output = replace(output, units=None)
    return pairs[0].at(output=output, alternatives=pairs)
