"""Which scale goes into which loss: the one decision table behind the 1xx to 3xx rules.

Rows are what a loss expects, columns what an output is. Everything else here says which of
several true statements about a site is the most specific one. Source: the measured behaviour
of Keras 3 on TensorFlow, JAX and PyTorch, and of tf_keras.
"""

from __future__ import annotations

from fromlogits_audit.ir import Family, Form, Kind, Loss, Metric, Output, Runtime, Scale, Site

OK = ""
"""The output is what the loss expects."""

COLUMNS = (
    Scale.LOGITS,
    Scale.PROBABILITIES,
    Scale.INDEPENDENT,
    Scale.LOG_PROBABILITIES,
    Scale.BOUNDED,
    Scale.NON_NEGATIVE,
)

_CE, _BCE, _PROBABILITY = Family.CATEGORICAL, Family.BINARY, Family.PROBABILITY

# fmt: off
_ROWS: dict[tuple[Family, bool | None], tuple[str, ...]] = {
    # expects               logits    softmax   sigmoid   log-prob. bounded   non-negative
    (_CE, True):           (OK,       "FLA101", "FLA301", OK,       "FLA306", "FLA306"),
    (_CE, False):          ("FLA201", OK,       "FLA301", "FLA204", "FLA305", "FLA305"),
    (_BCE, True):          (OK,       "FLA302", "FLA102", "FLA305", "FLA306", "FLA306"),
    (_BCE, False):         ("FLA202", "FLA302", OK,       "FLA305", "FLA305", "FLA305"),
    (_PROBABILITY, None):  ("FLA203", OK,       OK,       OK,       OK,       OK),
}
# fmt: on

TABLE: dict[tuple[Family, bool | None, Scale], str] = {
    (family, from_logits, scale): code
    for (family, from_logits), codes in _ROWS.items()
    for scale, code in zip(COLUMNS, codes, strict=True)
}

CROSS_ENTROPIES = (Family.CATEGORICAL, Family.BINARY)


def code_for(family: Family, from_logits: bool | None, output: Output) -> str | None:
    """The code for one pairing, ``""`` where it is right, None where it cannot be told.

    An unknown flag is told only where both of its values come to the same.
    """
    if family is Family.ANY:
        return OK
    if family is Family.PROBABILITY:
        from_logits = None
    elif family in CROSS_ENTROPIES and from_logits is None:
        both = {code_for(family, flag, output) for flag in (True, False)}
        return both.pop() if len(both) == 1 else None
    code = TABLE.get((family, from_logits, output.scale))
    if code == "FLA305" and family is _CE and output.activation == "exponential":
        return OK  # Keras divides by the sum, and exp(z) / sum(exp(z)) is the softmax
    return code


def effective_flag(loss: Loss) -> bool | None:
    """``from_logits`` as the loss really works, None where unknown or without meaning."""
    return True if loss.always_logits and loss.family in CROSS_ENTROPIES else loss.from_logits


def class_as_loss(loss: Loss, runtime: Runtime) -> bool:
    """Whether the bare class was given where Keras 2 may run: FLA601."""
    return loss.form is Form.CLASS and runtime.keras != 3


LOGITS_OR_LOGARITHMS = (Scale.LOGITS, Scale.LOG_PROBABILITIES)
"""What a softmax of its own makes the same of (measured of CTC)."""


def takes_logits_alone(loss: Loss) -> bool:
    """Whether a loss that no rule is about always takes logits: CTC."""
    return loss.family is Family.ANY and loss.always_logits


def loss_code(site: Site) -> str | None:
    """The most specific code of a loss site (5xx apart), as :func:`code_for` does."""
    loss, output = site.loss, site.output
    if loss is None:
        return None
    if loss.misuse:
        return "FLA602"
    if output.unit_softmax is not None:
        return "FLA303"
    if class_as_loss(loss, site.runtime):
        return "FLA601"
    if loss.family is Family.CATEGORICAL and output.known and output.units == 1 and not loss.across:
        return "FLA304"
    if takes_logits_alone(loss):
        return OK if output.scale in LOGITS_OR_LOGARITHMS else None
    return code_for(loss.family, effective_flag(loss), output)


def is_loss_with(site: Site, code: str) -> bool:
    """Whether this is a loss site whose most specific code is ``code``."""
    return site.kind is Kind.LOSS and loss_code(site) == code


def meant_as_logits(site: Site) -> bool | None:
    """Whether the loss of this output trains it as logits; None where that is not known.

    True needs a cross-entropy with ``from_logits=True`` or a ``*_with_logits`` op. A linear
    unit trained by mean squared error on 0/1 targets is rightly cut at 0.5.
    """
    loss = site.partner
    if loss is None or loss.family is Family.UNKNOWN:
        return None
    return effective_flag(loss) if loss.family in CROSS_ENTROPIES else False


def right_on_every_scale(site: Site, metric: Metric) -> bool:
    """Whether a metric's threshold is right whatever the output is: its loss asks for no scale."""
    loss = site.partner
    if loss is None or loss.family is not Family.ANY or loss.always_logits or site.output.unit_softmax:
        return False
    return metric.family is Family.THRESHOLD and not (metric.from_logits or metric.misuse or metric.reason)


def meant_for_softmax(site: Site) -> bool:
    """Whether the loss of this output takes a softmax over it: no one logit is then a probability of 0.5."""
    return site.partner is not None and site.partner.family is Family.CATEGORICAL


def loss_has_2xx(site: Site) -> bool:
    """Whether the partner loss already has a finding that names the same cause."""
    loss = site.partner
    if loss is None:
        return False
    return (code_for(loss.family, effective_flag(loss), site.output) or "").startswith("FLA2")


METRIC_CONFLICTS = ("FLA101", "FLA102", "FLA201", "FLA202", "FLA204")
"""Where the flag of a cross-entropy metric, and not its choice, is what is wrong."""

_ZERO_TO_ONE = (Scale.PROBABILITIES, Scale.INDEPENDENT)


def flag_conflicts(metric: Metric, output: Output) -> bool | None:
    """Whether a metric's ``from_logits`` contradicts the output; None where not known."""
    if metric.from_logits and output.scale in _ZERO_TO_ONE:
        return True
    if metric.family not in CROSS_ENTROPIES:
        return False
    code = code_for(metric.family, metric.from_logits, output)
    return None if code is None else code in METRIC_CONFLICTS


ARGMAX_WITHOUT_THRESHOLD = ("F1Score", "FBetaScore")
"""Threshold metrics that take an argmax, right on every scale, where no threshold is given."""


_WRITTEN_DECIMALS = 4


def worked_out(threshold: float) -> bool:
    """Whether a threshold has more decimals than a person writes: it may be the logit of a probability.

    That of 0.7 is 0.847298, which lies between 0 and 1 as well.
    """
    return 0.0 < threshold < 1.0 and round(threshold, _WRITTEN_DECIMALS) != threshold


def cuts_probabilities(metric: Metric) -> bool | None:
    """Whether a metric cuts at values that only mean something for probabilities.

    0 is the logit of probability 0.5, and a cut outside of (0, 1) cannot have been meant for
    probabilities. None where the threshold is not known.
    """
    if metric.family is not Family.THRESHOLD or metric.from_logits:
        return False
    if metric.threshold is not None:
        return None if worked_out(metric.threshold) else 0.0 < metric.threshold < 1.0
    if metric.reason is not None:
        return None
    return metric.name not in ARGMAX_WITHOUT_THRESHOLD
