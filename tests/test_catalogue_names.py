"""Every import spelling comes to one canonical name."""

from __future__ import annotations

import pytest

from fromlogits_audit.catalogue.names import canonical

SPELLINGS = [
    # Keras's roots.
    ("tensorflow.keras.layers.Dense", "keras.layers.Dense"),
    ("tf.keras.layers.Dense", "keras.layers.Dense"),
    ("tf_keras.layers.Dense", "keras.layers.Dense"),
    ("tf_keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
    ("keras_core.layers.Dense", "keras.layers.Dense"),
    ("keras_cv.backend.keras.layers.Dense", "keras.layers.Dense"),
    ("keras_nlp.src.backend.ops.softmax", "keras.ops.softmax"),
    ("keras_cv.src.backend.keras", "keras"),
    ("bert4keras.backend.keras.layers.Dense", "keras.layers.Dense"),
    ("bert4keras.backend.K.softmax", "keras.backend.softmax"),
    ("bert4keras.backend.K", "keras.backend"),
    ("tensorflow_core.python.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow_core.nn.softmax", "tf.nn.softmax"),
    ("bert4keras.backend.sparse_multilabel", "bert4keras.backend.sparse_multilabel"),
    ("keras_cv.backend.config.keras_3", "keras_cv.backend.config.keras_3"),
    ("tensorflow.python.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow.python.keras.layers.core.Dense", "keras.layers.Dense"),
    ("tensorflow.python.keras.api._v1.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow.compat.v1.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow.compat.v2.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow._api.v2.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow.contrib.keras.layers.Dense", "keras.layers.Dense"),
    ("tensorflow.contrib.keras.api.keras.layers.Dense", "keras.layers.Dense"),
    ("keras.api._v1.keras.layers.Dense", "keras.layers.Dense"),
    ("keras.api._v2.keras.layers.Dense", "keras.layers.Dense"),
    ("keras.api.layers.Dense", "keras.layers.Dense"),
    ("keras._tf_keras.keras.layers.Dense", "keras.layers.Dense"),
    ("keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
    ("tensorflow.keras", "keras"),
    ("tensorflow.keras.layers", "keras.layers"),
    ("keras", "keras"),
    # Inner modules say only where a name is defined.
    ("keras.layers.core.Dense", "keras.layers.Dense"),
    ("keras.layers.core.dense.Dense", "keras.layers.Dense"),
    ("keras.layers.convolutional.Conv2D", "keras.layers.Conv2D"),
    ("keras.layers.experimental.preprocessing.Rescaling", "keras.layers.Rescaling"),
    ("keras.layers.experimental.SyncBatchNormalization", "keras.layers.SyncBatchNormalization"),
    ("keras.layers.advanced_activations.LeakyReLU", "keras.layers.LeakyReLU"),
    ("keras.layers.merge.concatenate", "keras.layers.concatenate"),
    ("keras.layers.concatenate", "keras.layers.concatenate"),
    ("keras.layers.Dense.from_config", "keras.layers.Dense.from_config"),
    ("keras.legacy.layers.MaxoutDense", "keras.layers.MaxoutDense"),
    ("keras.losses.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy"),
    ("keras.objectives.categorical_crossentropy", "keras.losses.categorical_crossentropy"),
    ("keras.metrics.confusion_metrics.AUC", "keras.metrics.AUC"),
    ("keras.utils.np_utils.to_categorical", "keras.utils.to_categorical"),
    ("keras.utils.numerical_utils.to_categorical", "keras.utils.to_categorical"),
    ("keras.applications.resnet50.ResNet50", "keras.applications.ResNet50"),
    ("keras.applications.resnet.ResNet50", "keras.applications.ResNet50"),
    ("keras_applications.resnet50.ResNet50", "keras.applications.ResNet50"),
    ("tensorflow.keras.applications.VGG16", "keras.applications.VGG16"),
    ("keras.activations.activations.softmax", "keras.activations.softmax"),
    ("keras.backend.softmax", "keras.backend.softmax"),
    ("keras.backend.tensorflow_backend.softmax", "keras.backend.softmax"),
    ("keras.backend.tf.nn.softmax", "tf.nn.softmax"),
    ("keras" + ".backend.tf.keras" * 50 + ".layers.Dense", "keras.layers.Dense"),
    ("keras.ops.nn.softmax", "keras.ops.softmax"),
    ("keras.src.ops.numpy.argmax", "keras.ops.argmax"),
    ("keras.optimizers.schedules.ExponentialDecay", "keras.optimizers.schedules.ExponentialDecay"),
    ("keras.preprocessing.image.ImageDataGenerator", "keras.preprocessing.image.ImageDataGenerator"),
    # Classes with several homes.
    ("keras.models.Model", "keras.Model"),
    ("keras.engine.training.Model", "keras.Model"),
    ("keras.engine.Model", "keras.Model"),
    ("keras.engine.functional.Functional", "keras.Model"),
    ("keras.layers.Model", "keras.Model"),
    ("keras.src.models.model.Model", "keras.Model"),
    ("keras.Model", "keras.Model"),
    ("keras.Model.from_config", "keras.Model.from_config"),
    ("keras.models.Sequential", "keras.Sequential"),
    ("keras.src.models.sequential.Sequential", "keras.Sequential"),
    ("keras.layers.Input", "keras.Input"),
    ("keras.engine.topology.Input", "keras.Input"),
    ("keras.engine.input_layer.Input", "keras.Input"),
    ("keras.models.Input", "keras.Input"),
    ("keras.InputLayer", "keras.layers.InputLayer"),
    ("keras.engine.topology.Layer", "keras.layers.Layer"),
    ("keras.Layer", "keras.layers.Layer"),
    ("keras.Loss", "keras.losses.Loss"),
    ("keras.saving.load_model", "keras.models.load_model"),
    ("keras.models.cloning.clone_model", "keras.models.clone_model"),
    # TensorFlow itself.
    ("tensorflow", "tf"),
    ("tensorflow.nn.softmax", "tf.nn.softmax"),
    ("tensorflow.compat.v1.nn.softmax", "tf.nn.softmax"),
    ("tensorflow.compat.v2.nn.softmax", "tf.nn.softmax"),
    ("tensorflow.python.ops.nn_ops.softmax", "tf.nn.softmax"),
    ("tensorflow.python.ops.nn.softmax", "tf.nn.softmax"),
    ("tensorflow.python.ops.math_ops.sigmoid", "tf.math.sigmoid"),
    ("tensorflow.python.ops.array_ops.squeeze", "tf.squeeze"),
    ("tensorflow.python.framework.ops.convert_to_tensor", "tf.convert_to_tensor"),
    ("tensorflow.compat.v1.squeeze", "tf.squeeze"),
    ("tensorflow.math.sigmoid", "tf.math.sigmoid"),
    ("tensorflow.experimental.numpy.mean", "tf.experimental.numpy.mean"),
    ("tensorflow.contrib.layers.fully_connected", "tf.contrib.layers.fully_connected"),
    ("tensorflow.contrib.slim.conv2d", "tf.contrib.slim.conv2d"),
    ("tensorflow.layers.dense", "tf.compat.v1.layers.dense"),
    ("tensorflow.compat.v1.layers.dense", "tf.compat.v1.layers.dense"),
    ("tensorflow.python.layers.core.dense", "tf.compat.v1.layers.dense"),
    ("tensorflow.compat.v1.losses.mean_squared_error", "tf.compat.v1.losses.mean_squared_error"),
    ("tensorflow.losses.softmax_cross_entropy", "tf.compat.v1.losses.softmax_cross_entropy"),
    ("tensorflow.losses.sparse_softmax_cross_entropy", "tf.compat.v1.losses.sparse_softmax_cross_entropy"),
    ("tensorflow.python.ops.losses.losses_impl.log_loss", "tf.compat.v1.losses.log_loss"),
    ("tensorflow.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy"),
    ("tensorflow.losses.mean_squared_error", "keras.losses.mean_squared_error"),
    ("tensorflow.metrics.AUC", "keras.metrics.AUC"),
    ("tensorflow.metrics.binary_accuracy", "keras.metrics.binary_accuracy"),
    ("tensorflow.metrics.accuracy", "tf.compat.v1.metrics.accuracy"),
    ("tensorflow.compat.v1.metrics.auc", "tf.compat.v1.metrics.auc"),
    ("tensorflow.optimizers.Adam", "keras.optimizers.Adam"),
    # On top of Keras.
    ("keras_hub.src.models.image_classifier.ImageClassifier", "keras_hub.models.ImageClassifier"),
    ("keras_nlp.models.BertClassifier", "keras_nlp.models.BertClassifier"),
    (
        "transformers.models.bert.modeling_tf_bert.TFBertForSequenceClassification",
        "transformers.TFBertForSequenceClassification",
    ),
    # Not ours.
    ("torch.nn.CrossEntropyLoss", "torch.nn.CrossEntropyLoss"),
    ("numpy.argmax", "numpy.argmax"),
    ("kerastuner.HyperParameters", "kerastuner.HyperParameters"),
    (
        "tensorflow_addons.losses.SigmoidFocalCrossEntropy",
        "tensorflow_addons.losses.SigmoidFocalCrossEntropy",
    ),
    ("tfkeras.layers.Dense", "tfkeras.layers.Dense"),
]


@pytest.mark.parametrize(("spelling", "expected"), SPELLINGS)
def test_spelling_comes_to_its_canonical_name(spelling: str, expected: str) -> None:
    assert canonical(spelling) == expected


@pytest.mark.parametrize("again", [".backend.tf.keras", ".keras"])
def test_a_name_of_any_length_is_looked_at(again: str) -> None:
    spelling = "keras" + again * 200_000
    assert canonical(spelling) == spelling


@pytest.mark.parametrize("spelling", sorted({name for row in SPELLINGS for name in row}))
def test_canonical_names_are_their_own(spelling: str) -> None:
    once = canonical(spelling)
    assert canonical(once) == once
