"""
## What it does
Finds labels of a known number of classes that reach a categorical cross-entropy on an output with another
number of units: one-hot labels of any other width, and class numbers that go beyond the units.

## Why it is wrong
One-hot labels of K classes and an output of U units are two shapes that do not fit: the first batch raises.
A class number that has no unit is worse, because not everything notices: TensorFlow on a CPU and PyTorch
raise, while JAX counts the sample as a loss of 0 and trains on.

More units than class numbers are right: some units stay unused. How many classes there are is known of
ready data sets, of `class_names`, of `to_categorical(y, n)` and `tf.one_hot(y, n)`, of literal lists; not of
what was filtered, sliced or recoded since.

## Example
```python
import keras

(x_train, y_train), _ = keras.datasets.mnist.load_data()
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(9, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(x_train / 255.0, y_train)
```

## Use instead
```python
import keras

(x_train, y_train), _ = keras.datasets.mnist.load_data()
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(x_train / 255.0, y_train)
```

## Fix safety
No fix is offered: which of the two numbers is right, only the author knows.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, LabelEncoding, Loss, Site
from fromlogits_audit.rules import consequences
from fromlogits_audit.rules.consequences import Engine, Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.labels import encoding_into
from fromlogits_audit.rules.wording import loss_words, output_words, units_words

_IGNORING = "ignore_class"
"""The argument that lets a loss pass over one class number, which may lie beyond the units."""


def check(site: Site) -> Finding | None:
    labels, units = site.labels, site.output.units
    if labels is None or labels.classes is None or units is None or units < 2 or labels.classes < 2:
        return None
    one_hot = encoding_into(site, LabelEncoding.ONE_HOT, sparse=False)
    if one_hot is not None and labels.classes != units:
        return _report(site, one_hot, labels.classes, "one-hot labels", _told_one_hot())
    numbers = encoding_into(site, LabelEncoding.INTEGER, sparse=True)
    if numbers is not None and labels.classes > units and _IGNORING not in numbers.spelled:
        return _report(site, numbers, labels.classes, "class numbers", told_of_class_numbers(units))
    return None


def _report(site: Site, loss: Loss, classes: int, words: str, told: Told) -> Finding:
    problem = f"The {output_words(site.output)} meets {words} of {classes} classes in {loss_words(loss)}."
    return RULE.report(
        site,
        problem,
        f"give the output {units_words(classes)}, or the labels as many classes as it has units",
        effect=consequences.tell(told, site.runtime),
        labels=site.labels,
    )


def _told_one_hot() -> Told:
    return consequences.everywhere("the first batch raises an error about shapes")


def told_of_class_numbers(units: int) -> Told:
    """What class numbers beyond the units do."""
    raises = f"the first batch with a class number of {units} or more raises an error"
    silent = f"samples with a class number of {units} or more silently count as a loss of 0"
    return {**consequences.everywhere(raises), Engine.JAX: silent}


RULE = Rule(
    code="FLA503",
    name="units-do-not-fit-labels",
    severity=Severity.ERROR,
    summary="labels of K classes into a categorical cross-entropy on an output of other units",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
