"""Export a page that runs a model in the browser of its visitor.

The folder needs no server program: `index.html` and scripts, `model.json`
with the verbs and their inputs, an ONNX file per verb, and onnxruntime-web.
An ONNX file takes uint8 images of any size and does all scaling, like the
SavedModel.
"""

import importlib.resources
import json
import logging
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import tensorflow as tf

from keras_gans import files, images, verbs
from keras_gans.checks import UserError
from keras_gans.serving import geometry, onnx_files, signatures, tensors
from keras_gans.serving.saved_model import check_outputs

logger = logging.getLogger("keras_gans")

RUNTIME = "onnxruntime-web@1.30.0"
# What the page loads of it, by its name there. Not every server knows `.mjs`.
_RUNTIME_FILES = {
    "ort.wasm.bundle.min.mjs": "onnxruntime.js",
    "ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
}
_MOST_BYTES = 2**30  # of one verb, which a browser holds more than once
_SECONDS = 600  # that npm may take


def write(folder, model, samples, runtime=None):
    """Write the page into a new or empty folder.

    Verbs that search, or return codes, are left out, with a warning.

    Args:
        folder: path. Hidden files, such as `.git`, may be in it.
        model: as for `signatures.make`.
        samples: uint8 `[batch, image_size, image_size, 3]`, to compare on.
        runtime: path of a folder with the files of onnxruntime-web. Default:
            `npm` fetches it.

    Returns:
        `pathlib.Path` of `folder`.

    Raises:
        ImportError: if a package of the extra `onnx` is missing.
        UserError: if the model or an argument does not fit, or onnxruntime-web
            cannot be had.
        RuntimeError: if a file gives different outputs than the model.
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(files.expanded(folder))
    _check_empty(folder)
    onnx_files.check(model, "web")
    shown = _shown(model)
    with files.beside(folder) as unfinished:
        _copy_runtime(unfinished, runtime)
        served = signatures.make(model, with_encoded=False)
        about = {
            "model": type(model).__name__,
            "verbs": {
                verb.name: _write_verb(
                    unfinished, model, verb, served[verb.name], samples
                )
                for verb in shown
            },
        }
        (unfinished / "model.json").write_text(json.dumps(about, indent=2))
        page = importlib.resources.files("keras_gans.serving") / "page"
        for file in page.iterdir():
            (unfinished / file.name).write_bytes(file.read_bytes())
        # The page comes last: whoever opens it finds it whole.
        for path in sorted(
            unfinished.iterdir(), key=lambda path: path.name == "index.html"
        ):
            os.rename(path, folder / path.name)
    return folder


def _check_empty(folder):
    try:
        found = sorted(filter(files.is_listed, os.listdir(folder)))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        found = ["a file"]
    if found:
        raise UserError(
            'output must be a new or empty folder for format="web". '
            f"Received: {str(folder)!r}, with {found[0]}"
        )


def _shown(model):
    """Return the verbs that a page can show; warn of the others."""
    shown = []
    for verb in model.verbs():
        if verb.steps is not None:
            reason = "it searches, and an ONNX file has no gradients"
        elif isinstance(verb.output, verbs.Codes):
            reason = "it returns codes, not images"
        else:
            shown.append(verb)
            continue
        logger.warning("%s is left out: %s", verb.name, reason)
    if not shown:
        raise UserError(
            'format must be "savedmodel" for a model without a verb that a '
            "page can run. Received: 'web'"
        )
    return shown


def _write_verb(folder, model, verb, served, samples):
    """Write `<verb>.onnx`; return what the page is to know of it."""
    weights = sum(one.shape.num_elements() for one in served.variables)
    if 4 * weights > _MOST_BYTES:
        raise UserError(
            f"model must have at most {_MOST_BYTES // 2**20} MiB of weights "
            f'for format="web". Received: {4 * weights // 2**20}, {verb.name}'
        )
    # Of another width, so that scaling or padding is compared, too.
    samples = samples[:, : max(1, 3 * samples.shape[1] // 4 - 1)]
    inputs = signatures.sample_inputs(verb, len(samples))
    if verb.images:
        inputs[verb.input(verbs.Images)[0]] = tf.constant(samples)
    file = folder / f"{verb.name}.onnx"
    outputs = onnx_files.convert(
        file,
        _on_pixels(verb),
        signatures.specs(verb, images=tf.uint8),
        model,
        {name: rows.numpy() for name, rows in inputs.items()},
    )
    (expected,) = served(**inputs).values()
    check_outputs(verb.name, outputs, expected.numpy())
    return {
        **verb.describe(),
        "pixel_limit": verb.images and tensors.pixel_limit(verb.images),
    }


def _on_pixels(verb):
    """Return a verb as `tensors.tensor_form` of operations that ONNX has."""
    name, declared = verb.input(verbs.Images)

    def on_pixels(**inputs):
        if declared is None:
            return images.to_uint8(verb.function(**inputs))
        size = tf.shape(inputs[name])[1:3]
        options = declared.size, declared.multiple, _resized(declared)
        floats = images.to_float(inputs[name])
        outputs = verb.function(
            **inputs | {name: geometry.fit(floats, *options)}
        )
        if verb.output:
            return outputs
        return images.to_uint8(geometry.restore(outputs, size, *options))

    return on_pixels


def _resized(declared):
    if declared.multiple is None:
        return geometry.resized_by_products
    return lambda pictures, size: pictures  # a network of any scale


def _copy_runtime(folder, runtime):
    """Copy the files of onnxruntime-web from a folder, or from npm."""
    if runtime is None:
        _fetch_runtime(folder)
        return
    for name, ours in _RUNTIME_FILES.items():
        places = [
            pathlib.Path(files.expanded(runtime), part, name)
            for part in ("", "dist")
        ]
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise UserError(
                "onnxruntime must be a folder of onnxruntime-web, or its "
                f"dist, with {name}. Received: {str(runtime)!r}"
            )
        shutil.copyfile(found, folder / ours)


def _fetch_runtime(folder):
    # Windows has npm.cmd.
    command = [shutil.which("npm") or "npm", "pack", RUNTIME]
    command += ["--prefer-offline", "--loglevel=error"]
    advice = "give --onnxruntime, a folder of onnxruntime-web"
    with tempfile.TemporaryDirectory() as place:
        try:
            done = subprocess.run(
                command,
                cwd=place,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise UserError(
                f"{RUNTIME} cannot be fetched: there is no npm; {advice}"
            ) from None
        except subprocess.TimeoutExpired:
            raise UserError(
                f"{RUNTIME} cannot be fetched: npm took over {_SECONDS} "
                f"seconds; {advice}"
            ) from None
        if done.returncode:
            reason = " ".join(done.stderr.split())[:200] or "npm failed"
            raise UserError(f"{RUNTIME} cannot be fetched: {reason}; {advice}")
        (archive,) = pathlib.Path(place).glob("*.tgz")
        with tarfile.open(archive) as package:
            for name, ours in _RUNTIME_FILES.items():
                content = package.extractfile(f"package/dist/{name}").read()
                (folder / ours).write_bytes(content)
