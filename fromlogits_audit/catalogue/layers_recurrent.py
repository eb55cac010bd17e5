"""Layer rows: recurrent layers, their cells, and layers that wrap another one.

Parameters are those of Keras 3; tests/test_catalogue.py compares every row with the installed
Keras 3 and tf_keras, and names the layers in which tf_keras differs.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.rows import KERAS_2, layer
from fromlogits_audit.ir import Scale

OPAQUE = Effect.OPAQUE
RECURRENT = Effect.RECURRENT
WRAPPER = Effect.WRAPPER

RECURRENT_LAYERS: tuple[LayerSpec, ...] = (
    layer(
        "LSTM",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
        "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
        "bias_initializer='zeros', unit_forget_bias=True, kernel_regularizer=None, "
        "recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
        "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, "
        "recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, "
        "go_backwards=False, stateful=False, unroll=False, use_cudnn='auto'",
        "rnn.lstm",
        units="units",
        activation="activation",
    ),
    layer(
        "GRU",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
        "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
        "bias_initializer='zeros', kernel_regularizer=None, recurrent_regularizer=None, "
        "bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
        "recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, "
        "seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False, "
        "unroll=False, reset_after=True, use_cudnn='auto'",
        "rnn.gru",
        units="units",
        activation="activation",
    ),
    layer(
        "SimpleRNN",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', use_bias=True, kernel_initializer='glorot_uniform', "
        "recurrent_initializer='orthogonal', bias_initializer='zeros', kernel_regularizer=None, "
        "recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
        "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, "
        "recurrent_dropout=0.0, return_sequences=False, return_state=False, go_backwards=False, "
        "stateful=False, unroll=False, seed=None",
        "rnn.simple_rnn",
        units="units",
        activation="activation",
    ),
    layer(
        "LSTMCell",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
        "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
        "bias_initializer='zeros', unit_forget_bias=True, kernel_regularizer=None, "
        "recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, "
        "recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, "
        "seed=None",
        "rnn.lstm",
        units="units",
        activation="activation",
    ),
    layer(
        "GRUCell",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
        "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
        "bias_initializer='zeros', kernel_regularizer=None, recurrent_regularizer=None, "
        "bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None, "
        "bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, reset_after=True, seed=None",
        "rnn.gru",
        units="units",
        activation="activation",
    ),
    layer(
        "SimpleRNNCell",
        RECURRENT,
        Shape.RECURRENT,
        "units, activation='tanh', use_bias=True, kernel_initializer='glorot_uniform', "
        "recurrent_initializer='orthogonal', bias_initializer='zeros', kernel_regularizer=None, "
        "recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, "
        "recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, "
        "seed=None",
        "rnn.simple_rnn",
        units="units",
        activation="activation",
    ),
    *(
        layer(
            f"ConvLSTM{rank}D",
            RECURRENT,
            Shape.CONV,
            "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
            "activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
            "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
            "bias_initializer='zeros', unit_forget_bias=True, kernel_regularizer=None, "
            "recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
            "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, "
            "recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, "
            "go_backwards=False, stateful=False",
            f"rnn.conv_lstm{rank}d",
            units="filters",
            activation="activation",
        )
        for rank in (1, 2, 3)
    ),
    layer(
        "RNN",
        WRAPPER,
        Shape.RECURRENT,
        "cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False, "
        "unroll=False, zero_output_for_mask=False",
        "rnn.rnn",
    ),
    layer(
        "Bidirectional",
        WRAPPER,
        Shape.UNKNOWN,
        "layer, merge_mode='concat', weights=None, backward_layer=None",
        "rnn.bidirectional",
    ),
    layer("TimeDistributed", WRAPPER, Shape.UNKNOWN, "layer", "rnn.time_distributed"),
    layer("Wrapper", WRAPPER, Shape.UNKNOWN, "layer", "core.wrapper"),
    layer(
        "SpectralNormalization",
        WRAPPER,
        Shape.UNKNOWN,
        "layer, power_iterations=1",
        "normalization.spectral_normalization",
    ),
    layer("StackedRNNCells", OPAQUE, Shape.UNKNOWN, "cells", "rnn.stacked_rnn_cells"),
    layer(
        "AbstractRNNCell",
        OPAQUE,
        Shape.UNKNOWN,
        "trainable=True, name=None, dtype=None, dynamic=False",
        "tf_keras.src.layers.rnn.abstract_rnn_cell",
    ),
    # Keras 2 only; signatures from its source, no longer installable beside Keras 3.
    layer("CuDNNLSTM", RECURRENT, Shape.RECURRENT, "units", KERAS_2, units="units", activation="tanh"),
    layer("CuDNNGRU", RECURRENT, Shape.RECURRENT, "units", KERAS_2, units="units", activation="tanh"),
)

GATED = ("LSTM", "GRU", "ConvLSTM", "CuDNN")
"""How the names of layers begin whose gates scale the activation: a softmax then sums to one no more."""

_ANY = tuple(Scale)
KEPT_BY_MERGE_MODE: dict[object, tuple[Scale, ...]] = {
    "ave": _ANY,
    None: _ANY,
    "concat": tuple(scale for scale in Scale if scale is not Scale.PROBABILITIES),
    "sum": (Scale.LOGITS, Scale.NON_NEGATIVE, Scale.UNKNOWN),
    "mul": (Scale.LOGITS, Scale.INDEPENDENT, Scale.NON_NEGATIVE, Scale.BOUNDED, Scale.UNKNOWN),
    "unknown": (Scale.LOGITS, Scale.UNKNOWN),
}
"""By ``merge_mode`` of ``Bidirectional``: the scales that stay what they are."""
