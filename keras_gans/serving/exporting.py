"""Export a model as the next version in a folder watched by a server."""

import numpy as np

from keras_gans.checks import UserError

FORMATS = ("savedmodel", "onnx", "web")


def export(
    model,
    folder,
    samples,
    settings=None,
    metrics=None,
    format="savedmodel",
    onnxruntime=None,
):
    """Write the next version of an export and compare it with the model.

    The version is written to a temporary folder and renamed after it gave the
    same outputs, so that a server that watches `folder` never sees an
    incomplete one. A SavedModel has the signatures of
    `keras_gans.serving.signatures`, warm-up requests, and `model.json`, which
    describes the model and its origin. ONNX is one file per verb, see
    `keras_gans.serving.onnx_files`, beside `model.json`. A page for the
    browser has no versions, see `keras_gans.serving.web`: `folder` itself
    must be new or empty.

    Args:
        model: a model with `verbs()`, see `keras_gans.verbs`.
        folder: folder of the versions, such as `saved_models/cyclegan`.
        samples: uint8 `[batch, image_size, image_size, 3]`, one image or
            more to compare on. For a model that takes no images only their
            number counts.
        settings: dict of plain values for `model.json`, the run's settings.
        metrics: dict of plain values for `model.json`, the run's metrics.
        format: `"savedmodel"`, `"onnx"` or `"web"`.
        onnxruntime: path of a folder of onnxruntime-web, for `"web"`. Default:
            `npm` fetches it.

    Returns:
        `pathlib.Path` of the version, such as `saved_models/cyclegan/1`, or of
        the page's folder.

    Raises:
        UserError: if an argument is invalid.
        ImportError: for ONNX or a page without the extra `onnx`.
        RuntimeError: if the export gives different outputs than the model.
        OSError: if `folder` cannot be written.
    """
    _check_arguments(model, samples, format, onnxruntime)
    from keras_gans.serving import onnx_files, saved_model, versions, web

    if format == "web":
        return web.write(folder, model, samples, onnxruntime)
    check_versions(folder, format)
    room = onnx_files if format == "onnx" else saved_model
    about = {"settings": settings, "metrics": metrics}
    return versions.publish(
        folder, lambda path: room.write(path, model, samples, about)
    )


def check_versions(folder, format, name="folder"):
    """Check that a folder has no versions of another format.

    Raises:
        UserError: naming the argument, if it has.
    """
    from keras_gans.serving import versions

    for version in versions.folders(folder):
        is_other = (
            any(version.glob("*.onnx"))
            if format == "savedmodel"
            else (version / "saved_model.pb").exists()
        )
        if is_other:
            raise UserError(
                f"{name} must be new, or a folder of versions of this format. "
                f"Received: {str(folder)!r} for {format!r}, with "
                f"{version.name} of another"
            )


def _check_arguments(model, samples, format, onnxruntime):
    side = model.image_size
    takes_images = any(verb.images for verb in model.verbs())
    if (
        samples.dtype != np.uint8
        or samples.ndim != 4
        or (takes_images and samples.shape[1:] != (side, side, 3))
        or not len(samples)
    ):
        raise UserError(
            f"samples must be one image or more, uint8 [batch, {side}, "
            f"{side}, 3]. Received: {samples.dtype} {samples.shape}"
        )
    if format not in FORMATS:
        raise UserError(
            f"format must be one of {', '.join(FORMATS)}. Received: {format!r}"
        )
    if onnxruntime is not None and format != "web":
        raise UserError(
            'onnxruntime must be left out but for format="web". '
            f"Received: {onnxruntime!r} for {format!r}"
        )


def samples(data):
    """Return the first held-out images, uint8, to compare on."""
    from keras_gans import images

    return images.to_uint8(next(iter(data.held_out().values()))).numpy()
