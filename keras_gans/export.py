"""Export a model for serving: `python -m keras_gans.export`.

    python -m keras_gans.export runs/cyclegan --output saved_models/cyclegan

It writes the next version of a SavedModel that takes and gives plain
images, and publishes it if it gives the model's own pixels.
"""

import argparse
import os
import sys

import numpy as np

from keras_gans import files, streams
from keras_gans.checks import UserError, shown

FORMATS = ("savedmodel", "onnx")


def export(
    model,
    folder,
    samples,
    settings=None,
    metrics=None,
    format="savedmodel",
):
    """Write the next version of an export and compare it with the model.

    The version is written beside its place and renamed when it is whole and
    has given the same pixels, so that a server which watches `folder` never
    sees half of one. A SavedModel has the signatures of
    `keras_gans.serving.signatures`, requests to warm a server up with, and
    `model.json`, which tells what it is and where it comes from. ONNX is one
    file per verb, see `keras_gans.serving.onnx_files`.

    Args:
        model: a model with `verbs()`, see `keras_gans.verbs`.
        folder: where the versions live, such as `saved_models/cyclegan`.
        samples: uint8 `[batch, image_size, image_size, 3]`, one image or
            more to compare on.
        settings: dict of plain values for `model.json`, those of the run.
        metrics: dict of plain values likewise, what the run measured.
        format: `"savedmodel"` or `"onnx"`.

    Returns:
        `pathlib.Path` of the version, such as `saved_models/cyclegan/1`.

    Raises:
        UserError: if an argument does not fit.
        ImportError: if ONNX is asked for without the extra `onnx`.
        RuntimeError: if the export gives other pixels than the model.
        OSError: if `folder` cannot be written.
    """
    _check_arguments(model, samples, format)
    from keras_gans.serving import onnx_files, saved_model, versions

    if format == "onnx":
        return versions.publish(
            folder, lambda path: onnx_files.write(path, model, samples)
        )
    about = {"settings": settings, "metrics": metrics}
    return versions.publish(
        folder,
        lambda path: saved_model.write(path, model, samples, about),
    )


def _check_arguments(model, samples, format):
    side = model.image_size
    shape = (None, *samples.shape[1:]) if samples.ndim else ()
    if (
        samples.dtype != np.uint8
        or shape != (None, side, side, 3)
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


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.export",
        description="Write the next version of a SavedModel, or of ONNX "
        "files, of a trained model.",
        epilog="Exit code: 0, done; 1, the disk failed, or the export gave "
        "other pixels; 2, wrong use.",
    )
    parser.add_argument(
        "model",
        type=files.expanded,
        metavar="MODEL",
        help="a run folder or a .keras file",
    )
    parser.add_argument(
        "--output",
        type=files.expanded,
        required=True,
        metavar="DIR",
        help="the folder of the versions, such as saved_models/cyclegan",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="savedmodel",
        help="savedmodel, for TensorFlow Serving and for keras_gans.translate "
        '(default); or onnx, one file per direction (pip install "keras_gans'
        '[onnx]")',
    )
    return parser.parse_args(argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk failed, or the export gave other pixels; 2: wrong
    use.
    """
    arguments = _parse_arguments(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras_gans import runs
    from keras_gans.serving import loading

    try:
        model, settings = loading.read_model(arguments.model)
        result = runs.result(arguments.model) if settings is not None else {}
        path = export(
            model,
            arguments.output,
            _samples(model, settings),
            settings=settings,
            metrics=result.get("metrics"),
            format=arguments.format,
        )
    except (UserError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {shown(path)}")
    return 0


def samples(data):
    """Return held-out images to compare on, uint8, the first of a batch."""
    from keras_gans import images

    return images.to_uint8(next(iter(data.held_out().values()))).numpy()


def _samples(model, settings):
    """Return images to compare on: of the run's data, or drawn faces.

    Data that would have to be named again are not opened: any images do.
    """
    from keras_gans import datasets, runs
    from keras_gans.settings import open_data

    if settings is not None:
        try:
            runs.check_data(settings)
            return samples(open_data(settings))
        except UserError as error:
            reason = str(error).partition(": give")[0]
            print(f"comparing on drawn faces: {reason}", file=sys.stderr)
        except KeyError as error:
            print(
                f"comparing on drawn faces: arguments.json lacks {error}",
                file=sys.stderr,
            )
    faces = datasets.open_source(
        "faces:photo", model.image_size, face_indices=range(2)
    )
    return np.stack([faces.load(i) for i in range(2)])


if __name__ == "__main__":
    sys.exit(main())
