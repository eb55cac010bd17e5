"""The table of saved models in the text report: what each output is, its loss, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from fromlogits_audit.ir import Kind, Loss, Status
from fromlogits_audit.models import Evidence, ModelOutput, ModelReport
from fromlogits_audit.report import Report
from fromlogits_audit.reporters.excerpt import visible
from fromlogits_audit.rules.judge import Judged

_HEADLINE = ("output", "scale", "activation", "units", "evidence", "loss", "verdict")
Row = tuple[str, ...]


def tables(report: Report) -> Iterator[str]:
    """The lines of all tables, an empty one after each."""
    for model in report.models or ():
        yield visible(f"{model.path}  ({model.format}, {_version(model)})")
        yield from _aligned([_HEADLINE, *_rows(model, report)])
        yield from _reasons(model)
        yield ""


def _version(model: ModelReport) -> str:
    return f"Keras {model.keras_version}" if model.keras_version else "Keras version unknown"


def _rows(model: ModelReport, report: Report) -> Iterator[Row]:
    sites = [
        one for one in report.sites if one.site.location.path == model.path and one.site.kind is Kind.LOSS
    ]
    for one in model.outputs:
        met = [judged for judged in sites if judged.site.output.name == one.output.name]
        for judged in met:
            yield (*_facts(one), _loss(judged.site.loss), _verdict(judged))
        if not met:
            yield (*_facts(one), "-", "no loss")
    known = {one.output.name for one in model.outputs}
    for judged in sites:
        if judged.site.output.name not in known:
            name = str(judged.site.output.name)
            yield (name, "unknown", "?", "?", "-", _loss(judged.site.loss), _verdict(judged))


def _facts(one: ModelOutput) -> Row:
    output = one.output
    units = "?" if output.units is None else str(output.units)
    return one.name, output.scale.value, output.activation or "?", units, one.evidence.value


def _loss(loss: Loss | None) -> str:
    if loss is None:
        return "-"
    return loss.name if loss.from_logits is None else f"{loss.name}(from_logits={loss.from_logits})"


def _verdict(judged: Judged) -> str:
    return ", ".join(judged.codes) if judged.status is Status.FINDING else judged.status.value


def _aligned(rows: list[Row]) -> Iterator[str]:
    shown = [tuple(visible(cell) for cell in row) for row in rows]
    widths = [max(len(row[at]) for row in shown) for at in range(len(_HEADLINE))]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _reasons(model: ModelReport) -> Iterator[str]:
    for one in model.outputs:
        if one.output.reason is not None:
            advice = f"; {model.advice}" if model.advice and one.evidence is not Evidence.PROBE else ""
            yield visible(f"  {one.name} is unknown: {one.output.reason}{advice}")
