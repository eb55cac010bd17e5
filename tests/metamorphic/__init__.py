"""Transformations of programs that change no verdict, and what of a scan must stay the same."""
