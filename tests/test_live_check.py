"""``check_model`` on every form of model, right and wrong, under each Keras that this process can run.

tests/test_live_backends.py runs this file again on the other backends, in processes of their own.
"""

from __future__ import annotations

import functools
import gc
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import live_models as models
import numpy as np
import pytest
from live_models import dense, functional, inputs, nested, sequential, subclass

import fromlogits_audit
from fromlogits_audit import LossMismatch, assert_loss_consistent, check_model
from fromlogits_audit.errors import UsageError
from fromlogits_audit.live.hooks import HOOKS
from fromlogits_audit.live.watch import Watch
from fromlogits_audit.models import Evidence

BACKEND = keras.config.backend()
LIBRARIES: list[Any] = [keras]
if BACKEND == "tensorflow":
    import tf_keras

    LIBRARIES.append(tf_keras)

libraries = pytest.mark.parametrize("k", LIBRARIES, ids=lambda k: f"{k.__name__}-{BACKEND}")

SCCE = "sparse_categorical_crossentropy"
SOFTMAX, SIGMOID, LOGITS = "probabilities", "independent-probabilities", "logits"


def scce(flag: bool) -> Callable[[Any], Any]:
    return lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=flag)


def bce(flag: bool) -> Callable[[Any], Any]:
    return lambda k: k.losses.BinaryCrossentropy(from_logits=flag)


def said(text: Any) -> Callable[[Any], Any]:
    return lambda k: text


# Model, loss, and of its one output: scale, activation, units; what the loss site comes to.
FORMS: list[tuple[str, models.Build, Callable[[Any], Any], tuple[str, str | None, int | None], str]] = [
    ("sequential", sequential(dense(10, "softmax")), said(SCCE), (SOFTMAX, "softmax", 10), "ok"),
    ("sequential-wrong", sequential(dense(10, "softmax")), scce(True), (SOFTMAX, "softmax", 10), "FLA101"),
    ("logits", sequential(dense(10)), scce(True), (LOGITS, "linear", 10), "ok"),
    ("logits-wrong", sequential(dense(10)), said(SCCE), (LOGITS, "linear", 10), "FLA201"),
    ("sigmoid", sequential(dense(1, "sigmoid")), said("bce"), (SIGMOID, "sigmoid", 1), "ok"),
    ("sigmoid-wrong", sequential(dense(1, "sigmoid")), bce(True), (SIGMOID, "sigmoid", 1), "FLA102"),
    ("binary-logits", sequential(dense(1)), said("bce"), (LOGITS, "linear", 1), "FLA202"),
    ("one-unit-softmax", sequential(dense(1, "softmax")), said("bce"), (SOFTMAX, "softmax", 1), "FLA303"),
    ("not-built-yet", sequential(dense(10), built=False), said(SCCE), (LOGITS, "linear", 10), "FLA201"),
    ("softmax-layer", sequential(dense(3), lambda L: L.Softmax()), said(SCCE), (SOFTMAX, "softmax", 3), "ok"),
    ("dropout-behind", sequential(dense(3, "softmax"), lambda L: L.Dropout(0.1)), scce(True),
     (SOFTMAX, "softmax", 3), "FLA101"),
    ("functional", functional(dense(3, "softmax")), scce(True), (SOFTMAX, "softmax", 3), "FLA101"),
    ("nested", nested(sequential(dense(3, "softmax"))), scce(False), (SOFTMAX, "softmax", 3), "ok"),
    ("nested-wrong", nested(sequential(dense(3)), lambda L: L.Softmax()), scce(True),
     (SOFTMAX, "softmax", 3), "FLA101"),
    ("regression", sequential(dense(1)), said("mse"), (LOGITS, "linear", 1), "ok"),
    ("activation-changed", models.activation_changed, said(SCCE), (LOGITS, "linear", 3), "FLA201"),
    ("own-layer-then-softmax", models.layer_of_its_own(lambda L: L.Softmax()), scce(True),
     (SOFTMAX, "softmax", 3), "FLA101"),
]  # fmt: skip


@libraries
@pytest.mark.parametrize(
    ("build", "loss", "output", "ending"), [row[1:] for row in FORMS], ids=[r[0] for r in FORMS]
)
def test_the_structure_decides_models_of_every_form(
    k: Any, build: Any, loss: Any, output: Any, ending: str
) -> None:
    model = build(k)
    model.compile(loss=loss(k))
    report = check_model(model)
    (one,) = report.models[0].outputs
    assert (one.output.scale.value, one.output.activation, one.output.units) == output
    assert one.evidence is Evidence.STRUCTURE
    assert [*(code for site in report.sites for code in site.codes)] == ([] if ending == "ok" else [ending])
    assert report.sites[0].status.value == ("ok" if ending == "ok" else "finding")


# What only running the model shows: the class, the loss, the scale and the evidence for it.
OPAQUE: list[tuple[str, models.Build, Callable[[Any], Any], str, str]] = [
    ("own-layer", models.layer_of_its_own(), said(SCCE), LOGITS, "FLA201"),
    ("own-activation", models.dense_that_calls_itself_softmax, said(SCCE), LOGITS, "FLA201"),
    ("subclass", subclass(), said(SCCE), LOGITS, "FLA201"),
    ("subclass-right", subclass(), scce(True), LOGITS, "ok"),
    ("subclass-temperature", subclass(lambda k, x: x / 2.0), scce(True), LOGITS, "ok"),
    ("subclass-softmax", subclass(lambda k, x: k.activations.softmax(x)), scce(True), SOFTMAX, "FLA101"),
    ("subclass-sigmoid", subclass(lambda k, x: k.activations.sigmoid(x), 1), bce(True), SIGMOID, "FLA102"),
    ("subclass-log-softmax", subclass(lambda k, x: k.activations.log_softmax(x)), said(SCCE),
     "log-probabilities", "FLA204"),
]  # fmt: skip


@libraries
@pytest.mark.parametrize(
    ("build", "loss", "scale", "ending"), [row[1:] for row in OPAQUE], ids=[r[0] for r in OPAQUE]
)
def test_a_batch_decides_what_the_structure_does_not_show(
    k: Any, build: Any, loss: Any, scale: str, ending: str
) -> None:
    model = build(k)
    if not hasattr(k.activations, "log_softmax") and ending == "FLA204":
        pytest.skip("tf_keras has no log_softmax")
    model.compile(loss=loss(k))
    (blind,) = check_model(model).sites
    assert blind.status.value == "undecided" and blind.reason is not None
    (seen,) = check_model(model, inputs()).sites
    assert seen.site.output.scale.value == scale
    assert list(seen.codes) == ([] if ending == "ok" else [ending])


@libraries
def test_values_that_may_be_several_things_leave_it_undecided(k: Any) -> None:
    """A tanh of the project's own is bounded, which a small batch of scores may be too."""
    model = subclass(lambda k, x: x / (1.0 + abs(x)))(k)
    model.compile(loss=SCCE)
    (site,) = check_model(model, inputs()).sites
    assert site.status.value == "undecided"
    assert site.reason is not None and "values from" in site.reason.detail


@libraries
def test_outputs_get_their_losses_by_key_by_position_and_all_alike(k: Any) -> None:
    heads = (dense(5, "softmax", name="kind"), dense(1, name="good"))
    right, wrong = k.losses.BinaryCrossentropy(from_logits=True), k.losses.BinaryCrossentropy()
    for build, loss in (
        (functional(*heads), [SCCE, wrong]),
        (functional(*heads), {"kind": SCCE, "good": wrong}),
        (functional(*heads, by_key=("a", "b")), {"a": SCCE, "b": wrong}),
    ):
        model = build(k)
        model.compile(loss=loss)
        assert [one.codes for one in check_model(model).sites if one.site.loss] in (
            [("FLA202",), ()],
            [(), ("FLA202",)],
        )
    model = models.subclass_of_two(k)
    model.compile(loss={"kind": SCCE, "good": right}, metrics={"good": ["accuracy"]})
    report = check_model(model, inputs())
    assert [(one.site.kind.value, one.site.output.name, one.codes) for one in report.sites] == [
        ("loss", "good", ()),
        ("loss", "kind", ()),
        ("metric", "good", ("FLA401",)),
    ]


@libraries
def test_labels_are_held_against_losses_and_units(k: Any) -> None:
    model = sequential(dense(10, "softmax"))(k)
    numbers, one_hot = np.arange(10), np.eye(10, dtype="float32")
    for loss, labels, codes in (
        (SCCE, numbers, []),
        (SCCE, one_hot, ["FLA502"]),
        (SCCE, numbers + 1, ["FLA503"]),
        ("categorical_crossentropy", one_hot, []),
        ("categorical_crossentropy", numbers, ["FLA501"]),
        ("categorical_crossentropy", numbers[:, None], ["FLA501"]),
        (k.losses.SparseCategoricalCrossentropy(ignore_class=255), np.array([1, 255]), []),
    ):
        report = check_model(model, y=labels, loss=loss)
        assert [one.code for one in report.findings] == codes, (loss, labels)


@libraries
def test_what_is_computed_twice_or_in_half_precision_is_found_inside(k: Any) -> None:
    twice = sequential(dense(3, "softmax"), lambda L: L.Softmax())(k)
    twice.compile(loss=SCCE)
    assert [one.code for one in check_model(twice).findings] == ["FLA404"]
    half = sequential(dense(3, "softmax", dtype="float16"))(k)
    half.compile(loss=SCCE)
    assert [one.code for one in check_model(half).findings] == ["FLA701"]


@libraries
def test_a_step_of_its_own_leaves_it_undecided(k: Any) -> None:
    model = models.own_step(k)
    model.compile(loss=SCCE)
    (site,) = check_model(model).sites
    assert site.status.value == "undecided" and "Stepping" in str(site.reason)
    assert [one.code for one in check_model(model, loss=SCCE).findings] == ["FLA201"], "asked for by name"


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the steps are written for TensorFlow")
@libraries
def test_a_watch_sees_what_a_step_of_its_own_makes_of_the_output(k: Any) -> None:
    import tensorflow as tf

    class Stepping(k.Model):  # type: ignore[misc, name-defined]
        squash = True

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                scores = self(x, training=True)
                seen = tf.nn.softmax(scores) if self.squash else scores
                loss = self.compute_loss(y=y, y_pred=seen)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            )
            return {"loss": loss}

    for squash, ending in ((True, "probabilities"), (False, "logits")):
        with Watch() as watch:
            source = k.Input((models.FEATURES,))
            model = Stepping(source, k.layers.Dense(3)(source))
            model.squash = squash
            model.compile("sgd", SCCE)
            model.fit(inputs(), np.zeros(64, "int32"), verbose=0)
        assert [site.output.scale.value for site in watch.sites] == [ending]
        assert watch.problems == () and not hasattr(model.train_function, "looks")


@libraries
def test_calling_a_model_leaves_it_as_it_was(k: Any) -> None:
    model = models.counting(k)
    model.compile(loss=SCCE)
    model(inputs(2))
    before = [np.array(one) for one in model.get_weights()]
    patched = (k.layers.Layer.__call__, k.losses.Loss.__call__, k.activations.softmax)
    (site,) = check_model(model, inputs()).sites
    assert site.codes == ("FLA201",)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert (k.layers.Layer.__call__, k.losses.Loss.__call__, k.activations.softmax) == patched
    assert HOOKS.watchers == () and not HOOKS.problems


@libraries
def test_threads_do_not_take_each_other_s_models_for_their_own(k: Any) -> None:
    builds = [subclass(), subclass(lambda k, x: k.activations.softmax(x))] * 4
    made = [build(k) for build in builds]
    for model in made:
        model.compile(loss=SCCE)
    found: list[Any] = [None] * len(made)

    def check(at: int) -> None:
        found[at] = [one.code for one in check_model(made[at], inputs()).findings]

    threads = [threading.Thread(target=check, args=(at,)) for at in range(len(made))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["FLA201"], []] * 4
    assert HOOKS.watchers == ()


@libraries
def test_nothing_is_kept_of_a_model_that_was_checked(k: Any) -> None:
    import weakref

    model = subclass()(k)
    model.compile(loss=SCCE)
    report = check_model(model, inputs())
    gone = weakref.ref(model)
    del model
    gc.collect()
    if BACKEND == "tensorflow":
        k.backend.clear_session()
        gc.collect()
    assert gone() is None and report.findings


@libraries
def test_an_assertion_says_what_is_wrong_and_how_to_mend_it(k: Any) -> None:
    model = sequential(dense(10, "softmax"))(k)
    model.compile(loss=k.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(LossMismatch) as caught:
        assert_loss_consistent(model)
    words = str(caught.value)
    assert isinstance(caught.value, AssertionError)
    for part in (
        "error[FLA101]",
        "<model classifier>",
        "SparseCategoricalCrossentropy(from_logits=True)",
        "help:",
    ):
        assert part in words
    assert [one.code for one in caught.value.report.findings] == ["FLA101"]
    assert_loss_consistent(model, ignore=["FLA1"])
    assert_loss_consistent(model, loss=SCCE)


@libraries
def test_an_undecided_loss_fails_an_assertion_only_if_asked(k: Any) -> None:
    model = subclass()(k)
    model.compile(loss=SCCE)
    assert_loss_consistent(model)
    with pytest.raises(LossMismatch, match="FLA002"):
        assert_loss_consistent(model, strict=True)
    model.compile(loss=k.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert_loss_consistent(model, inputs(), strict=True)


@libraries
def test_what_cannot_be_checked_is_said(k: Any) -> None:
    model = subclass()(k)
    with pytest.raises(UsageError, match="no Keras model"):
        check_model(object())
    with pytest.raises(UsageError, match="no loss"):
        check_model(model, loss="no.such.loss")
    with pytest.raises(UsageError, match="knows no loss 'categorical_crossentropi'"):
        check_model(model, loss="categorical_crossentropi")
    model.compile(loss=SCCE)
    with pytest.raises(UsageError, match="can't be called on x"):
        check_model(model, {"wrong": np.zeros((2, 3, 4, 5))})
    assert HOOKS.watchers == ()


@libraries
def test_a_model_without_a_loss_has_outputs_and_no_site(k: Any) -> None:
    report = check_model(sequential(dense(3, "softmax"))(k))
    assert report.sites == () and report.models[0].outputs[0].output.scale.value == SOFTMAX
    given = check_model(sequential(dense(3, "softmax"))(k), loss="CategoricalCrossentropy(from_logits=True)")
    assert [one.code for one in given.findings] == ["FLA101"]


@libraries
def test_the_consequence_is_told_of_the_runtime_that_is_there(k: Any) -> None:
    model = sequential(dense(10, "softmax"))(k)
    report = check_model(model, loss=k.losses.SparseCategoricalCrossentropy(from_logits=True))
    runtime = report.sites[0].site.runtime
    expected = (2, "tensorflow") if k.__name__ == "tf_keras" else (3, BACKEND)
    assert (runtime.keras, runtime.backend) == expected
    assert ("silently applied twice" in report.findings[0].message) is (BACKEND != "tensorflow")


@libraries
def test_a_loss_of_its_own_is_called_to_see_which_losses_it_calls(k: Any) -> None:
    def smoothed(y_true: Any, y_pred: Any) -> Any:
        return 2.0 * k.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    class Mixed(k.losses.Loss):  # type: ignore[misc, name-defined]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return k.losses.sparse_categorical_crossentropy(y_true, y_pred)

    def squared(y_true: Any, y_pred: Any) -> Any:
        return (y_pred - 1.0) ** 2

    def likelihood(y_true: Any, y_pred: Any) -> Any:
        return -k.backend.log(y_pred) if k is not keras else -k.ops.log(y_pred)

    y = np.zeros(64, dtype="int64")
    for head, loss, ending in (
        (dense(3, "softmax"), smoothed, "FLA101"),
        (dense(3), smoothed, "ok"),
        (dense(3), Mixed(), "FLA201"),
        (dense(3, "softmax"), Mixed(), "ok"),
        (dense(3), squared, "ok"),
        (dense(3), likelihood, "undecided"),
    ):
        (site,) = check_model(sequential(head)(k), inputs(), y, loss).sites
        assert (site.codes[0] if site.codes else site.status.value) == ending
    assert check_model(sequential(dense(3))(k), loss=smoothed).sites[0].status.value == "undecided"
    assert HOOKS.watchers == () and not HOOKS.problems


def test_a_partial_and_a_subclass_are_the_loss_of_keras_they_are_made_of() -> None:
    class Mine(keras.losses.BinaryCrossentropy):  # type: ignore[misc]
        """Renamed only."""

    model = sequential(dense(1))(keras)
    for loss, codes in (
        (functools.partial(keras.losses.binary_crossentropy, from_logits=True), []),
        (functools.partial(keras.losses.binary_crossentropy, from_logits=False), ["FLA202"]),
        (Mine(from_logits=True), []),
        (Mine(), ["FLA202"]),
    ):
        assert [one.code for one in check_model(model, loss=loss).findings] == codes


GUIDE = Path(__file__).parent.parent / "docs" / "live.md"
EXAMPLES = re.findall(r"```python\n(import keras\n.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_guide_hold(text: str) -> None:
    assert len(EXAMPLES) == 3, "programs that stand for themselves"
    names: dict[str, Any] = {}
    exec(compile(text, str(GUIDE), "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()


def test_the_package_names_them_without_loading_a_framework() -> None:
    assert {"check_model", "assert_loss_consistent", "LogitsAudit"} <= set(dir(fromlogits_audit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fromlogits_audit.nothing  # noqa: B018
