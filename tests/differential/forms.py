"""All forms of a model, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable

from .composed import (
    activation_assigned,
    clone,
    from_config,
    inner_of_wrapper,
    rebuilt,
    several_outputs,
    subclass_outputs,
    wrapper,
)
from .factories import (
    builder,
    by_table,
    by_units,
    class_factory,
    getattr_layer,
    partial_dense,
    recursive,
)
from .functional import (
    functional,
    functional_helper,
    functional_inline,
    functional_on_base,
    residual,
)
from .heads import Head, draw_head
from .idioms import (
    application,
    ensemble,
    functional_subclass,
    gated,
    head_layer,
    images,
    layers_in_loop,
    members_by_name,
    per_step,
    sequential_subclass,
    two_inputs,
    unknown_branch,
)
from .model_parts import Model
from .sequential import (
    sequential_add,
    sequential_comprehension,
    sequential_list,
    sequential_loop,
    sequential_nested,
    sequential_variable,
)
from .subclassed import (
    subclass,
    subclass_arguments,
    subclass_inherits,
    subclass_list,
)
from .writer import Module

Form = Callable[[Module, Head], Model]
FORMS: dict[Form, float] = {
    sequential_list: 3,
    sequential_variable: 2,
    sequential_add: 2,
    sequential_loop: 1,
    sequential_comprehension: 1,
    sequential_nested: 1,
    functional: 3,
    functional_inline: 1,
    functional_helper: 2,
    functional_on_base: 2,
    residual: 1,
    subclass: 3,
    subclass_list: 1.5,
    subclass_inherits: 1.5,
    subclass_arguments: 1.5,
    wrapper: 1,
    inner_of_wrapper: 0.7,
    clone: 0.7,
    activation_assigned: 0.7,
    rebuilt: 0.7,
    from_config: 0.3,
    several_outputs: 1.5,
    subclass_outputs: 0.7,
    partial_dense: 1,
    getattr_layer: 0.6,
    layers_in_loop: 1,
    two_inputs: 1,
    gated: 1,
    unknown_branch: 1,
    head_layer: 1.2,
    members_by_name: 1,
    functional_subclass: 1,
    sequential_subclass: 1,
    builder: 0.8,
    class_factory: 1.2,
    by_table: 1.2,
    by_units: 1,
    ensemble: 1,
    recursive: 0.6,
    per_step: 1,
    images: 1,
    application: 0.15,
}
NAMES = {form.__name__: form for form in FORMS}


def draw_model(module: Module, *, one_output: bool) -> Model:
    weights = {form.__name__: weight for form, weight in FORMS.items()}
    if one_output:
        del weights["several_outputs"], weights["subclass_outputs"]
    form = NAMES[module.project.choose("model", weights)]
    return form(module, draw_head(module))
