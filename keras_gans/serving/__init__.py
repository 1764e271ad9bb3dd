"""What an exported model does with pictures, as TensorFlow graphs."""
