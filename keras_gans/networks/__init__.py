"""Networks: functions that return functional Keras models."""

from keras_gans.networks.attributes import attribute_network
from keras_gans.networks.combogan import (
    combogan_decoder,
    combogan_discriminator,
    combogan_encoder,
)
from keras_gans.networks.conditional import (
    dense_discriminator,
    dense_generator,
    upsampling_discriminator,
    upsampling_generator,
)
from keras_gans.networks.dcgan import dcgan_discriminator, dcgan_generator
from keras_gans.networks.noise import noise_discriminator, noise_generator
from keras_gans.networks.patchgan import (
    patch_discriminator,
    pixel_discriminator,
)
from keras_gans.networks.progressive import (
    progressive_discriminator,
    progressive_generator,
)
from keras_gans.networks.resnet import resnet_generator
from keras_gans.networks.stargan import (
    stargan_discriminator,
    stargan_generator,
)
from keras_gans.networks.style import style_network
from keras_gans.networks.unet import unet_generator

__all__ = [
    "attribute_network",
    "combogan_decoder",
    "combogan_discriminator",
    "combogan_encoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "dense_discriminator",
    "dense_generator",
    "noise_discriminator",
    "noise_generator",
    "patch_discriminator",
    "pixel_discriminator",
    "progressive_discriminator",
    "progressive_generator",
    "resnet_generator",
    "stargan_discriminator",
    "stargan_generator",
    "style_network",
    "unet_generator",
    "upsampling_discriminator",
    "upsampling_generator",
]
