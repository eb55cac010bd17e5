"""The words that messages share: what an output is called, how a loss is named, how it is mended."""

from __future__ import annotations

from fromlogits_audit.ir import Form, Loss, Metric, Output, Scale, Site

_SCALE_WORDS = {
    Scale.LOGITS: "linear",
    Scale.PROBABILITIES: "softmax",
    Scale.INDEPENDENT: "sigmoid",
    Scale.LOG_PROBABILITIES: "log_softmax",
    Scale.BOUNDED: "bounded",
    Scale.NON_NEGATIVE: "non-negative",
    Scale.UNKNOWN: "unknown",
}

_LONGEST = 80
"""Characters of source that a message quotes at most."""


def units_words(units: int) -> str:
    return "1 unit" if units == 1 else f"{units} units"


def output_words(output: Output) -> str:
    """``softmax output of 10 units``, ``linear output 'aux'`` ..."""
    words = f"{output.activation or _SCALE_WORDS[output.scale]} output"
    if output.name is not None:
        words += f" '{output.name}'"
    return words if output.units is None else f"{words} of {units_words(output.units)}"


def quoted(spelled: str, name: str) -> str:
    """The source text in backticks, cut at its opening bracket where it is long."""
    text = " ".join(spelled.split()) or name
    if len(text) > _LONGEST:
        text = text.partition("(")[0][:_LONGEST] + "(...)"
    return f"`{text}`"


def loss_words(loss: Loss) -> str:
    """The loss as it is spelled, with its flag where the spelling does not show it."""
    words = quoted(loss.spelled, loss.name)
    if loss.from_logits is None or loss.always_logits or "from_logits" in words:
        return words
    if loss.explicit:
        return f"{words} with from_logits={loss.from_logits}"
    return f"{words} (from_logits={loss.from_logits} by default)"


def metric_words(metric: Metric) -> str:
    """The metric as it is spelled, with its class where the spelling is only a string."""
    words = quoted(metric.spelled, metric.name)
    return words if metric.name in words else f"{words} ({metric.name})"


def flagged(site: Site) -> str:
    """How to write the loss of a site so that it takes logits."""
    loss = site.loss
    if loss is None or loss.is_custom or loss.form in (Form.CALL, Form.CUSTOM, Form.OP) or _is_derived(loss):
        return "from_logits=True"
    return f"`{prefix(site, 'losses')}{loss.name}(from_logits=True)`"


def prefix(site: Site, module: str) -> str:
    """What the file writes before the names of a module of Keras."""
    known = site.edits.prefix if site.edits is not None else None
    return f"keras.{module}." if known is None else known


def _is_derived(loss: Loss) -> bool:
    """Whether the loss is an instance of a class of another name: one of the project's own."""
    called = loss.spelled.partition("(")[0].rpartition(".")[2]
    return loss.form is Form.INSTANCE and "(" in loss.spelled and called.strip() != loss.name


def only_by_op(loss: Loss) -> bool:
    """Whether the flag is in the function's name, so that no argument can change it."""
    return loss.always_logits or loss.form is Form.OP
