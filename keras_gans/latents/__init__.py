"""What is done with the latent vectors of a trained generator."""

from keras_gans.latents.axes import BeyondSamples, FeatureAxes, label_samples
from keras_gans.latents.sliders import Editor, sliders
from keras_gans.latents.unsupervised import ganspace, sefa

__all__ = [
    "BeyondSamples",
    "Editor",
    "FeatureAxes",
    "ganspace",
    "label_samples",
    "sefa",
    "sliders",
]
