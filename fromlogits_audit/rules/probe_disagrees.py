"""
## What it does
Compares what a saved model declares with what it returns. `--probe` loads the model, feeds it seeded
inputs of small and large scale and measures range and sums of its outputs; this rule reports an output
whose measurements contradict the activation in the file's structure.

## Why it is wrong
Whoever reads the structure (people, and every other rule here) takes the output for something that it is
not: a `softmax` whose rows do not sum to one, a linear layer that only ever returns probabilities. The
usual causes are a config that was edited by hand, a custom object that replaces a layer of Keras, and a
conversion that lost the last layer.

## Example
```python
import keras

inputs = keras.Input((20,))
outputs = keras.layers.Dense(10, activation="softmax")(inputs)
model = keras.Model(inputs, outputs)
model.save("classifier.keras")  # FLA802 where config.json is edited to say something else afterwards
```

## Use instead
```python
import keras

inputs = keras.Input((20,))
scores = keras.layers.Dense(10)(inputs)
model = keras.Model(inputs, keras.layers.Softmax()(scores))
model.save("classifier.keras")
```

## Fix safety
There is no automatic fix: somebody has to say which of the two is meant.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import output_words


def check(site: Site) -> Finding | None:
    measured = site.measured
    if measured is None or not site.output.known or not measured.known:
        return None
    numbers = measured.reason.detail if measured.reason is not None else ""
    problem = f"The {output_words(site.output)} is declared as {site.output.scale.value}, but measures as "
    problem += f"{measured.scale.value}{f' ({numbers})' if numbers else ''}."
    told = "Every verdict that rests on the declared structure is in doubt."
    return RULE.report(
        site, f"{problem} {told}", "find out which of the two is meant, and save the model anew"
    )


RULE = Rule(
    code="FLA802",
    name="probe-disagrees",
    severity=Severity.ERROR,
    summary="(saved models) the measured outputs contradict the declared activation",
    check=check,
    kinds=frozenset({Kind.MODEL}),
    page=__doc__,
)
