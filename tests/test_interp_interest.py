"""What a text has to say to be worth running when nothing calls it."""

from __future__ import annotations

import pytest

from fromlogits_audit.interp.interest import ANYTHING, LOSSES, NAMED_LOSSES, members_in
from fromlogits_audit.interp.outline import code

WORTH_RUNNING = [
    ("loss = self.criterion(y, model(x))", True),
    ("model.compile(optimizer, CONFIG)", True),
    ("model . compile(loss)", True),
    ('history.history["loss"] + history.history["val_loss"]', False),
    ("self.run_layer_test(layers.Dense, expected_num_losses=0)", False),
    ("optimizer = LossScaleOptimizer(inner, loss_scale_factor=2)", False),
    ("train(model, loss_weights=weights)", False),
    ("re.compile(pattern)", False),
    ("return {'loss': value}", False),
    ("def train_step(self, data):\n    return {'loss': self.aim(*data)}", True),
    ("with tf.GradientTape() as tape:\n    value = aim(y, z)", True),
    ("value = self.objective(y, z)", True),
    ("prefire.compile(x)", True),
    ("tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z)", True),
    ("return model.predict(x)", False),
    ("def decide(x) -> bool: return model.predict(x)", False),
    ("return model.predict(x) > threshold", True),
    ("return np.round(model.predict(x))", True),
    ("return scores >= .5", True),
    ("model.add(Dense(10, activation='softmax'))", True),
    ("# the loss of it\nx = 1", False),
    ('"""Computes the loss."""\nx = 1', False),
    ("raise ValueError('no loss is given')", False),
    ("print(f'{loss(y, z)} it is')", True),
    ("build(r'huber', '''hinge''')", True),
    ("x = 'it\\'s'  # '\nloss(y, z)", True),
]


@pytest.mark.parametrize(("text", "expected"), WORTH_RUNNING)
def test_what_is_worth_running(text: str, expected: bool) -> None:
    assert ANYTHING.found_in(code(text)) is expected
    assert ANYTHING.those_in(text).found_in(code(text)) is expected


@pytest.mark.parametrize(
    ("text", "in_program", "in_library"),
    [
        ("return self.loss(y, z)", True, False),
        ("self.compile_loss = CompileLoss(loss)", True, False),
        ("return ops.categorical_crossentropy(y, z)", True, True),
        ("return ctc_loss(y, z)", True, True),
        ("return activations.softmax(x)", False, False),
    ],
)
def test_a_library_s_own_definitions_matter_where_they_name_a_loss(
    text: str, in_program: bool, in_library: bool
) -> None:
    assert LOSSES.found_in(text) is in_program
    assert NAMED_LOSSES.found_in(text) is in_library


def test_members_are_what_is_read_from_an_object() -> None:
    assert members_in("self.step(x); getattr(self, 'head'); call(y)") == {"step", "head"}
