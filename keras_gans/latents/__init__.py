"""What is done with the latent vectors of a trained generator."""

from keras_gans.latents.axes import FeatureAxes, label_samples
from keras_gans.latents.encoder import train_encoder
from keras_gans.latents.generators import Generator, classifier
from keras_gans.latents.inversion import Inversion, invert
from keras_gans.latents.projection import Projection, project
from keras_gans.latents.sliders import Editor, sliders
from keras_gans.latents.unsupervised import ganspace, sefa

__all__ = [
    "Editor",
    "FeatureAxes",
    "Generator",
    "Inversion",
    "Projection",
    "classifier",
    "ganspace",
    "invert",
    "label_samples",
    "project",
    "sefa",
    "sliders",
    "train_encoder",
]
