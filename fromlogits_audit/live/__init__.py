"""What needs a running Keras. TensorFlow is imported in here only, and inside functions."""
