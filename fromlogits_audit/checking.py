"""Checking a model in memory: sites from :mod:`fromlogits_audit.live`, judged by the rules.

:func:`check_model` returns a report and never prints; :func:`assert_loss_consistent` is for tests.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fromlogits_audit.catalogue.losses import inferred_string
from fromlogits_audit.config import Settings, codes
from fromlogits_audit.errors import UsageError
from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Status, Why
from fromlogits_audit.live.runtime import library_of, version_of
from fromlogits_audit.live.sites import LiveModel
from fromlogits_audit.models import LIVE, ModelLoss, ModelOutput, ModelReport
from fromlogits_audit.outcome import LISTED, Reported, once, site_key, undecided
from fromlogits_audit.report import Report
from fromlogits_audit.rules.judge import Judged, judge


class LossMismatch(AssertionError):
    """A loss or metric does not fit the output that it meets. ``report`` holds every fact."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


def check_model(model: Any, x: Any = None, y: Any = None, loss: Any = None) -> Report:
    """Check a Keras model in memory against its compiled losses and metrics, or against ``loss``.

    ``model`` is a model of Keras 3 (TensorFlow, JAX or PyTorch) or tf_keras. ``x`` is one batch of inputs as
    the model takes them: where the structure does not show what an output is, the model is called on it
    once, in inference mode. ``y`` are the labels of that batch: their encoding and classes are compared with
    the losses and outputs. ``loss`` is whatever ``compile(loss=...)`` takes, or a constructor expression as
    text (``"CategoricalCrossentropy(from_logits=True)"``).

    Returns a report: ``findings``, ``sites`` with their verdicts, ``models`` with the outputs. Raises
    UsageError where ``model`` is no Keras model or ``loss`` no loss.
    """
    return report_on([read_model(model, x, y, loss)])


def read_model(model: Any, x: Any = None, y: Any = None, loss: Any = None) -> LiveModel:
    """The facts that :func:`check_model` judges."""
    from fromlogits_audit.live.observed import Observation
    from fromlogits_audit.live.sites import doubted, sites_of

    library = library_of(model)
    if library is None or not hasattr(model, "compile"):
        raise UsageError(f"{type(model).__name__} is no Keras model.")
    with Observation(model, x) as seen:
        found = sites_of(model, y, _parsed(loss, library), fill=seen.fill, follow=seen.follow)
    return doubted(found, model) if loss is None else found


def _parsed(loss: Any, library: str) -> Any:
    """A constructor expression as the stored form of what it builds; anything else as it is.

    Raises UsageError for a text that neither is one nor names a loss of Keras or one that is registered.
    """
    if isinstance(loss, str) and not loss.isidentifier():
        from fromlogits_audit.saved.spec import parse_loss

        return parse_loss(loss)
    if isinstance(loss, str) and not inferred_string(loss):
        try:
            sys.modules[library].losses.get(loss)
        except ValueError as error:
            raise UsageError(f"{library} knows no loss {loss!r}.") from error
    return loss


def report_on(models: Sequence[LiveModel], settings: Settings | None = None) -> Report:
    """The report of models in memory. A model of several calls is there once for each."""
    settings = settings or Settings()
    judged = [judge(site) for one in models for site in (*one.sites, *one.inner)]
    listed = sorted((one for one in judged if one.site.kind in LISTED), key=site_key)
    found = [finding for one in judged for finding in one.findings]
    found += [_undecided(one) for one in listed if one.status is Status.UNDECIDED]
    return Report(
        findings=tuple(Reported(settings, None).of(once(found))),
        sites=tuple(listed),
        runtime=models[0].runtime if models else Report().runtime,
        files=len(models),
        models=tuple(_model(one) for one in models),
    )


def _undecided(one: Judged) -> Finding:
    mend = "" if one.site.output.known else "a batch of inputs (x) measures what the structure does not show"
    if one.reason is not None and one.reason.why is Why.UNSUPPORTED:
        mend = "`fromlogits-audit run` watches what reaches the loss"
    return replace(undecided(one), help=mend)


def _model(one: LiveModel) -> ModelReport:
    library = "tf_keras" if one.runtime.keras == 2 else "keras"
    return ModelReport(
        one.location.path,
        LIVE,
        version_of(library) or None,
        tuple(ModelOutput(output.name, output.output, output.evidence) for output in one.outputs),
        tuple(ModelLoss(site.output.name, site.loss) for site in one.sites if site.loss is not None),
    )


# -- for tests -----------------------------------------------------------------------------------
def assert_loss_consistent(
    model: Any,
    x: Any = None,
    y: Any = None,
    loss: Any = None,
    *,
    ignore: Sequence[str] = (),
    strict: bool = False,
) -> None:
    """Raise LossMismatch, an AssertionError, where :func:`check_model` finds anything.

    ``ignore`` are codes or prefixes of rules that do not count. With ``strict`` a loss that could not be
    decided fails too.
    """
    settings = Settings(ignore=codes(ignore), strict=strict)
    report = report_on([read_model(model, x, y, loss)], settings)
    if report.findings:
        raise LossMismatch(describe(report), report)


def describe(report: Report) -> str:
    """The findings of a report as the message of an exception or a warning: what, why, how to mend it."""
    from fromlogits_audit.reporters.interface import Style
    from fromlogits_audit.reporters.text import render

    return render(report, Style()).rstrip("\n")
