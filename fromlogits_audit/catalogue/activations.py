"""Every activation of Keras 3 and tf_keras, the scale of what it yields, and who computes it.

The tests resolve every function named here in the installed packages, feed each activation
normal noise of a large spread and hold the measured range against the scale of its row.

Where a range fits no word exactly: what is unbounded both ways is ``LOGITS`` (a leak counts), what
is bounded below only is ``NON_NEGATIVE``, also where the bound is a little under zero (elu, gelu,
silu ...), because very negative logits cannot be expressed all the same.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import ActivationSpec
from fromlogits_audit.ir import Scale

_PREFIXES = {
    "A": "keras.activations.",
    "O": "keras.ops.",
    "K": "keras.backend.",
    "N": "tf.nn.",
    "M": "tf.math.",
    "T": "tf.",
    "J": "jax.nn.",
}


def _activation(
    name: str,
    scale: Scale,
    where: str,
    functions: str = "",
    *,
    layers: str = "",
    strings: str = "",
    source: str = "keras.src.activations.activations",
) -> ActivationSpec:
    """A row. ``where`` holds a letter for each module that has a function called ``name``.

    ``functions`` are further ones: dotted names, or ``A:swish`` with the letter of the module.
    """
    names = [_PREFIXES[letter] + name for letter in where]
    for item in functions.split():
        letter, short, rest = item.partition(":")
        names.append(_PREFIXES[letter] + rest if short else item)
    return ActivationSpec(
        name=name,
        scale=scale,
        source=source,
        functions=tuple(names),
        layers=tuple(f"keras.layers.{layer}" for layer in layers.split()),
        strings=tuple(strings.split()),
    )


ACTIVATIONS: tuple[ActivationSpec, ...] = (
    # Scores, unbounded both ways.
    _activation("linear", Scale.LOGITS, "A", "J:identity"),
    _activation("leaky_relu", Scale.LOGITS, "AONJ", layers="LeakyReLU", strings="LeakyReLU"),
    _activation(
        "prelu",
        Scale.LOGITS,
        "",
        layers="PReLU",
        strings="PReLU",
        source="keras.src.layers.activations.prelu",
    ),
    _activation("tanh_shrink", Scale.LOGITS, "AO"),
    _activation("soft_shrink", Scale.LOGITS, "AO"),
    _activation("hard_shrink", Scale.LOGITS, "AO"),
    _activation("glu", Scale.LOGITS, "AOJ"),
    # Probabilities.
    _activation(
        "softmax",
        Scale.PROBABILITIES,
        "AOKNMJ",
        "scipy.special.softmax jax.scipy.special.softmax",
        layers="Softmax",
        strings="Softmax softmax_v2",
    ),
    # Meant to sum to one and treated so; Keras 3.15 was measured to yield sums from 0 to over 1.
    _activation("sparsemax", Scale.PROBABILITIES, "AO"),
    _activation(
        "sigmoid",
        Scale.INDEPENDENT,
        "AOKNMTJ",
        "scipy.special.expit jax.scipy.special.expit",
    ),
    _activation("hard_sigmoid", Scale.INDEPENDENT, "AOKJ"),
    _activation("sparse_sigmoid", Scale.INDEPENDENT, "AOJ"),
    _activation(
        "log_softmax",
        Scale.LOG_PROBABILITIES,
        "AONMJ",
        "scipy.special.log_softmax jax.scipy.special.log_softmax",
    ),
    _activation("log_sigmoid", Scale.LOG_PROBABILITIES, "AOMJ", "scipy.special.log_expit"),
    # Bounded, not to [0, 1].
    _activation("tanh", Scale.BOUNDED, "AOKNMTJ", "numpy.tanh jax.numpy.tanh"),
    _activation("hard_tanh", Scale.BOUNDED, "AOJ"),
    _activation("softsign", Scale.BOUNDED, "AOKNM", "J:soft_sign"),
    # Bounded below, unbounded above.
    _activation(
        "relu", Scale.NON_NEGATIVE, "AOKNJ", layers="ReLU ThresholdedReLU", strings="ReLU ThresholdedReLU"
    ),
    _activation("relu6", Scale.NON_NEGATIVE, "AONJ"),
    _activation("softplus", Scale.NON_NEGATIVE, "AOKNMJ"),
    _activation("exponential", Scale.NON_NEGATIVE, "A"),
    _activation("squareplus", Scale.NON_NEGATIVE, "AOJ"),
    _activation("sparse_plus", Scale.NON_NEGATIVE, "AOJ"),
    _activation("elu", Scale.NON_NEGATIVE, "AOKNJ", layers="ELU", strings="ELU"),
    _activation("selu", Scale.NON_NEGATIVE, "AONJ"),
    _activation("celu", Scale.NON_NEGATIVE, "AOJ"),
    _activation("gelu", Scale.NON_NEGATIVE, "AONJ"),
    _activation("silu", Scale.NON_NEGATIVE, "AONJ", "A:swish O:swish N:swish J:swish", strings="swish"),
    _activation(
        "hard_silu", Scale.NON_NEGATIVE, "AOJ", "A:hard_swish O:hard_swish J:hard_swish", strings="hard_swish"
    ),
    _activation("mish", Scale.NON_NEGATIVE, "AJ"),
    # ``value`` where x is not above ``threshold``: the range depends on both arguments.
    _activation("threshold", Scale.UNKNOWN, "AO"),
)

KEEP_POSITIVE = frozenset(["relu", "relu6", "leaky_relu", "prelu", "elu", "celu"])
"""What gives every number from 0 to 1 as it is, as long as it has no threshold of its own."""

_STRINGS: dict[str, ActivationSpec] = {
    name: spec for spec in ACTIVATIONS for name in (spec.name, *spec.strings)
}
_FUNCTIONS: dict[str, ActivationSpec] = {name: spec for spec in ACTIVATIONS for name in spec.functions}
_LAYERS: dict[str, ActivationSpec] = {name: spec for spec in ACTIVATIONS for name in spec.layers}


def activation_string(name: str) -> ActivationSpec | None:
    """The row of a string given to ``activation=``; case counts, as it does for Keras."""
    return _STRINGS.get(name)


def activation_function(canonical: str) -> ActivationSpec | None:
    """The row of a function, by canonical name (``tf.nn.softmax``, ``keras.ops.sigmoid`` ...)."""
    return _FUNCTIONS.get(canonical)


def activation_layer(canonical: str) -> ActivationSpec | None:
    """The row of a layer class that only applies an activation (``keras.layers.Softmax``)."""
    return _LAYERS.get(canonical)
