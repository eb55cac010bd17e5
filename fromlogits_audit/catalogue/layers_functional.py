"""Layer rows: TensorFlow 1's layer functions, ``tf.layers.*`` and ``tf.contrib.layers.*``.

They take the tensor first. tests/test_catalogue.py compares ``tf.compat.v1.layers`` with the
installed tf_keras, which holds its code today; ``tf.contrib`` is gone and stands as in 1.15.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.rows import params

KEEP = Effect.KEEP
LOGITS_ONLY = Effect.LOGITS_ONLY
UNBOUND = Effect.UNBOUND
WEIGHTED = Effect.WEIGHTED


def functional(
    name: str,
    effect: Effect,
    shape: Shape,
    signature: str,
    *,
    units: str | None = None,
    activation: str | None = None,
) -> LayerSpec:
    """A row for ``tf.compat.v1.layers.<name>``."""
    source = "tf_keras.src.legacy_tf_layers"
    canonical = f"tf.compat.v1.layers.{name}"
    return LayerSpec(canonical, effect, shape, params(signature), source, units, activation)


def contrib(name: str, effect: Effect, shape: Shape, signature: str, units: str | None = None) -> LayerSpec:
    """A row for ``tf.contrib.layers.<name>``, which ``tf.contrib.slim`` re-exports.

    Their ``activation_fn`` defaults to a function, written here as its Keras string.
    """
    activation = "activation_fn" if units else None
    return LayerSpec(
        name=f"tf.contrib.layers.{name}",
        effect=effect,
        shape=shape,
        parameters=params(signature),
        source="tensorflow 1.15 contrib/layers/python/layers/layers.py",
        units=units,
        activation=activation,
        aliases=(f"tf.contrib.slim.{name}",),
    )


FUNCTIONAL_LAYERS: tuple[LayerSpec, ...] = (
    functional(
        "average_pooling1d",
        KEEP,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "average_pooling2d",
        KEEP,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "average_pooling3d",
        KEEP,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "batch_normalization",
        UNBOUND,
        Shape.SAME,
        "inputs, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True, "
        "beta_initializer=..., gamma_initializer=..., moving_mean_initializer=..., "
        "moving_variance_initializer=..., beta_regularizer=None, gamma_regularizer=None, "
        "beta_constraint=None, gamma_constraint=None, training=False, trainable=True, name=None, "
        "reuse=None, renorm=False, renorm_clipping=None, renorm_momentum=0.99, fused=None, "
        "virtual_batch_size=None, adjustment=None",
    ),
    functional(
        "conv1d",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=1, padding='valid', data_format='channels_last', "
        "dilation_rate=1, activation=None, use_bias=True, kernel_initializer=None, "
        "bias_initializer=..., kernel_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, "
        "name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "conv2d",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=(1,1), padding='valid', data_format='channels_last', "
        "dilation_rate=(1,1), activation=None, use_bias=True, kernel_initializer=None, "
        "bias_initializer=..., kernel_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, "
        "name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "conv2d_transpose",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=(1,1), padding='valid', data_format='channels_last', "
        "activation=None, use_bias=True, kernel_initializer=None, bias_initializer=..., "
        "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
        "kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "conv3d",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=(1,1,1), padding='valid', "
        "data_format='channels_last', dilation_rate=(1,1,1), activation=None, use_bias=True, "
        "kernel_initializer=None, bias_initializer=..., kernel_regularizer=None, "
        "bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
        "bias_constraint=None, trainable=True, name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "conv3d_transpose",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=(1,1,1), padding='valid', "
        "data_format='channels_last', activation=None, use_bias=True, kernel_initializer=None, "
        "bias_initializer=..., kernel_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, "
        "name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "dense",
        WEIGHTED,
        Shape.UNITS,
        "inputs, units, activation=None, use_bias=True, kernel_initializer=None, "
        "bias_initializer=..., kernel_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, "
        "name=None, reuse=None",
        units="units",
        activation="activation",
    ),
    functional(
        "dropout",
        KEEP,
        Shape.SAME,
        "inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None",
    ),
    functional("flatten", KEEP, Shape.FLATTEN, "inputs, name=None, data_format='channels_last'"),
    functional(
        "max_pooling1d",
        LOGITS_ONLY,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "max_pooling2d",
        LOGITS_ONLY,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "max_pooling3d",
        LOGITS_ONLY,
        Shape.POOL,
        "inputs, pool_size, strides, padding='valid', data_format='channels_last', name=None",
    ),
    functional(
        "separable_conv1d",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=1, padding='valid', data_format='channels_last', "
        "dilation_rate=1, depth_multiplier=1, activation=None, use_bias=True, "
        "depthwise_initializer=None, pointwise_initializer=None, bias_initializer=..., "
        "depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, "
        "bias_constraint=None, trainable=True, name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    functional(
        "separable_conv2d",
        WEIGHTED,
        Shape.CONV,
        "inputs, filters, kernel_size, strides=(1,1), padding='valid', data_format='channels_last', "
        "dilation_rate=(1,1), depth_multiplier=1, activation=None, use_bias=True, "
        "depthwise_initializer=None, pointwise_initializer=None, bias_initializer=..., "
        "depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, "
        "bias_constraint=None, trainable=True, name=None, reuse=None",
        units="filters",
        activation="activation",
    ),
    contrib(
        "fully_connected",
        WEIGHTED,
        Shape.UNITS,
        "inputs, num_outputs, activation_fn='relu', normalizer_fn=None",
        "num_outputs",
    ),
    contrib(
        "conv2d",
        WEIGHTED,
        Shape.CONV,
        "inputs, num_outputs, kernel_size, stride=1, padding='SAME', data_format=None, rate=1, "
        "activation_fn='relu', normalizer_fn=None",
        "num_outputs",
    ),
    contrib("linear", WEIGHTED, Shape.UNITS, "inputs, num_outputs, activation_fn=None", "num_outputs"),
    contrib("batch_norm", UNBOUND, Shape.SAME, "inputs"),
    contrib("dropout", KEEP, Shape.SAME, "inputs, keep_prob=0.5"),
    contrib("flatten", KEEP, Shape.FLATTEN, "inputs"),
    contrib("avg_pool2d", KEEP, Shape.POOL, "inputs, kernel_size, stride=2, padding='VALID'"),
    contrib("max_pool2d", LOGITS_ONLY, Shape.POOL, "inputs, kernel_size, stride=2, padding='VALID'"),
)
