"""The recorder: where losses, metrics and decisions meet outputs, as the waist's ``Site``s."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, compatible
from fromlogits_audit.interp.drafts import (
    MAX_HOPS,
    Capture,
    Draft,
    Meeting,
    Owner,
    Trail,
    cutoffs_joined,
    facts_of,
    matters,
    scale_source,
)
from fromlogits_audit.interp.edits import Editor
from fromlogits_audit.interp.facts import losses_of, metric_of
from fromlogits_audit.interp.keras_values import LossV, MetricV, TensorV
from fromlogits_audit.interp.partners import Partners
from fromlogits_audit.interp.values import (
    Const,
    ExternalV,
    Guard,
    Hop,
    Place,
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

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


@dataclass
class Recorder:
    """Collects drafts; equal ones are kept once."""

    run: Run
    drafts: list[Draft] = field(default_factory=list)
    built: dict[tuple[int, int], LossV] = field(default_factory=dict)
    met: set[tuple[int, int]] = field(default_factory=set)
    escapes: set[tuple[int, int]] = field(default_factory=set)
    _captures: list[Capture] = field(default_factory=list)
    _batch: dict[object, Meeting] | None = None
    """What met since the outermost ``together`` began."""
    _partners: Partners = field(default_factory=Partners)
    _compiled: dict[int, list[Draft]] = field(default_factory=dict)
    """The loss sites of a model's last compile."""
    meanings: dict[int, LossV | None] = field(default_factory=dict)
    """The Keras loss that a hand-written one gave the output to when it ran last, by its identity."""
    _compiling: Value | None = None
    _index: dict[object, Draft] = field(default_factory=dict)
    _scaled_by: dict[Output, Place] = field(default_factory=dict)
    """What gives an output its scale: the layer or call."""
    _plain: set[tuple[int, int]] = field(default_factory=set)
    """Metrics that also serve outputs they make no site with (an argmax "accuracy")."""
    _editor: Editor = field(default_factory=Editor)

    # -- losses that never meet an output --------------------------------------------------------
    def note_built(self, loss: LossV) -> None:
        self.built.setdefault(loss.place.key, loss)

    def note_escape(self, loss: LossV) -> None:
        self.escapes.add(loss.place.key)

    @contextmanager
    def capture(self, name: str | None, hops: tuple[Hop, ...], output: Value) -> Iterator[Capture]:
        """Count the sites that a block records (the body of a loss of the project's own).

        They belong to the output ``name``, and were reached over ``hops``.
        """
        capture = Capture(name=name, hops=hops, output=output)
        self._captures.append(capture)
        try:
            yield capture
        finally:
            self._captures.pop()

    def note_opaque(self, reason: Undecided) -> None:
        """Something in a hand-written loss that decides what scale it asks for, and is not known."""
        for capture in self._captures:
            capture.opaque = capture.opaque or reason

    def note_plain(self, metric: Value, place: Place | None) -> None:
        """A metric meets an output that it asks no scale of."""
        where = metric.place if isinstance(metric, (Const, MetricV, ExternalV)) else None
        if (where or place) is not None:
            self._plain.add((where or place).key)  # type: ignore[union-attr]

    # -- labels ----------------------------------------------------------------------------------
    @contextmanager
    def compiling(self, model: Value) -> Iterator[None]:
        """Losses that meet outputs now are those of the model's compile, until the next."""
        before, self._compiling = self._compiling, model
        self._compiled[id(model)] = []
        try:
            yield
        finally:
            self._compiling = before

    def note_labels(
        self, model: Value, labels: Labels, output: str | None = None, *, several: bool = False
    ) -> None:
        """``fit`` or ``evaluate`` gives a compiled model labels, or one of its outputs.

        ``several``: they are as told only where there are more than two classes, so not on two units.
        """
        for draft in self._compiled.get(id(model), []):
            named = output is None or all(pair.output.name == output for pair in draft.pairs)
            if named and not (several and any(pair.output.units == 2 for pair in draft.pairs)):
                draft.labels.append(labels)

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
            self.met.add(place.key)
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
            if isinstance(tensor, TensorV):
                self._partners.note(tensor, loss, place)
            yield Site(
                Kind.LOSS, _NOWHERE, output, loss=loss, labels=self._labels(labels), trace=self.steps(hops)
            )

    def _labels(self, value: Value | None) -> Labels | None:
        options = [v for _, v in alternatives(value, self.run.state.guard)] if value is not None else []
        found = {v.labels for v in options if isinstance(v, TensorV)}
        return found.pop() if len(found) == 1 and len(options) == 1 else None

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
        """A loss of the project's own that calls no Keras loss."""
        family = Family.UNKNOWN if opaque is not None else Family.ANY
        loss = Loss(f"custom:{name}", family, form=Form.CUSTOM, reason=opaque)
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
        owner = (
            self._partners.owner(predicted) if partner is None and isinstance(predicted, TensorV) else None
        )
        options = alternatives(partner, self.run.state.guard) if partner is not None else []
        partners: list[tuple[Guard, Loss | None]] = [
            (guard | assumed, fact)
            for guard, option in options
            for assumed, fact in losses_of(self.run, option, predicted)
            if compatible(guard, assumed)
        ] or [(frozenset(), None)]
        sites = []
        for guard, loss in partners:
            for other, tensor in alternatives(predicted, self.run.state.guard):
                if compatible(guard, other):
                    output = self.output(tensor, name)
                    sites.append(
                        Site(
                            Kind.METRIC,
                            _NOWHERE,
                            output,
                            metric=metric_of(metric),
                            partner=loss,
                            trace=self.steps(hops),
                        )
                    )
        beside = {option.place for _, option in options if isinstance(option, LossV)}
        self._add(Kind.METRIC, metric.place, sites, owner, beside.pop() if len(beside) == 1 else None)

    def applied(self, activation: str, axis_size: int | None, before: TensorV, place: Place) -> None:
        """A softmax or sigmoid is applied to a tensor."""
        fact = Applied(activation, axis_size, place.chunk.code(place.node))
        self._add(
            Kind.ACTIVATION, place, [Site(Kind.ACTIVATION, _NOWHERE, self.output(before, None), applied=fact)]
        )

    def half_precision(self, tensor: TensorV, dtype: str, place: Place) -> None:
        """The activation that ends a model is computed in float16 or bfloat16."""
        output = replace(self.output(tensor, None), half_precision=dtype)
        self._add(Kind.LAYER, place, [Site(Kind.LAYER, _NOWHERE, output)])

    def cutoff(self, threshold: float, spelled: str, tensor: TensorV, place: Place) -> None:
        """A prediction is compared with a constant; the loss of its model says whether that is right."""
        site = Site(Kind.CUTOFF, _NOWHERE, self.output(tensor, None), cutoff=Cutoff(threshold, spelled))
        self._add(Kind.CUTOFF, place, [site], self._partners.owner(tensor))

    def _add(
        self,
        kind: Kind,
        place: Place,
        sites: list[Site],
        owner: Owner | None = None,
        partner: Place | None = None,
    ) -> None:
        if not sites:
            return
        for capture in self._captures:
            capture.sites += kind is Kind.LOSS
        if self._batch is None:
            self._commit(Meeting(kind, place, dict.fromkeys(sites, owner), partner))
            return
        key = (kind, place.key, sites[0].output.name)
        meeting = self._batch.setdefault(key, Meeting(kind, place, {}, partner))
        meeting.sites.update(dict.fromkeys(sites, owner))
        meeting.partner = partner if meeting.partner == partner else None

    @contextmanager
    def together(self) -> Iterator[None]:
        """What meets at one place meanwhile are alternatives of one site: one of them happens."""
        outermost = self._batch is None
        if self._batch is None:
            self._batch = {}
        try:
            yield
        finally:
            if outermost:
                batch, self._batch = self._batch, None
                for meeting in batch.values():
                    self._commit(meeting)

    @property
    def plural(self) -> bool:
        """Whether what is recorded now may have alternatives that are still to come."""
        return self._batch is not None

    def _commit(self, meeting: Meeting) -> None:
        if meeting.kind is Kind.ACTIVATION and not any(matters(site) for site in meeting.sites):
            return
        owners = tuple(meeting.sites.values())
        key = (meeting.kind, meeting.place.key, tuple(map(facts_of, meeting.sites)), tuple(map(id, owners)))
        draft = self._index.get(key)
        if draft is None:
            draft = Draft(meeting.kind, meeting.place, tuple(meeting.sites), owners, partner=meeting.partner)
            self._index[key] = draft
            self.drafts.append(draft)
        if meeting.kind is Kind.LOSS and self._compiling is not None:
            self._compiled[id(self._compiling)].append(draft)

    # -- to the waist ----------------------------------------------------------------------------
    def output(self, value: Value, name: str | None) -> Output:
        """The waist's view of a tensor."""
        if not isinstance(value, TensorV):
            reason = value.reason if isinstance(value, Unknown) else Undecided(Why.UNSUPPORTED, "the output")
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
        source = scale_source(value)
        if source is not None:
            self._scaled_by[made] = source
        return made

    def locate(self, place: Place) -> Location:
        return place.chunk.module.locate(place)

    def steps(self, hops: tuple[Hop, ...]) -> Trail:
        return Trail(hops[:MAX_HOPS])

    def finish(self) -> list[Site]:
        """All sites, located; losses that met nothing are undecided ones."""
        sites = list(dict.fromkeys(self._site(draft) for draft in cutoffs_joined(self.drafts)))
        for key, loss in self.built.items():
            if key not in self.met:
                sites.append(self._lonely(key, loss))
        return sites

    def _site(self, draft: Draft) -> Site:
        location = self.locate(draft.place)
        beside = draft.partner
        pairs: tuple[Site, ...] = ()
        for pair, owner in zip(draft.pairs, draft.owners, strict=True):
            if owner is not None:
                partner, beside = self._partners.of(owner)
                pair = pair.at(partner=partner)
            pairs += (pair,)
        if draft.labels and len({(one.encoding, one.classes) for one in draft.labels}) == 1:
            pairs = tuple(pair.at(labels=pair.labels or draft.labels[0]) for pair in pairs)
        pairs = tuple(
            pair.at(location=location, edits=self._edits(pair, draft.place, beside)) for pair in pairs
        )
        return pairs[0] if len(pairs) == 1 else pairs[0].at(alternatives=pairs)

    def _edits(self, pair: Site, place: Place, partner: Place | None) -> Edits | None:
        return self._editor.describe(
            pair,
            place,
            layer=self._scaled_by.get(pair.output),
            partner=self.locate(partner) if partner is not None else None,
            shared=place.key in self._plain,
        )

    def _lonely(self, key: tuple[int, int], loss: LossV) -> Site:
        given = key in self.escapes
        why = Why.EXTERNAL if given else Why.NO_OUTPUT
        detail = (
            "the loss is given to code outside the project"
            if given
            else "no code that was read gives it an output"
        )
        facts = next(fact for _, fact in losses_of(self.run, loss))
        return Site(Kind.LOSS, self.locate(loss.place), Output.unknown(why, detail), loss=facts)


_NOWHERE = Location("")
