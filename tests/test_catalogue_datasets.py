"""What the catalogue says of ready data sets is what the installed Keras says of them."""

from __future__ import annotations

import importlib
import inspect
import os

import pytest

from fromlogits_audit.catalogue.datasets import CIFAR100_MODES, KERAS, MODES, SKLEARN, SKLEARN_COUNTS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")


@pytest.mark.parametrize("module", sorted(KERAS))
def test_the_number_of_classes_is_the_documented_one(module: str) -> None:
    said = inspect.getdoc(importlib.import_module(module).load_data) or ""
    if KERAS[module] == 2:
        assert "positive/negative" in said or "0 or 1" in said
    else:
        assert f" {KERAS[module]} " in said.replace("\n", " ")


def test_every_data_set_of_classes_is_there() -> None:
    regression = {"boston_housing", "california_housing"}
    there = {name for name in dir(keras.datasets) if not name.startswith("_")} - regression
    assert {module.rpartition(".")[2] for module in KERAS} == there


def test_the_label_modes_of_cifar100_are_the_ones_it_takes() -> None:
    with pytest.raises(ValueError, match="label_mode"):
        keras.datasets.cifar100.load_data(label_mode="medium")
    assert CIFAR100_MODES == {"fine": 100, "coarse": 20}


def test_label_modes_are_those_of_the_folders() -> None:
    said = inspect.getdoc(keras.utils.image_dataset_from_directory) or ""
    assert all(f'"{mode}"' in said for mode in MODES if mode != "sparse")


def test_counted_sets_are_listed() -> None:
    assert SKLEARN_COUNTS.keys() <= SKLEARN.keys()
