"""Finds Keras losses that disagree with what their model returns.

Importing this package is cheap: no parser, no TensorFlow. The ways in from Python are
:func:`fromlogits_audit.pipeline.audit_source` for code, and :func:`audit_model` and
:func:`describe_outputs` for saved models; from a shell, ``fromlogits-audit scan`` and ``model``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from fromlogits_audit.models import ModelOutput
    from fromlogits_audit.report import Report

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
