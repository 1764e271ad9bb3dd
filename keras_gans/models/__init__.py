"""The models, one paper a file. They run on TensorFlow."""

from keras_gans.models.backend import check_backend

check_backend()
