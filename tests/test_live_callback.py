"""``LogitsAudit`` in ``fit``, under each Keras that this process can run (the other backends:
tests/test_live_backends.py)."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import live_models as models
import numpy as np
import pytest
from live_models import dense, functional, inputs, sequential, subclass

from fromlogits_audit import LogitsAudit, LogitsWarning, LossMismatch
from fromlogits_audit.errors import UsageError
from fromlogits_audit.live.hooks import HOOKS

BACKEND = keras.config.backend()
LIBRARIES: list[Any] = [keras]
if BACKEND == "tensorflow":
    import tf_keras

    LIBRARIES.append(tf_keras)

libraries = pytest.mark.parametrize("k", LIBRARIES, ids=lambda k: f"{k.__name__}-{BACKEND}")

SCCE = "sparse_categorical_crossentropy"
ROWS = 96


def labels(classes: int = 3) -> Any:
    return np.random.default_rng(1).integers(0, classes, ROWS)


def trained(k: Any, model: Any, y: Any, audit: LogitsAudit, **settings: Any) -> Any:
    """Train for two short epochs; the history."""
    given = {"epochs": 2, "batch_size": 16, "verbose": 0, **settings}
    return model.fit(inputs(ROWS), y, callbacks=[audit], **given)


@libraries
@pytest.mark.parametrize(
    ("build", "flag", "eager", "codes"),
    [
        (sequential(dense(3, "softmax")), True, False, ["FLA101"]),
        (sequential(dense(3, "softmax")), False, False, []),
        (subclass(), False, False, ["FLA201"]),
        (subclass(), True, False, []),
        (subclass(lambda k, x: k.activations.softmax(x / 2.0)), True, True, ["FLA101"]),
        (models.layer_of_its_own(), False, True, ["FLA201"]),
    ],
    ids=[
        "softmax-wrong",
        "softmax",
        "subclass-wrong",
        "subclass",
        "eager-softmax-wrong",
        "eager-own-layer-wrong",
    ],
)
def test_fit_decides_by_structure_or_by_its_first_batch(
    k: Any, build: Any, flag: bool, eager: bool, codes: list[str]
) -> None:
    model = build(k)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=flag), run_eagerly=eager)
    audit = LogitsAudit("collect")
    trained(k, model, labels(), audit, epochs=1)
    assert [one.code for one in audit.findings] == codes
    assert [one.status.value for one in audit.report.sites] == ["finding" if codes else "ok"]
    assert audit.notes == []
    assert HOOKS.watchers == () and not HOOKS.problems


@libraries
def test_the_first_batch_holds_labels_against_losses_and_units(k: Any) -> None:
    one_hot = np.eye(3, dtype="float32")[labels()]
    # On JAX and PyTorch, Keras itself compares shapes before it calls any callback.
    raised = ((SCCE, one_hot, "FLA502"),) if BACKEND == "tensorflow" else ()
    # All of them out of range: fit shuffles, and the first batch is what counts.
    for loss, y, code in ((SCCE, labels() % 1 + 3, "FLA503"), *raised):
        model = sequential(dense(3, "softmax"))(k)
        model.compile("sgd", loss)
        audit = LogitsAudit("raise")
        with pytest.raises(LossMismatch):
            trained(k, model, y, audit)
        assert [one.code for one in audit.findings] == [code]
    model.compile("sgd", "categorical_crossentropy")
    trained(k, model, one_hot, audit := LogitsAudit("raise"))
    assert audit.findings == ()


@libraries
def test_labels_and_losses_meet_by_output(k: Any) -> None:
    model = functional(dense(3, "softmax"), dense(1), by_key=("kind", "good"))(k)
    model.compile("sgd", {"kind": SCCE, "good": "bce"}, metrics={"kind": ["accuracy"]})
    audit = LogitsAudit("collect")
    y = {"kind": labels(), "good": labels(2)[:, None].astype("float32")}
    trained(k, model, y, audit)
    assert [one.code for one in audit.findings] == ["FLA202"]


@libraries
@pytest.mark.parametrize(
    ("build", "wrong"),
    [(sequential(dense(3, "softmax")), True), (subclass(), False)],
    ids=["structure", "batch"],
)
def test_raising_ends_fit_and_leaves_a_model_that_works(k: Any, build: Any, wrong: bool) -> None:
    model = build(k)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=wrong))
    with pytest.raises(LossMismatch, match=r"error\[FLA[12]01\]"):
        trained(k, model, labels(), LogitsAudit("raise"))
    assert model.predict(inputs(4), verbose=0).shape == (4, 3)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=not wrong))
    trained(k, model, labels(), LogitsAudit("raise"), epochs=1)


@libraries
def test_a_warning_stands_at_the_line_that_called_fit_and_comes_once(k: Any) -> None:
    model = sequential(dense(3, "softmax"))(k)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True))
    audit = LogitsAudit()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(k, model, labels(), audit)
        trained(k, model, labels(), audit)
    ours = [one for one in caught if issubclass(one.category, LogitsWarning)]
    assert len(ours) == 1 and "FLA101" in str(ours[0].message)
    assert ours[0].filename == __file__


@libraries
def test_warnings_that_are_errors_leave_a_model_that_works(k: Any) -> None:
    model = subclass()(k)
    model.compile("sgd", SCCE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LogitsWarning)
        with pytest.raises(LogitsWarning, match="FLA201"):
            trained(k, model, labels(), LogitsAudit())
    assert model.predict(inputs(4), verbose=0).shape == (4, 3)


@libraries
@pytest.mark.parametrize("steps", [1, 4], ids=["one-step", "four-steps-an-execution"])
def test_training_is_the_same_with_it_as_without(k: Any, steps: int) -> None:
    """Every batch once, in its order, through one traced function; the same weights in the end."""
    if BACKEND == "torch" and steps > 1:
        pytest.skip("PyTorch executes single steps")
    results = []
    for callbacks in ([], [LogitsAudit("collect")]):
        k.utils.set_random_seed(7)
        model = subclass()(k)
        model.compile(
            "sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=steps
        )
        history = model.fit(
            inputs(ROWS), labels(), epochs=3, batch_size=16, shuffle=False, verbose=0, callbacks=callbacks
        )
        results.append((history.history["loss"], model.get_weights(), int(model.optimizer.iterations)))
    (losses, weights, steps_made), (losses_too, weights_too, steps_too) = results
    assert steps_made == steps_too == 18
    assert np.allclose(losses, losses_too, rtol=1e-5)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(weights, weights_too, strict=True))


@libraries
def test_nothing_stays_replaced_whatever_ends_the_training(k: Any) -> None:
    model = subclass()(k)
    model.compile("sgd", SCCE)
    made = (type(model).__call__, k.layers.Layer.__call__, k.losses.Loss.__call__)

    class Stops(k.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            raise KeyError("a callback of the project's own")

    with pytest.raises(KeyError):
        model.fit(inputs(ROWS), labels(), verbose=0, callbacks=[LogitsAudit("collect"), Stops()])
    assert not hasattr(model.train_function, "looks")
    trained(k, model, labels(), LogitsAudit("collect"))
    assert not hasattr(model.train_function, "looks")
    assert (type(model).__call__, k.layers.Layer.__call__, k.losses.Loss.__call__) == made


@libraries
def test_generators_are_asked_for_no_batch_more(k: Any) -> None:
    asked = {}
    for audited in (False, True):
        drawn = []

        def batches(drawn: list[int] = drawn) -> Any:
            for at in range(50):
                drawn.append(at)
                yield inputs(16), labels()[:16]

        model = subclass()(k)
        model.compile("sgd", SCCE)
        audit = LogitsAudit("collect")
        model.fit(batches(), steps_per_epoch=5, verbose=0, callbacks=[audit] if audited else [])
        asked[audited] = len(drawn)
    assert [one.code for one in audit.findings] == ["FLA201"]
    # A framework draws ahead in a thread, so how many that are differs by what it came to.
    assert 5 <= asked[True] <= max(asked[False], 5) + 3


@libraries
def test_a_loss_that_has_settled_on_a_floor_is_named(k: Any) -> None:
    x = np.random.default_rng(3).standard_normal((256, 4)).astype("float32")
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    layers = (dense(32, "relu"), dense(3, "softmax"), lambda L: L.Reshape((3,)))
    k.utils.set_random_seed(5)
    model = sequential(*layers)(k)
    model.compile(k.optimizers.Adam(0.05), k.losses.SparseCategoricalCrossentropy(from_logits=True))
    audit = LogitsAudit("collect")
    model.fit(x, y, epochs=20, batch_size=64, verbose=0, callbacks=[audit])
    (note,) = audit.notes
    assert note.startswith("The loss (SparseCategoricalCrossentropy) has settled at 0.")
    assert "keep it above 0.5514 (3 classes)" in note
    right = sequential(*layers)(k)
    right.compile(k.optimizers.Adam(0.05), SCCE)
    right.fit(x, y, epochs=8, batch_size=64, verbose=0, callbacks=[good := LogitsAudit("collect")])
    assert good.notes == [] and good.findings == ()


@libraries
def test_a_model_that_cannot_be_called_here_is_trained_all_the_same(k: Any) -> None:
    class Fussy(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.head = k.layers.Dense(3)

        def call(self, x: Any, training: bool = False) -> Any:
            if not training:
                raise RuntimeError("only trained")
            return self.head(x)

    model = Fussy()
    if BACKEND != "tensorflow":
        pytest.skip("Keras itself calls the model in inference mode before it trains")
    model.compile("sgd", SCCE)
    audit = LogitsAudit("collect")
    model.fit(inputs(ROWS), labels(), verbose=0, callbacks=[audit])
    assert [one.status.value for one in audit.report.sites] == ["undecided"]
    assert len(audit.notes) == 1 and "only trained" in audit.notes[0]


def test_what_it_is_asked_to_do_has_to_be_known() -> None:
    with pytest.raises(UsageError, match="on_error should be one of"):
        LogitsAudit("shout")
    with pytest.raises(UsageError, match="no rule"):
        LogitsAudit(ignore=["FLA9"])


@libraries
def test_ignored_rules_do_not_count(k: Any) -> None:
    model = sequential(dense(3, "softmax"))(k)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained(k, model, labels(), audit := LogitsAudit("raise", ignore=["FLA101"]), epochs=1)
    assert audit.findings == () and audit.report.sites[0].codes == ("FLA101",)
