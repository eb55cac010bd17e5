"""
## What it does
Finds a metric that cuts predictions at a probability (`BinaryAccuracy`, `Precision`, `Recall`, `AUC`
without `from_logits` ...) on an output that its loss trains as logits: among the metrics of `compile`, in
a metric of your own, or updated by hand in a loop. `"accuracy"` on an output of one unit is such a
metric: Keras makes it `BinaryAccuracy(threshold=0.5)`. Where a callback such as `EarlyStopping` decides by
the metric, the message names it.

## Why it is wrong
A probability of 0.5 is a logit of 0. Cut at 0.5, a logit counts as positive only from a probability of
0.62 on, so the reported accuracy is off (0.875 where the right one is 1.000 in a small example) and early
stopping and model selection follow it. `AUC` spreads its thresholds over 0 ... 1 and cannot tell logits
outside of it apart, whatever `thresholds` it is given. The training itself is right.

A threshold on the scale of the logits is right: `BinaryAccuracy(threshold=0.0)`. One that the program
worked out, such as the logit of 0.7, lies between 0 and 1 as well; it is left undecided. Metrics that
take an argmax are right on every scale.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)
```

## Fix safety
Moving the threshold to 0 is safe: the model and its training stay as they are, the reported numbers
change to the right ones. Beside a categorical cross-entropy there is no such threshold, and no fix: what a
softmax makes of one logit depends on the others.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Form, Kind, Metric, Scale, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.consequences import sigmoid
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import metric_words, output_words, prefix, quoted


def check(site: Site) -> Finding | None:
    metric = site.metric
    if metric is None or site.output.scale is not Scale.LOGITS or site.output.unit_softmax:
        return None
    if not (scales.cuts_probabilities(metric) and scales.meant_as_logits(site)):
        return None
    problem = (
        f"{metric_words(metric)} expects probabilities, but the {output_words(site.output)} holds logits."
    )
    told = _consequence(metric, scales.meant_for_softmax(site))
    return RULE.report(site, f"{problem} {told}", _mend(site, metric), fixes=[fixing.threshold_at_zero(site)])


def _consequence(metric: Metric, softmax: bool) -> str:
    watched = f", and {quoted(metric.monitored, '')} decides by it" if metric.monitored else ""
    if metric.threshold is None:
        return f"It sweeps from 0 to 1 and does not tell logits beyond that apart{watched}."
    cut = f"It counts as positive what is above {metric.threshold:g}"
    if softmax:
        return f"{cut}, whatever probability the softmax makes of that beside the other units{watched}."
    return f"{cut}, which for a logit is a probability of {sigmoid(metric.threshold):.3f}{watched}."


def _mend(site: Site, metric: Metric) -> str:
    if scales.meant_for_softmax(site):
        return "give the metric the softmax of the output, or end the model in one and leave out from_logits"
    if metric.name not in fixing.AT_ZERO:
        return "give the metric the sigmoid of the output"
    name, value = fixing.AT_ZERO[metric.name]
    if metric.form is Form.CALL:
        return f"give it `{name}={value}`"
    return f"write `{prefix(site, 'metrics')}{metric.name}({name}={value})`"


RULE = Rule(
    code="FLA401",
    name="probability-threshold-on-logits",
    severity=Severity.WARNING,
    summary="a metric with a probability threshold on logits",
    check=check,
    kinds=frozenset({Kind.METRIC}),
    page=__doc__,
)
