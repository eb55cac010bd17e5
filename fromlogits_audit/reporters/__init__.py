"""Reporters: one file a format, a Report in and text out."""
