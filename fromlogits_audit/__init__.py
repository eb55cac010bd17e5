"""Finds Keras losses that disagree with what their model returns.

Importing this package is cheap: no parser, no TensorFlow. The way in from Python is
:func:`fromlogits_audit.pipeline.audit_source`; from a shell, ``fromlogits-audit scan``.
"""

__version__ = "0.1.0"
HOMEPAGE = "https://github.com/fromlogits-audit/fromlogits-audit"
"""Where the pages of the rules are read: the links of reports lead there."""
