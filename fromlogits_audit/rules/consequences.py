"""What a mistake does on each Keras runtime, in numbers where there are any.

The formulas are exact lower bounds; the clauses say what was measured on Keras 3.15 with
TensorFlow 2.21, JAX 0.10 and PyTorch 2.13, and on tf_keras 2.21. On TensorFlow, Keras looks
for the values before a softmax or sigmoid (``_get_logits``) and falls back to them; the other
backends do not, and none does across a Reshape, a cast or a training-time Dropout.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import e, exp, inf, isfinite, log, log1p

from fromlogits_audit.ir import Family, Form, Loss, Output, Runtime

EPSILON = 1e-7
"""``keras.config.epsilon()``: where Keras clips probabilities."""


class Engine(str, Enum):
    """A runtime with a behaviour of its own."""

    KERAS2 = "Keras 2"
    TENSORFLOW = "TensorFlow"
    JAX = "JAX"
    TORCH = "PyTorch"


Told = Mapping[Engine, str]
"""A clause for each engine, with a subject of its own and without a full stop."""

_BACKENDS = {"tensorflow": Engine.TENSORFLOW, "jax": Engine.JAX, "torch": Engine.TORCH}


def engines(runtime: Runtime) -> tuple[Engine, ...]:
    """The engines that may run the code; all of them where the project pins nothing."""
    if runtime.keras == 2:
        return (Engine.KERAS2,)
    chosen = _BACKENDS.get(runtime.backend or "")
    three = tuple(_BACKENDS.values()) if chosen is None else (chosen,)
    if runtime.keras is None and Engine.TENSORFLOW in three:
        return (Engine.KERAS2, *three)
    return three


def everywhere(clause: str) -> Told:
    return dict.fromkeys(Engine, clause)


def by_engine(tensorflow: str, others: str, keras2: str | None = None) -> Told:
    """TensorFlow apart from JAX and PyTorch; Keras 2 as TensorFlow unless given."""
    return {
        Engine.KERAS2: tensorflow if keras2 is None else keras2,
        Engine.TENSORFLOW: tensorflow,
        Engine.JAX: others,
        Engine.TORCH: others,
    }


def tell(told: Told, runtime: Runtime) -> str:
    """One sentence for the runtimes that count, those that behave alike named together."""
    groups: dict[str, list[Engine]] = {}
    for engine in engines(runtime):
        groups.setdefault(told[engine], []).append(engine)
    if len(groups) == 1:
        return _sentence(next(iter(groups)))
    return _sentence("; ".join(f"on {_names(group, groups)} {clause}" for clause, group in groups.items()))


def _names(group: list[Engine], groups: Mapping[str, list[Engine]]) -> str:
    names = [engine.value for engine in group if not _covered(engine, group)]
    apart = [Engine.KERAS2] in groups.values() and Engine.TENSORFLOW in group
    text = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    return text.replace("TensorFlow", "Keras 3 with TensorFlow") if apart else text


def _covered(engine: Engine, group: list[Engine]) -> bool:
    """Keras 2 always runs on TensorFlow, so that name says both."""
    return engine is Engine.KERAS2 and Engine.TENSORFLOW in group


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


# The numbers.


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


def categorical_floor(low: float, high: float, classes: int) -> float:
    """The least cross-entropy that logits between ``low`` and ``high`` can reach.

    It is reached by ``high`` for the right class and ``low`` for the ``classes - 1`` others.
    """
    return log1p((classes - 1) * exp(low - high))


def softmax_floor(classes: int) -> float:
    """``log(e + K - 1) - 1``: the floor where probabilities are taken for logits."""
    return log(e + classes - 1) - 1


def softmax_ceiling(classes: int) -> float:
    """The highest probability that a softmax of probabilities can give: ``e / (e + K - 1)``."""
    return e / (e + classes - 1)


def binary_floors(low: float, high: float) -> tuple[float, float]:
    """The least binary cross-entropy of a positive and of a negative label for such logits."""
    return log1p(exp(-high)), log1p(exp(low))


RANGES: dict[str, tuple[float, float]] = {
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, inf),
    "exponential": (0.0, inf),
    "squareplus": (0.0, inf),
    "sparse_plus": (0.0, inf),
}
"""The values an activation can take, by its Keras string."""


def softmax_floor_words(output: Output, loss: Loss) -> str:
    """What the floor is here: the loss for plain cross-entropies, the probability for focal ones."""
    classes = output.units
    if loss.focal:
        share = f"e / (e + K - 1), {softmax_ceiling(classes or 10):.1%} for {classes or 10} classes"
        return f"no class can get a probability above {share}"
    if classes is None:
        return f"the loss cannot fall below log(e + K - 1) - 1 for K classes ({softmax_floor(10):.3f} for 10)"
    floor = f"{softmax_floor(classes):.3f}, which is log(e + K - 1) - 1 for K = {classes} classes"
    return f"the loss cannot fall below {floor}"


def sigmoid_floor_words(loss: Loss) -> str:
    """What values between 0 and 1 cost at least when they are taken for binary logits."""
    if loss.focal:
        return f"every probability lies between 0.5 and {sigmoid(1.0):.3f}"
    positive, negative = binary_floors(0.0, 1.0)
    return f"the loss stays above {positive:.4f} for positives and {negative:.4f} for negatives"


_MIXED = "the values before and after the activation are mixed in one loss"
_FOUND = ("softmax", "sigmoid")
"""The activations behind which Keras on TensorFlow looks for the values."""


def _never_looked_behind(output: Output, loss: Loss) -> bool:
    return loss.form is Form.OP or output.activation not in (*_FOUND, None)


def activation_again(name: str, output: Output, loss: Loss) -> Told:
    """Softmax (sigmoid) output into a loss of its own kind that applies it again.

    Focal losses of Keras 3 never look behind the activation, those of Keras 2 do.
    """
    silent = f"{name} is silently applied twice"
    rescued = (
        f"Keras warns and uses the values before the {name}, but only while nothing (a Reshape, a cast) "
        "stands between"
    )
    if _never_looked_behind(output, loss):
        return everywhere(silent)
    if not loss.focal:
        return by_engine(rescued, silent)
    return by_engine(silent, silent, keras2=_MIXED if loss.family is Family.BINARY else rescued)


def substituted(name: str, wanted: str, documented: str, output: Output, loss: Loss) -> Told:
    """Softmax into binary, or sigmoid into categorical cross-entropy.

    ``name`` is the activation of the output, ``wanted`` the one of the loss and ``documented``
    what happens where the values are taken as they are.
    """
    if _never_looked_behind(output, loss):
        return everywhere(documented)
    if loss.from_logits is None:
        return everywhere("neither value of from_logits makes that right")
    how = "warns and" if loss.from_logits else "silently"
    replaced = (
        f"Keras {how} trains {wanted} of the values before the {name}, so predict() returns something else "
        "than what was trained"
    )
    if not loss.focal:
        return by_engine(replaced, documented)
    if loss.family is Family.CATEGORICAL:
        return by_engine(documented, documented, keras2=replaced)
    return by_engine(documented if loss.from_logits else _MIXED, documented, keras2=_MIXED)


def clipped_floor_words(output: Output, binary: bool) -> str:
    """What the range of the activation costs where it is taken for logits."""
    low, high = RANGES.get(output.activation or "", (-inf, inf))
    if not isfinite(low):
        return "part of the logits cannot be expressed"
    if binary:
        return f"a negative label costs at least {binary_floors(low, high)[1]:.4f}"
    if isfinite(high) and output.units:
        floor = categorical_floor(low, high, output.units)
        return f"the loss cannot fall below {floor:.3f} ({output.units} classes)"
    return f"no logit below {low:g} can be expressed"
