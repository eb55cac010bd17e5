"""What a model was compiled with last, and what its ``fit`` was given since: labels and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace

from fromlogits_audit.interp.drafts import Draft
from fromlogits_audit.interp.keras_values import MetricV
from fromlogits_audit.interp.values import Place, Value
from fromlogits_audit.ir import Kind, Labels, Site
from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class Measuring:
    """A metric of the project's own runs on an output whose loss is ``partner``, None where not known."""

    partner: Value | None


@dataclass
class Compiles:
    """The losses and metrics of every model's last compile."""

    _current: Value | None = None
    """The model that is being compiled."""
    _losses: dict[int, list[Draft]] = field(default_factory=dict)
    _metrics: dict[int, list[tuple[str, Place]]] = field(default_factory=dict)
    """The names that Keras logs metrics under, and where these stand."""
    _callbacks: dict[tuple[int, int], str] = field(default_factory=dict)
    """The first callback that watches the metric at a place."""

    @contextmanager
    def compiling(self, model: Value) -> Iterator[None]:
        """Losses and metrics that meet outputs now are those of the model's compile, until the next."""
        before, self._current = self._current, model
        self._losses[id(model)] = []
        self._metrics[id(model)] = []
        try:
            yield
        finally:
            self._current = before

    def note_draft(self, draft: Draft) -> None:
        """A site was made, or met again."""
        if draft.kind is Kind.LOSS and self._current is not None:
            self._losses[id(self._current)].append(draft)
            draft.labels.setdefault((id(self._current), False), [])

    def note_metric(self, metric: MetricV, output: str | None) -> None:
        """A metric meets an output; where there are several, Keras logs it as ``output_name``."""
        if self._current is not None and metric.label is not None:
            label = metric.label if output is None else f"{output}_{metric.label}"
            self._metrics[id(self._current)].append((label, metric.place))

    # -- fit -------------------------------------------------------------------------------------
    def note_labels(
        self, model: Value, labels: Labels, output: str | None, *, several: bool, held: bool
    ) -> None:
        """``fit`` or ``evaluate`` gives a compiled model labels, or one of its outputs; ``held``: to validate
        it.

        ``several``: they are as told only where there are more than two classes, so not on two units.
        """
        for draft in self._losses.get(id(model), []):
            named = output is None or all(pair.output.name == output for pair in draft.pairs)
            if named and not (several and any(pair.output.units == 2 for pair in draft.pairs)):
                draft.labels.setdefault((id(model), held), []).append(labels)

    def note_monitor(self, model: Value, monitor: str, callback: str) -> None:
        """``fit`` is given a callback that decides by ``monitor``: ``val_accuracy`` or its like."""
        for label, place in self._metrics.get(id(model), []):
            if label == monitor.removeprefix("val_"):
                self._callbacks.setdefault(place.key, callback)

    def watched(self, place: Place) -> Callable[[Site], Site]:
        """How to put the callback that watches it into a site of the metric at a place."""
        callback = self._callbacks.get(place.key)

        def tell(site: Site) -> Site:
            if callback is None or site.metric is None:
                return site
            return site.at(metric=replace(site.metric, monitored=callback))

        return tell
