"""The recorder: where losses, metrics and decisions meet outputs, as the waist's ``Site``s."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit.interp.apart import EXCLUDED, Apart, apart_from
from fromlogits_audit.interp.choice import alternatives, compatible
from fromlogits_audit.interp.compiles import Compiles, Measuring
from fromlogits_audit.interp.drafts import (
    MAX_HOPS,
    Capture,
    Draft,
    Meeting,
    Owner,
    Trail,
    as_partner,
    cutoffs_joined,
    given,
    joined,
)
from fromlogits_audit.interp.edits import Editor
from fromlogits_audit.interp.facts import losses_of, metrics_of
from fromlogits_audit.interp.heads import Heads
from fromlogits_audit.interp.keras_values import LITERAL, LossV, MetricV, TensorV
from fromlogits_audit.interp.ledger import Ledger
from fromlogits_audit.interp.partners import Partners
from fromlogits_audit.interp.values import (
    Const,
    ExternalV,
    Guard,
    Hop,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import (
    Applied,
    Cutoff,
    Edits,
    Family,
    Form,
    Kind,
    Labels,
    Location,
    Loss,
    Output,
    Scale,
    Site,
    Undecided,
    Why,
)
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


@dataclass
class Recorder(Apart):
    """Collects drafts; equal ones are kept once."""

    run: Run
    built: dict[tuple[int, int], LossV] = field(default_factory=dict)
    met: set[tuple[int, int]] = field(default_factory=set)
    escapes: dict[tuple[int, int], Undecided] = field(default_factory=dict)
    _captures: list[Capture] = field(default_factory=list)
    _partners: Partners = field(default_factory=Partners)
    meanings: dict[int, LossV | None] = field(default_factory=dict)
    """The Keras loss that a hand-written one gave the output to when it ran last, by its identity."""
    compiles: Compiles = field(default_factory=Compiles)
    """What models were compiled with last, and what their ``fit`` was given since."""
    measuring: Measuring | None = None
    """Set while a metric of the project's own runs: what it gives a loss to compute is a metric too."""
    heads: Heads = field(default_factory=Heads)
    _read: set[tuple[int, int]] = field(default_factory=set)
    """What also serves something that it makes no site with: an argmax "accuracy", ``print(model.loss)``."""
    _editor: Editor = field(default_factory=Editor)
    _only_excluded: set[tuple[int, int]] = field(default_factory=set)
    """Losses that only such code builds."""

    def __post_init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(self.compiles.note_draft)

    def _fresh(self) -> Recorder:
        return Recorder(self.run)

    # -- losses that never meet an output --------------------------------------------------------
    def note_built(self, loss: LossV) -> None:
        if self.is_aside and loss.place.key not in self.built:
            self._only_excluded.add(loss.place.key)
        elif not self.is_aside:
            self._only_excluded.discard(loss.place.key)
        self.built.setdefault(loss.place.key, loss)

    def note_escape(self, loss: LossV, reason: Undecided) -> None:
        self.escapes[loss.place.key] = reason

    @contextmanager
    def measuring_for(self, partner: Value | None) -> Iterator[None]:
        """A metric of the project's own runs meanwhile, on an output whose loss is ``partner``."""
        before, self.measuring = self.measuring, Measuring(partner)
        try:
            yield
        finally:
            self.measuring = before

    @contextmanager
    def capture(self, name: str | None, hops: tuple[Hop, ...], output: Value) -> Iterator[Capture]:
        """Count the sites that a block records (the body of a loss of the project's own).

        They belong to the output ``name``, and were reached over ``hops``.
        """
        capture = Capture(name=name, hops=hops, output=output, assumed=len(self.run.state.path))
        self._captures.append(capture)
        try:
            yield capture
        finally:
            self._captures.pop()

    @property
    def _unsure(self) -> bool:
        """Whether a condition inside a hand-written loss decides what is reached: labels may decide it."""
        return any(len(self.run.state.path) > capture.assumed for capture in self._captures)

    def note_opaque(self, reason: Undecided) -> None:
        """Something in a hand-written loss that decides what scale it asks for, and is not known."""
        for capture in self._captures:
            capture.opaque = capture.opaque or reason

    def note_read(self, value: Value, place: Place | None = None) -> None:
        """A metric meets an output that it asks no scale of, or a program asks for the text of a loss."""
        where = value.place if isinstance(value, (Const, MetricV, ExternalV)) else None
        if (where or place) is not None:
            self._read.add((where or place).key)  # type: ignore[union-attr]

    # -- recording -------------------------------------------------------------------------------
    def meet(
        self,
        loss: Value,
        predicted: Value,
        *,
        hops: tuple[Hop, ...] = (),
        name: str | None = None,
        labels: Value | None = None,
        fallback: Place | None = None,
    ) -> None:
        """A loss meets an output: every combination that can happen, grouped by the loss's place."""
        if self._captures:
            name = name or self._captures[-1].name
            hops = (*self._captures[-1].hops, *hops)
            self._captures[-1].reach(loss, predicted)
        if self.measuring is not None:
            self.run.keras.loss_in_metric(self.run, loss, predicted, name=name, hops=hops)
            return
        groups: dict[tuple[int, int], tuple[Place, list[Site]]] = {}
        for guard, option in alternatives(loss, self.run.state.guard):
            place = (
                option.place
                if isinstance(option, (LossV, Unknown)) and option.place is not None
                else fallback
            )
            if place is None or (isinstance(option, Const) and option.value is None):
                continue
            sites = groups.setdefault(place.key, (place, []))[1]
            for assumed, fact in losses_of(self.run, option, predicted):
                if compatible(guard, assumed):
                    sites.extend(self._pairs(guard | assumed, fact, place, predicted, hops, name, labels))
            self._note_met(place)
        for place, sites in groups.values():
            self._add(Kind.LOSS, place, sites)

    def _pairs(
        self,
        guard: Guard,
        loss: Loss,
        place: Place,
        predicted: Value,
        hops: tuple[Hop, ...],
        name: str | None,
        labels: Value | None,
    ) -> Iterator[Site]:
        for other, tensor in alternatives(predicted, self.run.state.guard):
            if not compatible(guard, other):
                continue
            output = self.output(tensor, name)
            self._note_partner(tensor, loss, place, hops)
            yield Site(
                Kind.LOSS, _NOWHERE, output, loss=loss, labels=self._labels(labels), trace=self.steps(hops)
            )

    def _labels(self, value: Value | None) -> Labels | None:
        if value is None or self._unsure:
            return None
        options = [v for _, v in alternatives(value, self.run.state.guard)]
        only = options[0] if len(options) == 1 else None
        found = self.run.keras.labels_in(self.run, only) if only is not None else None
        return replace(found, trace=self.steps(getattr(only, "trace", ()))) if found is not None else None

    def custom(
        self,
        name: str,
        place: Place,
        predicted: Value,
        opaque: Undecided | None,
        *,
        output: str | None,
        hops: tuple[Hop, ...],
    ) -> None:
        """A loss of the project's own that calls no Keras loss. Where it is a subclass of one, what its base
        built there meets the output as this loss and as no other."""
        self._note_met(place)
        family = Family.UNKNOWN if opaque is not None else Family.ANY
        loss = Loss(f"custom:{name}", family, form=Form.CUSTOM, reason=opaque)
        for _, tensor in alternatives(predicted, self.run.state.guard):
            self._note_partner(tensor, loss, place, hops)
        sites = [
            Site(Kind.LOSS, _NOWHERE, self.output(tensor, output), loss=loss, trace=self.steps(hops))
            for _, tensor in alternatives(predicted, self.run.state.guard)
        ]
        self._add(Kind.LOSS, place, sites)

    def measure(
        self,
        metric: MetricV,
        predicted: Value,
        partner: Value | None,
        *,
        name: str | None = None,
        hops: tuple[Hop, ...] = (),
    ) -> None:
        """A metric that has a threshold or a flag meets an output."""
        if partner is None and self.measuring is not None:
            partner = self.measuring.partner
        owner = (
            self._partners.owner(predicted) if partner is None and isinstance(predicted, TensorV) else None
        )
        options = alternatives(partner, self.run.state.guard) if partner is not None else []
        partners: list[tuple[Guard, Loss | None]] = [
            (guard | assumed, as_partner(fact, option.place) if isinstance(option, LossV) else fact)
            for guard, option in options
            for assumed, fact in losses_of(self.run, option, predicted)
            if compatible(guard, assumed)
        ] or [(frozenset(), None)]
        facts = list(metrics_of(self.run, metric, predicted))
        trace = self.steps(hops)
        sites = [
            Site(Kind.METRIC, _NOWHERE, self.output(tensor, name), metric=fact, partner=loss, trace=trace)
            for guard, loss in partners
            for other, tensor in alternatives(predicted, self.run.state.guard)
            for third, fact in facts
            if compatible(guard, other) and compatible(guard | other, third)
        ]
        beside = dict.fromkeys(option.place for _, option in options if isinstance(option, LossV))
        self._note_met(metric.place)
        self._add(Kind.METRIC, metric.place, sites, owner, tuple(beside))
        self.compiles.note_metric(metric, name)

    def applied(self, name: str, size: int | None, before: TensorV, place: Place, scaled: bool) -> None:
        """A softmax or sigmoid is applied to a tensor, which was ``scaled`` in between."""
        fact = Applied(name, size, place.chunk.code(place.node), scaled)
        site = Site(Kind.ACTIVATION, _NOWHERE, self.output(before, None), applied=fact)
        self._add(Kind.ACTIVATION, place, [site])

    def half_precision(
        self, tensor: TensorV, dtype: str, layers: tuple[Place, ...], hops: tuple[Hop, ...]
    ) -> None:
        """The activation that ends a model is computed in float16 or bfloat16, or comes out in that: by what
        of ``layers``, the first to compute in it first, because of ``hops``."""
        output = replace(self.output(tensor, None), half_precision=dtype)
        self.heads.note_half(output, layers)
        self._add(Kind.LAYER, layers[0], [Site(Kind.LAYER, _NOWHERE, output, trace=self.steps(hops))])

    def cutoff(self, threshold: float | None, spelled: str, tensor: TensorV, place: Place) -> None:
        """A prediction is compared with a constant; the loss of its model says whether that is right."""
        site = Site(Kind.CUTOFF, _NOWHERE, self.output(tensor, None), cutoff=Cutoff(threshold, spelled))
        self._add(Kind.CUTOFF, place, [site], self._partners.owner(tensor))

    def _add(
        self,
        kind: Kind,
        place: Place,
        sites: list[Site],
        owner: Owner | None = None,
        partners: tuple[Place, ...] = (),
    ) -> None:
        self.run.state.promise()
        if not sites or (self.run.state.cut and kind not in (Kind.LOSS, Kind.METRIC)):
            return
        for capture in self._captures:
            capture.sites += kind is Kind.LOSS
        self.ledger.add(Meeting(kind, place, dict.fromkeys(sites, owner), partners, self._unsure))

    def together(self) -> AbstractContextManager[None]:
        """What meets at one place meanwhile are alternatives of one site: one of them happens."""
        return self.ledger.together()

    def _note_met(self, place: Place) -> None:
        self.ledger.counting(partial(self.met.add, place.key))

    def _note_partner(self, tensor: Value, loss: Loss, place: Place, hops: tuple[Hop, ...]) -> None:
        if isinstance(tensor, TensorV):
            self.ledger.counting(partial(self._partners.note, tensor, loss, place, hops))

    @property
    def plural(self) -> bool:
        """Whether what is recorded now may have alternatives that are still to come."""
        return self.ledger.plural

    # -- to the waist ----------------------------------------------------------------------------
    def output(self, value: Value, name: str | None) -> Output:
        """The waist's view of a tensor."""
        if self.run.state.cut:
            return replace(Output.unknown(Why.LIMIT, "the program is too long to follow"), name=name)
        if not isinstance(value, TensorV):
            reason = value.reason if isinstance(value, Unknown) else _untold(value)
            return Output(reason=reason, name=name)
        activation = value.activation if value.scale is not Scale.UNKNOWN else None
        made = Output(
            scale=value.scale,
            activation=activation,
            units=value.units,
            name=name,
            reason=value.reason if value.scale is Scale.UNKNOWN else None,
            unit_softmax=self.locate(value.unit_softmax) if value.unit_softmax is not None else None,
            trace=self.steps(value.trace),
        )
        self.heads.note(made, value)
        return made

    def locate(self, place: Place) -> Location:
        return place.chunk.module.locate(place)

    def steps(self, hops: tuple[Hop, ...]) -> Trail:
        return Trail(hops[:MAX_HOPS])

    def finish(self) -> list[Site]:
        """All sites, located; losses that met nothing are undecided ones."""
        self.ledger.settle(self.met)
        drafts = list(cutoffs_joined(self.ledger.drafts))
        apart = apart_from(drafts, self.excluded)
        for place in (place for draft in (*drafts, *apart) for place in draft.places()):
            place.chunk.will_locate(place.node)
        sites = list(dict.fromkeys(site for draft in (*drafts, *apart) for site in self._sites(draft)))
        known = self.met | {draft.place.key for draft in (*drafts, *apart)}
        sites += [self._lonely(key, loss) for key, loss in self.built.items() if key not in known]
        return sites

    def _sites(self, draft: Draft) -> Iterator[Site]:
        location = self.locate(draft.place)
        watched = self.compiles.watched(draft.place)
        pairs = [self._beside(draft, n) for n in range(len(draft.pairs))]
        for labels in given(draft):
            told = [(watched(pair.at(labels=pair.labels or labels)), places) for pair, places in pairs]
            made = tuple(p.at(location=location, edits=self._edits(p, draft.place, b)) for p, b in told)
            yield made[0] if len(made) == 1 else joined(made)

    def _beside(self, draft: Draft, n: int) -> tuple[Site, tuple[Place, ...]]:
        """The n-th pair with the loss that it is judged by, and where all losses of its output stand."""
        pair, owner = draft.pairs[n], draft.owners[n]
        if owner is None:
            return pair, tuple(draft.partners)
        partner, places = self._partners.of(owner, pair.output.scale)
        return pair.at(partner=partner), places

    def _edits(self, pair: Site, place: Place, partners: tuple[Place, ...]) -> Edits | None:
        return self._editor.describe(
            pair,
            place,
            head=self.heads.of(pair.output),
            partners=tuple(map(self.locate, partners)),
            shared=place.key in self._read,
        )

    def _lonely(self, key: tuple[int, int], loss: LossV) -> Site:
        if key in self._only_excluded:
            reason = EXCLUDED
        elif key in self.escapes:
            reason = self.escapes[key]
        else:
            reason = Undecided(Why.NO_OUTPUT, "no code that was read gives it an output")
        facts = next(fact for _, fact in losses_of(self.run, loss))
        return Site(Kind.LOSS, self.locate(loss.place), Output(reason=reason), loss=facts)


def _untold(value: Value) -> Undecided:
    """Why something that is no tensor has no scale: numbers written out are data."""
    literal = isinstance(value, (Const, ListV, TupleV))
    return LITERAL if literal else Undecided(Why.UNSUPPORTED, "the output")


_NOWHERE = Location("")
