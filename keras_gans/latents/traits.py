"""What an image may be odd by, to a search for latents that never saw its like.

Any image has a nearest one among what a generator draws. Before a search is
believed, the image is compared with the held-out ones of the training.
"""

import typing

import numpy as np
import tensorflow as tf


class Traits(typing.NamedTuple):
    """What an image may be odd by; a number each, or an array of them.

    Attributes:
        divergence: KL divergence of the best start.
        lightness: mean gray value, 0 to 1.
        contrast: standard deviation of the gray values.
        shading: share of gray values between a quarter and three quarters.
        chroma: mean of the largest minus the least of red, green and blue.
    """

    divergence: typing.Any
    lightness: typing.Any
    contrast: typing.Any
    shading: typing.Any
    chroma: typing.Any

    @classmethod
    def of(cls, images, divergence):
        """Return the traits of images, each float `[batch]`.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1].
            divergence: float `[batch]`.
        """
        colors = (np.asarray(images, np.float32) + 1.0) / 2.0
        gray = tf.image.rgb_to_grayscale(colors).numpy()
        axes = (1, 2, 3)
        is_middle = (gray > 0.25) & (gray < 0.75)
        return cls(
            divergence,
            lightness=gray.mean(axes),
            contrast=gray.std(axes),
            shading=is_middle.mean(axes),
            chroma=np.ptp(colors, axis=-1).mean((1, 2)),
        )

    def remark(self, usual):
        """Return what is odd about an image, str or None.

        Args:
            usual: `Traits` of pairs, the least and the most; zeros if unknown.
        """
        if not np.isfinite(self).all():
            return "has no completion: NaN or infinity in the search"
        if not np.any(usual):
            return None
        light, (darkest, lightest) = self.lightness, usual.lightness
        odd = []
        if self.contrast < usual.contrast[0] / 4:
            odd.append("is empty")
        elif light < 0.5 < darkest or lightest < 0.5 < light:
            odd.append("is inverted, light on dark in place of dark on light")
        # Twice the most, and a little more where there is none.
        if self.shading > 2 * usual.shading[1] + 0.05:
            odd.append("has shades of gray")
        if self.chroma > 2 * usual.chroma[1] + 0.02:
            odd.append("has colors")
        if self.divergence > 1.5 * usual.divergence[1]:
            odd.append("is like none that the model knows")
        if not odd:
            return None
        least, most = usual.divergence
        return (
            f"{', '.join(odd)}: the best start is {self.divergence:.3f} from "
            f"it (KL divergence), usual are {least:.3f} to {most:.3f}"
        )
