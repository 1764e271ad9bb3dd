"""The models, one paper a file. They run on TensorFlow."""

from keras_gans.training.backend import check_backend

check_backend()
