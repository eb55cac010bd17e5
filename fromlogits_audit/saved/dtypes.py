"""Number formats: what a layer computes in, from its ``dtype`` or policy of either dialect."""

from __future__ import annotations

from fromlogits_audit.saved.values import Json

HALF = ("float16", "bfloat16")


def compute_dtype(config: Json, default: str = "float32") -> str:
    """The compute dtype of a layer's config; ``mixed_float16`` computes in float16.

    Keras 3 writes a DTypePolicy, tf_keras a plain dtype or a Policy. A quantised policy names what
    it was made from: ``int8_from_mixed_bfloat16``.
    """
    policy = config.get("dtype") if isinstance(config, dict) else None
    if isinstance(policy, dict):
        inner = policy.get("config")
        policy = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(policy, str):
        return default
    name = policy.rpartition("_from_")[2]
    return name.removeprefix("mixed_")
