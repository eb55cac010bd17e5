"""The waist's view of losses and metrics: plain facts out of abstract values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, compatible
from fromlogits_audit.interp.drafts import (
    MAX_HOPS,
    Trail,
)
from fromlogits_audit.interp.keras_values import LossV, MetricV
from fromlogits_audit.interp.truth import conditions, truth
from fromlogits_audit.interp.values import (
    ALWAYS,
    Choice,
    Const,
    Guard,
    Unknown,
    Value,
)
from fromlogits_audit.ir import (
    Family,
    Form,
    Loss,
    Metric,
    Undecided,
    Why,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def losses_of(run: Run, value: Value, predicted: Value | None = None) -> Iterable[tuple[Guard, Loss]]:
    """The facts of a loss, one for each value that ``from_logits`` may have, and what that assumes."""
    if not isinstance(value, LossV):
        why = (
            value.reason
            if isinstance(value, Unknown)
            else Undecided(Why.OPAQUE_LOSS, "not a loss that is known")
        )
        yield ALWAYS, Loss("custom:unknown", Family.UNKNOWN, form=Form.CUSTOM, reason=why)
        return
    spec = value.spec
    if value.refused is not None:
        yield ALWAYS, Loss(spec.name, Family.UNKNOWN, form=value.form, reason=value.refused)
        return
    for guard, flag in _flags(run, value.from_logits, predicted):
        known = bool(flag.value) if isinstance(flag, Const) else None
        reason: Undecided | None = flag.reason if isinstance(flag, Unknown) else None
        if flag is not None and known is None and reason is None:
            reason = Undecided(Why.RUNTIME, "the value of from_logits")
        yield (
            guard,
            Loss(
                name=spec.name,
                family=spec.family,
                from_logits=True if value.always_logits else known,
                sparse=spec.sparse,
                form=value.form,
                spelled=_spelling(value),
                misuse=value.misuse,
                always_logits=value.always_logits,
                focal=spec.focal,
                explicit=value.explicit,
                across=value.across,
                reason=reason,
                trace=Trail(value.trace[:MAX_HOPS]),
            ),
        )


def _flags(run: Run, flag: Value | None, predicted: Value | None) -> list[tuple[Guard, Value | None]]:
    """The values of ``from_logits``; an unknown one that chose the output is both in turn."""
    rows: list[tuple[Guard, Value | None]] = []
    options = alternatives(flag, run.state.guard) if flag is not None else [(ALWAYS, None)]
    for guard, option in options:
        known = truth(run.state, option) if isinstance(option, Unknown) else None
        if known is not None:
            rows.append((guard, Const(known)))
        elif isinstance(option, Unknown) and isinstance(predicted, Choice):
            yes, no = conditions(run.state, option)
            asked = {key for key, _ in yes}
            if any(key in asked for other, _ in predicted.alternatives for key, _ in other):
                rows += [(guard | yes, Const(True)), (guard | no, Const(False))]
            else:
                rows.append((guard, option))
        else:
            rows.append((guard, option))
    return rows


def metrics_of(run: Run, value: MetricV, predicted: Value) -> Iterable[tuple[Guard, Metric]]:
    """The facts of a metric, one for each flag and threshold that it may have, and what that assumes."""
    cuts = alternatives(value.threshold, run.state.guard) if value.threshold is not None else [(ALWAYS, None)]
    for guard, flag in _flags(run, value.from_logits, predicted):
        for other, cut in cuts:
            if compatible(guard, other):
                yield guard | other, _metric(value, flag, cut)


def _metric(value: MetricV, flag: Value | None, cut: Value | None) -> Metric:
    unknown = next((v.reason for v in (flag, cut) if isinstance(v, Unknown)), None)
    threshold = float(cut.value) if isinstance(cut, Const) and isinstance(cut.value, (int, float)) else None
    return Metric(
        name=value.spec.name,
        family=value.spec.family,
        from_logits=bool(flag.value) if isinstance(flag, Const) else None,
        threshold=threshold,
        form=value.form,
        spelled=value.place.chunk.code(value.place.node),
        misuse=value.misuse,
        reason=unknown,
    )


def _spelling(loss: LossV) -> str:
    return loss.place.chunk.code(loss.place.node)
