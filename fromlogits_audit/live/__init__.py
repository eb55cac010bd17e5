"""The running Keras: models, losses and data in memory become sites of the waist.

Keras 3 (TensorFlow, JAX, PyTorch) and tf_keras; none of them is imported before a model of it is here.

- ``objects``: ``loss_of(value, units)``, ``metric_of(value, units)``: whatever ``compile`` takes, living, as
  :class:`~fromlogits_audit.ir.Loss` or :class:`~fromlogits_audit.ir.Metric` (None: there is none, or it asks
  for nothing). A loss that can't be followed is a ``custom:`` one of an unknown family, with its reason.
- ``labels``: ``labels_of(y, shape)``: the encoding of one batch of y_true, beside an output of that shape.
- ``structure``: ``outputs_of(model, where)``: every output of a model by its structure, a tuple of
  ``LiveOutput`` (name, ``output``, ``keys`` that a dict of losses may use, ``evidence``).
- ``measured``: ``measure(output, batches)``: what structure left open, from real values of the output.
- ``observed``: ``Observation(model, x)``: calls a model once, watched, for what structure leaves open.
- ``sites``: ``sites_of(model, y, loss)``: all of it put together, for compiled losses or a given one.

Sites are judged outside, because frontends know no rule: :mod:`fromlogits_audit.checking` (``check_model``,
``assert_loss_consistent``, ``report_on(models)``) and :mod:`fromlogits_audit.callback` (``LogitsAudit``).
"""
