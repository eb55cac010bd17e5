"""Layers of other libraries that end models: what they take and yield is what Keras's own layers do.

TensorFlow Probability draws the weights of its layers anew at every call; units and activation are those of
``Dense`` and ``Conv``. The sources are ``dense_variational.py``, ``dense_variational_v2.py`` and
``conv_variational.py`` of its 0.25. tensorflow_addons wraps a layer and leaves its outputs' scale. What
keras_hub has for masked words ends in a product with the embeddings.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.rows import params

_PROBABILITY = "tensorflow_probability.layers."
_DENSE = "units, activation=None, activity_regularizer=None"
_CONV = (
    "filters, kernel_size, strides=1, padding='valid', data_format='channels_last', dilation_rate=1, "
    "activation=None, activity_regularizer=None"
)


def _weighted(name: str, shape: Shape, signature: str, units: str) -> LayerSpec:
    source = "tensorflow_probability 0.25 python/layers/"
    spec = params(signature)
    return LayerSpec(
        _PROBABILITY + name, Effect.WEIGHTED, shape, spec, source, units=units, activation="activation"
    )


def _wrapping(name: str, signature: str) -> LayerSpec:
    source = "tensorflow_addons 0.23 layers/"
    full = f"tensorflow_addons.layers.{name}"
    return LayerSpec(full, Effect.WRAPPER, Shape.UNKNOWN, params(signature), source)


def _masked_words(library: str) -> LayerSpec:
    """keras_hub and keras_nlp, its former name."""
    return LayerSpec(
        f"{library}.layers.MaskedLMHead",
        Effect.WEIGHTED,
        Shape.UNITS,
        params("vocabulary_size=None, token_embedding=None, intermediate_activation='relu', activation=None"),
        "keras_hub 0.32 src/layers/modeling/masked_lm_head.py",
        units="vocabulary_size",
        activation="activation",
    )


THIRD_PARTY_LAYERS: tuple[LayerSpec, ...] = (
    *(
        _weighted(name, Shape.UNITS, _DENSE, "units")
        for name in ("DenseFlipout", "DenseLocalReparameterization", "DenseReparameterization")
    ),
    _weighted(
        "DenseVariational",
        Shape.UNITS,
        "units, make_posterior_fn, make_prior_fn, kl_weight=None, kl_use_exact=False, activation=None",
        "units",
    ),
    *(
        _weighted(f"Convolution{rank}D{kind}", Shape.CONV, _CONV, "filters")
        for rank in (1, 2, 3)
        for kind in ("Flipout", "Reparameterization")
    ),
    _wrapping("SpectralNormalization", "layer, power_iterations=1"),
    _wrapping("WeightNormalization", "layer, data_init=True"),
    *map(_masked_words, ("keras_hub", "keras_nlp")),
)
