"""``hashlib.blake2b``, without the OpenSSL that ``hashlib`` loads for its other functions."""

try:
    from _blake2 import blake2b
except ImportError:  # a Python that has it elsewhere
    from hashlib import blake2b

__all__ = ["blake2b"]
