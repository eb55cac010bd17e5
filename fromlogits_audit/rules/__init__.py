"""The rules, by code. A new rule is one module with a ``RULE`` and one line in :data:`RULES`."""

from __future__ import annotations

from fromlogits_audit.rules import (
    activation_applied_twice,
    clipped_logits,
    from_logits_not_a_bool,
    half_precision_probabilities,
    integer_labels_with_one_hot_loss,
    log_probabilities_as_probabilities,
    logits_as_binary_probabilities,
    logits_as_probabilities,
    logits_into_probability_loss,
    loss_class_not_instantiated,
    metric_from_logits_mismatch,
    model_unsafe_to_load,
    non_probability_activation,
    one_hot_labels_with_sparse_loss,
    one_unit_categorical_loss,
    probability_cutoff_on_logits,
    probability_threshold_on_logits,
    probe_disagrees,
    sigmoid_as_logits,
    sigmoid_with_categorical_loss,
    softmax_as_logits,
    softmax_over_one_unit,
    softmax_with_binary_loss,
    undecided,
    units_do_not_fit_labels,
    unreadable,
    unused_suppression,
)
from fromlogits_audit.rules.interface import Rule

RULES: tuple[Rule, ...] = (
    unreadable.RULE,  # FLA001
    undecided.RULE,  # FLA002
    unused_suppression.RULE,  # FLA003
    softmax_as_logits.RULE,  # FLA101
    sigmoid_as_logits.RULE,  # FLA102
    logits_as_probabilities.RULE,  # FLA201
    logits_as_binary_probabilities.RULE,  # FLA202
    logits_into_probability_loss.RULE,  # FLA203
    log_probabilities_as_probabilities.RULE,  # FLA204
    sigmoid_with_categorical_loss.RULE,  # FLA301
    softmax_with_binary_loss.RULE,  # FLA302
    softmax_over_one_unit.RULE,  # FLA303
    one_unit_categorical_loss.RULE,  # FLA304
    non_probability_activation.RULE,  # FLA305
    clipped_logits.RULE,  # FLA306
    probability_threshold_on_logits.RULE,  # FLA401
    metric_from_logits_mismatch.RULE,  # FLA402
    probability_cutoff_on_logits.RULE,  # FLA403
    activation_applied_twice.RULE,  # FLA404
    integer_labels_with_one_hot_loss.RULE,  # FLA501
    one_hot_labels_with_sparse_loss.RULE,  # FLA502
    units_do_not_fit_labels.RULE,  # FLA503
    loss_class_not_instantiated.RULE,  # FLA601
    from_logits_not_a_bool.RULE,  # FLA602
    half_precision_probabilities.RULE,  # FLA701
    model_unsafe_to_load.RULE,  # FLA801
    probe_disagrees.RULE,  # FLA802
)

_BY_CODE = {entry.code: entry for entry in RULES}


def rule(code: str) -> Rule:
    """The rule of a code. Raises ``KeyError`` where there is none."""
    return _BY_CODE[code]


__all__ = ["RULES", "Rule", "rule"]
