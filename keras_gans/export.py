"""Export a model for serving: `python -m keras_gans.export`.

    python -m keras_gans.export runs/cyclegan --output saved_models/cyclegan

Writes the next version of a SavedModel that takes and returns uint8 images,
and publishes it if it gives the same pixels as the model.
"""

import argparse
import sys

import numpy as np

from keras_gans import files, flags, streams
from keras_gans.checks import UserError, shown
from keras_gans.serving.exporting import FORMATS, export, samples


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.export",
        description="Export a trained model as the next version of a "
        "SavedModel or of ONNX files, or as a page for the browser.",
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
        help="the folder of the versions, such as saved_models/cyclegan; or, "
        "new or empty, that of the page",
    )
    flags.add(parser, flags.AXES)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="savedmodel",
        help="savedmodel, for TensorFlow Serving and for keras_gans.translate "
        "(default); onnx, one file per verb; or web, a static folder that "
        "runs the model in the visitor's browser (pip install "
        '"keras_gans[onnx]" for both)',
    )
    parser.add_argument(
        "--onnxruntime",
        type=files.expanded,
        metavar="DIR",
        help="for web: a folder of onnxruntime-web (default: npm fetches it)",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk failed, or the export gave other pixels; 2: wrong
    use.
    """
    arguments = _parse_arguments(argv)
    import tensorflow as tf

    from keras_gans import runs
    from keras_gans.latents import FeatureAxes
    from keras_gans.serving import loading

    try:
        axes = arguments.axes and FeatureAxes.load(arguments.axes)
        # ONNX computes in float32, which the weights are in any case.
        precision = None if arguments.format == "savedmodel" else "float32"
        model, settings = loading.read_model(arguments.model, axes, precision)
        result = runs.result(arguments.model) if settings is not None else {}
        path = export(
            model,
            arguments.output,
            _samples(model, settings),
            settings=settings,
            # Of a run that went on and was stopped they are of another step.
            metrics=result.get("metrics")
            if result.get("step") == int(model.step.numpy())
            else None,
            format=arguments.format,
            onnxruntime=arguments.onnxruntime,
        )
    except (UserError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError, tf.errors.OpError) as error:
        print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    print(f"wrote {shown(path)}")
    return 0


def _samples(model, settings):
    """Return images to compare on: from the run's data, or drawn faces.

    Data that must be named again are not opened: any images will do.
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
    size = model.image_size  # or height and width, of what takes no images
    faces = datasets.open_source(
        "faces:photo",
        size if isinstance(size, int) else max(size),
        face_indices=range(2),
    )
    return np.stack([faces.load(i) for i in range(2)])


if __name__ == "__main__":
    sys.exit(main())
