"""What an exported model does with images, as TensorFlow graphs."""
