"""The models, one file per paper. They run on TensorFlow."""

from keras_gans.training.backend import check_backend

check_backend()
