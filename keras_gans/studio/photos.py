"""Find the face in a photo, and cut it out as a generator draws faces."""

import functools

import numpy as np
from PIL import Image

from keras_gans import images, latents

# Degrees by which a photo is turned until a face is found: upright ones
# first, as cascades find no others.
_TURNS = (0, -15, 15, -30, 30)
_SEARCHED = 192  # pixels of the shorter side that is searched
_SAMPLES = 8  # images that tell where a generator draws faces
# Side of an image in sides of the face in it, and how far its center lies
# below that of the face, in the same unit: where no face is found in any.
_FRAME = 1.8, 0.0


@functools.cache
def _cascade():
    from skimage import data, feature

    return feature.Cascade(data.lbp_frontal_face_cascade_filename())


def find(image):
    """Find the largest face in an image.

    Args:
        image: uint8 `[height, width, 3]`.

    Returns:
        `(x, y, side)`, center and side of its square in pixels; or None.
    """
    scale = _SEARCHED / min(image.shape[:2])
    height, width = (round(scale * side) for side in image.shape[:2])
    small = Image.fromarray(image).resize((width, height))
    found = _cascade().detect_multi_scale(
        img=np.array(small),
        scale_factor=1.2,
        step_ratio=1.3,
        min_size=(_SEARCHED // 5, _SEARCHED // 5),
        max_size=(_SEARCHED, _SEARCHED),
    )
    if not found:
        return None
    face = max(found, key=lambda one: one["width"])
    side = face["width"] / scale
    return face["c"] / scale + side / 2, face["r"] / scale + side / 2, side


def frame(samples):
    """Return how a generator's faces lie in its images.

    Args:
        samples: uint8 `[count, size, size, 3]`, images that it made.

    Returns:
        `(size, drop)`: side of an image in sides of the face; how far its
        center lies below that of the face, in the same unit.
    """
    size = samples.shape[1]
    faces = [face for face in map(find, samples[:_SAMPLES]) if face]
    if not faces:
        return _FRAME
    _, y, side = np.median(faces, axis=0)
    return size / side, (size / 2 - y) / side


def align(image, frame, size):
    """Cut the face out of a photo, upright, as it lies in a frame.

    Args:
        image: uint8 `[height, width, 3]`.
        frame: as of `frame`.
        size: int, pixels of the result.

    Returns:
        `(aligned, is_found)`: uint8 `[size, size, 3]`; whether there is a
        face. If not, the image is cropped around its center.
    """
    photo = Image.fromarray(image)
    for angle in _TURNS:
        turned = photo.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        face = find(np.array(turned))
        if face is None:
            continue
        x, y, side = face
        half, y = frame[0] * side / 2, y + frame[1] * side
        box = [x - half, y - half, x + half, y + half]
        # What lies beyond the photo is repeated from its edge.
        beyond = int(
            np.ceil(max(0, -min(box), *np.subtract(box[2:], turned.size)))
        )
        pixels = np.pad(
            np.array(turned), [(beyond, beyond)] * 2 + [(0, 0)], "edge"
        )
        box = tuple(side + beyond for side in box)
        square = Image.fromarray(pixels).resize(
            (size, size), Image.Resampling.BICUBIC, box=box
        )
        return np.array(square), True
    return images.fit_square(image, size), False


def search(way, photo, labels, steps, progress):
    """Find the latents of the face in a photo.

    Args:
        way: `engine.Way` of a live generator.
        photo: uint8 `[height, width, 3]`.
        labels: as of `keras_gans.latents.invert`.
        steps: int, of the search.
        progress: function `(step, steps)`; if it returns False, the search
            ends there.

    Returns:
        `(latents, pair, remark)`: float32 `[1, latent_dim]`; uint8, the photo
        as it was cut out, beside what was found; str.
    """
    generator = way.model.generator
    samples = generator(*generator.drawn(0, _SAMPLES, labels=labels))
    aligned, is_found = align(photo, frame(samples), samples.shape[1])
    found = latents.invert(
        way.model.live,
        [aligned],
        labels=labels,
        steps=steps,
        progress=lambda step, _: progress(step, steps),
    )
    remarks = []
    if not is_found:
        remarks.append("No face was found in the photo: its center was taken.")
    if found.is_far[0]:
        remarks.append(
            "What was found is too far from the photo to be edited honestly "
            f"({found.pixel_error[0]:.3f} of the full range; the limit is "
            f"{found.far_error:.3f})."
        )
    pair = np.concatenate([found.targets[0], found.images[0]], axis=1)
    return found.latents, pair, " ".join(remarks)
