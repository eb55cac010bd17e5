"""Data sets that come ready, and how many classes their labels number from 0.

A set whose labels are two classes holds 0/1. Sources: keras.io/api/datasets,
tensorflow.org/datasets/catalog (sets whose supervised label is a ``ClassLabel``, in their only or default
configuration), scikit-learn.org/stable/datasets/toy_dataset.html and sample_generators.html.
"""

from __future__ import annotations

from fromlogits_audit.ir import LabelEncoding

KERAS: dict[str, int] = {
    "keras.datasets.mnist": 10,
    "keras.datasets.fashion_mnist": 10,
    "keras.datasets.cifar10": 10,
    "keras.datasets.cifar100": 100,
    "keras.datasets.reuters": 46,
    "keras.datasets.imdb": 2,
}
"""Modules with a ``load_data()``."""

CIFAR100_MODES: dict[str, int] = {"fine": 100, "coarse": 20}
"""``cifar100.load_data(label_mode)``."""

TFDS: dict[str, int] = {
    "ag_news_subset": 4,
    "beans": 3,
    "caltech101": 102,
    "cars196": 196,
    "cats_vs_dogs": 2,
    "cifar10": 10,
    "cifar100": 100,
    "colorectal_histology": 8,
    "deep_weeds": 9,
    "eurosat": 10,
    "fashion_mnist": 10,
    "food101": 101,
    "horses_or_humans": 2,
    "imagenette": 10,
    "imdb_reviews": 2,
    "kmnist": 10,
    "malaria": 2,
    "mnist": 10,
    "oxford_flowers102": 102,
    "oxford_iiit_pet": 37,
    "patch_camelyon": 2,
    "plant_village": 38,
    "resisc45": 45,
    "rock_paper_scissors": 3,
    "stanford_dogs": 120,
    "stl10": 10,
    "svhn_cropped": 10,
    "tf_flowers": 5,
    "uc_merced": 21,
}
"""Names that ``tfds.load`` takes; each has ``image`` (or ``text``) and ``label``."""

SKLEARN: dict[str, int | None] = {
    "sklearn.datasets.load_iris": 3,
    "sklearn.datasets.load_wine": 3,
    "sklearn.datasets.load_digits": 10,
    "sklearn.datasets.load_breast_cancer": 2,
    "sklearn.datasets.make_moons": 2,
    "sklearn.datasets.make_circles": 2,
    "sklearn.datasets.make_blobs": None,
    "sklearn.datasets.make_classification": 2,
}
"""Functions that give class numbers; None where the arguments decide how many."""

SKLEARN_COUNTS: dict[str, str] = {
    "sklearn.datasets.load_digits": "n_class",
    "sklearn.datasets.make_classification": "n_classes",
}
"""The argument that says how many classes there are."""

MODES = {
    "int": LabelEncoding.INTEGER,
    "sparse": LabelEncoding.INTEGER,
    "categorical": LabelEncoding.ONE_HOT,
    "binary": LabelEncoding.BINARY,
}
"""``label_mode`` and ``class_mode`` of the data sets that Keras reads from folders."""
