"""What a report says of one saved model: plain data that the reporters show."""

from __future__ import annotations

from enum import Enum

from fromlogits_audit.ir import Loss, Output
from fromlogits_audit.lean import dataclass

LIVE = "live"
"""The format of a model that is no file."""


class Evidence(str, Enum):
    """How an output's scale is known."""

    STRUCTURE = "structure"
    PROBE = "probe"
    """Measured: the model was loaded and fed with seeded inputs."""


@dataclass(frozen=True)
class ModelOutput:
    """One output. ``name`` is its dict or signature key, else its layer; ``output.name`` is None where
    the model has only one."""

    name: str
    output: Output
    evidence: Evidence = Evidence.STRUCTURE


@dataclass(frozen=True)
class ModelLoss:
    """A loss that meets an output: stored in the model, or given to the run."""

    output: str | None
    loss: Loss


@dataclass(frozen=True)
class ModelReport:
    """One model. ``format`` is ``keras-v3``, ``h5`` or ``saved-model``, ``live`` for one in memory; ``path``
    as the report shows it. ``advice``: what would tell more of an output that is unknown."""

    path: str
    format: str
    keras_version: str | None
    outputs: tuple[ModelOutput, ...] = ()
    losses: tuple[ModelLoss, ...] = ()
    unsafe: tuple[str, ...] = ()
    advice: str = ""
