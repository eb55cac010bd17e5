"""Finds Keras losses that disagree with what their model returns.

Importing this package is cheap: no parser, no TensorFlow. The ways in from Python are
:func:`fromlogits_audit.pipeline.audit_source` for code, :func:`audit_model` and :func:`describe_outputs` for
saved models, :func:`check_model`, :func:`assert_loss_consistent` and :class:`LogitsAudit` for models in
memory; from a shell, ``fromlogits-audit scan``, ``model`` and ``run``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from fromlogits_audit.callback import LogitsAudit, LogitsWarning
    from fromlogits_audit.checking import LossMismatch, assert_loss_consistent, check_model
    from fromlogits_audit.models import ModelOutput
    from fromlogits_audit.report import Report

__all__ = [
    "HOMEPAGE",
    "LogitsAudit",
    "LogitsWarning",
    "LossMismatch",
    "__version__",
    "assert_loss_consistent",
    "audit_model",
    "check_model",
    "describe_outputs",
]

__version__ = "0.1.0"
HOMEPAGE = "https://github.com/fromlogits-audit/fromlogits-audit"
"""Where the pages of the rules are read: the links of reports lead there."""


def audit_model(
    path: str | os.PathLike[str],
    *,
    loss: str | None = None,
    source: str | os.PathLike[str] | None = None,
    probe: bool = False,
    trust: bool = False,
) -> Report:
    """Audit one saved model (``.keras``, ``.h5``, SavedModel folder), or all under a folder.

    ``loss`` (a string alias, or a constructor expression such as
    ``"CategoricalCrossentropy(from_logits=True)"``, parsed and never evaluated) takes the place of the
    stored losses; ``source`` takes them from a file or folder of code. Nothing in the file is executed,
    and TensorFlow is not imported, unless ``probe`` asks to load and measure the model in a process of
    its own; ``trust`` lets that deserialise unsafe parts.

    Returns a report: ``findings``, ``sites`` with their verdicts, ``models`` with their outputs. A model
    that can't be read is a finding (FLA001) there. Raises :class:`fromlogits_audit.errors.UsageError`
    where ``path`` does not exist or ``loss`` is no loss.
    """
    from pathlib import Path

    from fromlogits_audit.model_pipeline import ModelOptions, audit_models

    options = ModelOptions(loss, Path(source) if source is not None else None, probe, trust)
    return audit_models([Path(path)], options=options)


def describe_outputs(path: str | os.PathLike[str]) -> list[ModelOutput]:
    """What each output of one saved model is, from its structure: scale, activation, units.

    ``output.reason`` says why where the scale is unknown. Raises
    :class:`fromlogits_audit.errors.InputError` with the reason where the model can't be read.
    """
    from pathlib import Path

    from fromlogits_audit.model_pipeline import describe

    return describe(Path(path))


_LAZY = {
    "LogitsAudit": "callback",
    "LogitsWarning": "callback",
    "LossMismatch": "checking",
    "assert_loss_consistent": "checking",
    "check_model": "checking",
}
"""What loads the rules: imported where it is asked for (PEP 562)."""


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
