"""Layer rows: layers with weights that make fresh values, attention and embeddings.

Parameters are those of Keras 3; tests/test_catalogue.py compares every row with the installed
Keras 3 and tf_keras, and names the layers in which tf_keras differs.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.rows import KERAS_1, KERAS_2, layer

OPAQUE = Effect.OPAQUE
SCORES = Effect.SCORES
WEIGHTED = Effect.WEIGHTED

_INIT = "kernel_initializer='glorot_uniform', bias_initializer='zeros'"
_REG = (
    "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "kernel_constraint=None, bias_constraint=None"
)

WEIGHTED_LAYERS: tuple[LayerSpec, ...] = (
    layer(
        "Dense",
        WEIGHTED,
        Shape.UNITS,
        f"units, activation=None, use_bias=True, {_INIT}, {_REG}, lora_rank=None, lora_alpha=None, "
        "quantization_config=None",
        "core.dense",
        units="units",
        activation="activation",
    ),
    layer(
        "EinsumDense",
        WEIGHTED,
        Shape.UNKNOWN,
        f"equation, output_shape, activation=None, bias_axes=None, {_INIT}, kernel_regularizer=None, "
        "bias_regularizer=None, kernel_constraint=None, bias_constraint=None, lora_rank=None, "
        "lora_alpha=None, gptq_unpacked_column_size=None, quantization_config=None",
        "core.einsum_dense",
        activation="activation",
    ),
    layer(
        "Conv1D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
        f"groups=1, activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv1d",
        units="filters",
        activation="activation",
        aliases="Convolution1D AtrousConvolution1D",
    ),
    layer(
        "Conv2D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1), padding='valid', data_format=None, "
        f"dilation_rate=(1,1), groups=1, activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv2d",
        units="filters",
        activation="activation",
        aliases="Convolution2D AtrousConvolution2D",
    ),
    layer(
        "Conv3D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1,1), padding='valid', data_format=None, "
        f"dilation_rate=(1,1,1), groups=1, activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv3d",
        units="filters",
        activation="activation",
        aliases="Convolution3D",
    ),
    layer(
        "Conv1DTranspose",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=1, padding='valid', output_padding=None, data_format=None, "
        f"dilation_rate=1, activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv1d_transpose",
        units="filters",
        activation="activation",
        aliases="Convolution1DTranspose",
    ),
    layer(
        "Conv2DTranspose",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1), padding='valid', output_padding=None, "
        f"data_format=None, dilation_rate=(1,1), activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv2d_transpose",
        units="filters",
        activation="activation",
        aliases="Convolution2DTranspose Deconvolution2D",
    ),
    layer(
        "Conv3DTranspose",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1,1), padding='valid', data_format=None, "
        f"output_padding=None, dilation_rate=(1,1,1), activation=None, use_bias=True, {_INIT}, {_REG}",
        "convolutional.conv3d_transpose",
        units="filters",
        activation="activation",
        aliases="Convolution3DTranspose Deconvolution3D",
    ),
    layer(
        "SeparableConv1D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
        "depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer='glorot_uniform', "
        "pointwise_initializer='glorot_uniform', bias_initializer='zeros', "
        "depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, "
        "bias_constraint=None",
        "convolutional.separable_conv1d",
        units="filters",
        activation="activation",
        aliases="SeparableConvolution1D",
    ),
    layer(
        "SeparableConv2D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1), padding='valid', data_format=None, "
        "dilation_rate=(1,1), depth_multiplier=1, activation=None, use_bias=True, "
        "depthwise_initializer='glorot_uniform', pointwise_initializer='glorot_uniform', "
        "bias_initializer='zeros', depthwise_regularizer=None, pointwise_regularizer=None, "
        "bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None, "
        "pointwise_constraint=None, bias_constraint=None",
        "convolutional.separable_conv2d",
        units="filters",
        activation="activation",
        aliases="SeparableConvolution2D",
    ),
    layer(
        "LocallyConnected1D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=1, padding='valid', data_format=None, activation=None, "
        f"use_bias=True, {_INIT}, {_REG}, implementation=1",
        "tf_keras.src.layers.locally_connected.locally_connected1d",
        units="filters",
        activation="activation",
    ),
    layer(
        "LocallyConnected2D",
        WEIGHTED,
        Shape.CONV,
        "filters, kernel_size, strides=(1,1), padding='valid', data_format=None, activation=None, "
        f"use_bias=True, {_INIT}, {_REG}, implementation=1",
        "tf_keras.src.layers.locally_connected.locally_connected2d",
        units="filters",
        activation="activation",
    ),
    layer(
        "DepthwiseConv1D",
        WEIGHTED,
        Shape.CONV,
        "kernel_size, strides=1, padding='valid', depth_multiplier=1, data_format=None, "
        "dilation_rate=1, activation=None, use_bias=True, depthwise_initializer='glorot_uniform', "
        "bias_initializer='zeros', depthwise_regularizer=None, bias_regularizer=None, "
        "activity_regularizer=None, depthwise_constraint=None, bias_constraint=None",
        "convolutional.depthwise_conv1d",
        activation="activation",
    ),
    layer(
        "DepthwiseConv2D",
        WEIGHTED,
        Shape.CONV,
        "kernel_size, strides=(1,1), padding='valid', depth_multiplier=1, data_format=None, "
        "dilation_rate=(1,1), activation=None, use_bias=True, "
        "depthwise_initializer='glorot_uniform', bias_initializer='zeros', "
        "depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
        "depthwise_constraint=None, bias_constraint=None",
        "convolutional.depthwise_conv2d",
        activation="activation",
    ),
    layer(
        "Embedding",
        SCORES,
        Shape.EMBEDDING,
        "input_dim, output_dim, embeddings_initializer='uniform', embeddings_regularizer=None, "
        "embeddings_constraint=None, mask_zero=False, weights=None, lora_rank=None, lora_alpha=None, "
        "quantization_config=None",
        "core.embedding",
        units="output_dim",
    ),
    layer(
        "ReversibleEmbedding",
        SCORES,
        Shape.EMBEDDING,
        "input_dim, output_dim, tie_weights=True, embeddings_initializer='uniform', "
        "embeddings_regularizer=None, embeddings_constraint=None, mask_zero=False, "
        "reverse_dtype=None, logit_soft_cap=None",
        "core.reversible_embedding",
        units="output_dim",
    ),
    layer(
        "MultiHeadAttention",
        SCORES,
        Shape.UNKNOWN,
        "num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None, "
        f"attention_axes=None, sliding_window=None, flash_attention=None, {_INIT}, {_REG}, "
        "use_gate=False, seed=None",
        "attention.multi_head_attention",
    ),
    layer(
        "GroupQueryAttention",
        SCORES,
        Shape.UNKNOWN,
        "head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, "
        f"sliding_window=None, flash_attention=None, {_INIT}, {_REG}, use_gate=False, seed=None",
        "attention.grouped_query_attention",
    ),
    layer(
        "Attention",
        OPAQUE,
        Shape.UNKNOWN,
        "use_scale=False, score_mode='dot', dropout=0.0, seed=None",
        "attention.attention",
    ),
    layer(
        "AdditiveAttention",
        OPAQUE,
        Shape.UNKNOWN,
        "use_scale=True, dropout=0.0",
        "attention.additive_attention",
    ),
    # Keras 1 and 2 only; signatures from their sources, no longer installable beside Keras 3.
    layer("MaxoutDense", WEIGHTED, Shape.UNITS, "output_dim, nb_feature=4", KERAS_1, units="output_dim"),
    layer("Highway", OPAQUE, Shape.SAME, "init='glorot_uniform', activation=None", KERAS_1),
    layer(
        "TimeDistributedDense",
        WEIGHTED,
        Shape.UNITS,
        "output_dim, init='glorot_uniform', activation=None",
        KERAS_1,
        units="output_dim",
        activation="activation",
    ),
    layer("RandomFourierFeatures", OPAQUE, Shape.UNITS, "output_dim", KERAS_2, units="output_dim"),
)
