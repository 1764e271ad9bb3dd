"""Export and load models: image processing as TensorFlow graphs."""
