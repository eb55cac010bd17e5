"""Saved models, read without Keras or TensorFlow: what their outputs are and which losses they hold.

Everything in here treats the file as hostile input: sizes, depths and names are bounded and checked
before they are followed, nothing in it is executed or imported, and nothing is written.
"""
