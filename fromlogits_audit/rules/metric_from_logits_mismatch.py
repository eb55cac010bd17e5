"""
## What it does
Finds a metric whose `from_logits` contradicts the output: a cross-entropy metric without
`from_logits=True` on logits, or one (or `AUC`) with `from_logits=True` on probabilities. The string
`"sparse_categorical_crossentropy"` among the metrics means `from_logits=False`, and so does a loss that
is given as a metric without its flag, or computed in a metric of your own. Where the loss itself is wrong
about the output, only the loss is reported.

## Why it is wrong
The loss trains the right thing and the metric reports another: 0.226 where the binary cross-entropy is
0.552, in one measured example. Early stopping and model selection by that metric follow a wrong number.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["sparse_categorical_crossentropy"],
)
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True)],
)
```

## Fix safety
Giving the metric the right `from_logits` is safe: the model and its training stay as they are.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.metrics import metric_class
from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Form, Kind, Metric, Scale, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import metric_words, output_words, quoted


def check(site: Site) -> Finding | None:
    metric = site.metric
    if metric is None or metric.misuse or site.output.unit_softmax:
        return None
    if not scales.flag_conflicts(metric, site.output) or scales.loss_has_2xx(site):
        return None
    holds, expects = ("probabilities", "logits") if metric.from_logits else ("logits", "probabilities")
    if site.output.scale is Scale.LOG_PROBABILITIES:
        holds = "log-probabilities"
    output = f"the {output_words(site.output)} holds {holds}"
    problem = f"{metric_words(metric)} expects {expects} (from_logits={metric.from_logits}), but {output}."
    mend = _mend(metric, f"from_logits={not metric.from_logits}")
    return RULE.report(
        site,
        f"{problem} {_consequence(metric)}",
        mend,
        fixes=[fixing.set_metric_flag(site, not metric.from_logits)],
    )


def _mend(metric: Metric, argument: str) -> str:
    if metric.form is Form.CALL or metric_class(f"keras.metrics.{metric.name}") is None:
        return f"give it `{argument}`"
    return f"write `keras.metrics.{metric.name}({argument})`"


_INFERRED = ("ce", "crossentropy")
"""What ``compile`` of Keras 2 takes for the cross-entropy that fits the output."""


def _consequence(metric: Metric) -> str:
    if metric.form is Form.STRING and metric.spelled.strip("\"'").lower() in _INFERRED:
        return "Keras 2 clips the values and reports a number without meaning, Keras 3 raises a ValueError."
    watched = f", and {quoted(metric.monitored, '')} decides by it" if metric.monitored else ""
    if metric.from_logits:
        return f"It squashes probabilities once more and reports a number without meaning{watched}."
    return f"It clips the values to 1e-7 ... 1 - 1e-7 and reports a number without meaning{watched}."


RULE = Rule(
    code="FLA402",
    name="metric-from-logits-mismatch",
    severity=Severity.ERROR,
    summary="a metric whose from_logits conflicts with the output",
    check=check,
    kinds=frozenset({Kind.METRIC}),
    page=__doc__,
)
