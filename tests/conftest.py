"""Tests that are not about the cache analyse everything anew: it would outlive what they patch."""

import os

os.environ["FROMLOGITS_AUDIT_NO_CACHE"] = "1"
