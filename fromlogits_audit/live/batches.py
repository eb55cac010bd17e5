"""The first batch of ``fit`` or ``evaluate``, looked at and put back before the step consumes it."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable
from typing import Any

Look = Callable[[Any, Any, Any], None]
"""Called with the model, a batch, and the state after the step (None before it)."""


def intercept(model: Any, attribute: str, look: Look) -> None:
    """Let the next call of a model's training (or test) function show its first batch to ``look``.

    The function stands in its place again before it is called. Several may look at one batch.
    """
    function = getattr(model, attribute, None)
    waiting = getattr(function, "looks", None)
    if isinstance(waiting, list):
        waiting.append(look)
    if function is None or waiting is not None:
        return
    looks = [look]

    @functools.wraps(function, updated=())
    def once(*args: Any, **kwargs: Any) -> Any:
        if getattr(model, attribute, None) is once:
            setattr(model, attribute, function)
        if not args:
            return function(*args, **kwargs)
        *state, source = args
        batch, again = _first(source, steps_of(model))
        if batch is None:
            return function(*state, again, **kwargs)
        for one in looks:
            one(model, batch, None)
        result = function(*state, again, **kwargs)
        after = result[1] if state and isinstance(result, tuple) else ()
        for one in looks:
            one(model, batch, after)
        return result

    once.looks = looks  # type: ignore[attr-defined]
    setattr(model, attribute, once)


def steps_of(model: Any) -> int:
    """``steps_per_execution`` of a compiled model; tf_keras keeps it as a variable."""
    given: Any = getattr(model, "steps_per_execution", None) or getattr(model, "_steps_per_execution", None)
    return max(int(given.numpy() if hasattr(given, "numpy") else given or 1), 1)


def _first(source: Any, steps: int) -> tuple[Any, Any]:
    """The first batch of an iterator, and an iterator that yields it once more. ``steps`` is how many batches
    a call may take."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and isinstance(source, tensorflow.data.Iterator):
        return _first_of_dataset(tensorflow, source, steps)
    if tensorflow is not None and isinstance(source, tensorflow.distribute.DistributedIterator):
        return None, source
    if isinstance(source, list) and source:  # PyTorch: the batches themselves
        return source[0], source
    if not hasattr(source, "__next__"):
        return None, source
    for batch in source:
        return batch, itertools.chain([batch], source)
    return None, source


def _first_of_dataset(tensorflow: Any, source: Any, steps: int) -> tuple[Any, Any]:
    """The same for an iterator of tf.data: of the same type, so that no function is traced anew for it.

    A call takes up to ``steps`` batches. They are put into a data set of their own. One that a Python
    generator feeds would do as well, but all that runs after it takes 1.7 times as long (TensorFlow 2.21).
    """
    taken = list(itertools.islice(source, steps))
    if not taken:
        return None, source
    made: list[Any] = [tensorflow.data.Dataset.from_tensors(batch) for batch in taken]
    again = iter(functools.reduce(_after, made))
    return taken[0], _alike(again, source)


def _after(before: Any, one: Any) -> Any:
    return before.concatenate(one)


def _alike(again: Any, source: Any) -> Any:
    """An iterator with the shapes that ``source`` declares, where those of its batches are narrower."""
    resource = getattr(again, "_iterator_resource", None)
    if again.element_spec == source.element_spec or resource is None:
        return again
    alike = type(source)(components=[resource], element_spec=source.element_spec)
    alike.made_from = again  # which frees the resource when it goes
    return alike


def mapped(change: Callable[[Any], Any], structure: Any) -> Any:
    """A structure of lists, tuples and dicts with its leaves changed; itself where nothing changes."""
    if type(structure) is dict:
        made: Any = {key: mapped(change, one) for key, one in structure.items()}
        same = all(made[key] is one for key, one in structure.items())
    elif type(structure) in (list, tuple):
        made = type(structure)(mapped(change, one) for one in structure)
        same = all(now is one for now, one in zip(made, structure, strict=True))
    elif type(structure) is functools.partial:
        inner = change(structure.func)
        same = inner is structure.func
        made = structure if same else functools.partial(inner, *structure.args, **structure.keywords)
    else:
        return change(structure)
    return structure if same else made
