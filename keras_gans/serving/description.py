"""Describe an export, for people and for programs."""

import json
import platform
import re

import keras
import numpy as np
import tensorflow as tf

from keras_gans import checks, files, verbs
from keras_gans.checks import UserError

PLACE = "model.json"
# Types of the entries that `of_saved_model` needs.
_TYPES = {
    "model": str,
    "config": dict,
    "signatures": dict,
    "image_size": (int, list),
    "verbs": dict,
    "settings": (dict, type(None)),
}
# Operations that reach files, other machines or Python, or run a graph that is
# not part of this one. Our exports have none but those by which TensorFlow
# saves and restores the variables.
_REACHES = re.compile(
    "File|Save|Restore|Checkpoint|Record|TextLine|Snapshot|CacheDataset|Reader"
    "|CSV|LMDB|Sql|LoadDataset|DataService|Summary|ImportEvent|Debug|Dump|Print"
    "|PyFunc|Send|Recv|Remote|Rpc|Abort|BigQuery|BigTable|Gcs|PubSub|FromGraph"
    "|Iterator|RegisterDataset|Remap|Unigram|Queue|Session|Collective|Nccl|TPU"
    "|Heartbeat"
)


def of_model(model):
    """Describe a model: name, configuration, step and sizes.

    Returns:
        dict of plain values.
    """
    step = getattr(model, "step", None)
    return {
        "model": type(model).__name__,
        "config": model.get_config(),
        "step": None if step is None else int(step.numpy()),
        "image_size": model.image_size,
        "verbs": {verb.name: verb.describe() for verb in model.verbs()},
    }


def write(folder, model, about):
    """Write `model.json` into the folder of a version.

    Args:
        folder: `pathlib.Path` of the version, with its other files.
        model: the model.
        about: dict of plain values to add, including `settings`, those of the
            model's run, or None.
    """
    settings = about["settings"] or {}
    content = {
        **of_model(model),
        "data": {k: v for k, v in settings.items() if k.startswith("data")},
        **about,
        "bytes": {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
        "packages": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }
    (folder / PLACE).write_text(json.dumps(content, indent=2) + "\n")


def read(folder):
    """Return the content of `model.json`, or None if it does not exist.

    Raises:
        UserError: in one line, if it is damaged.
    """
    about = files.read_json(folder / PLACE)
    if about is None:
        return None
    wrong = [
        name
        for name, expected in _TYPES.items()
        if not isinstance(about.get(name), expected)
    ]
    if not wrong and not _are_verbs(about["verbs"]):
        wrong = ["verbs"]
    if wrong:
        raise UserError(f"{folder / PLACE} is damaged ({', '.join(wrong)})")
    return about


def _are_verbs(descriptions):
    try:
        found = [
            verbs.described(name, None, about)
            for name, about in descriptions.items()
        ]
        kinds = [verb.images for verb in found if verb.images]
        latents = [
            one for verb in found if (one := verb.input(verbs.Latents)[1])
        ]
        return all(min(k.size, k.multiple or 1) >= 1 for k in kinds) and all(
            1 <= one.size <= checks.MOST_LATENTS
            and one.distribution in verbs.DISTRIBUTIONS
            for one in latents
        )
    # Values in a stranger's file may have any type.
    except Exception:
        return False


def check_graph(folder):
    """Check that the graph of a SavedModel only computes.

    A SavedModel is a program: TensorFlow has operations that read and write
    files. Ours use none, so others that do are refused before loading. This
    blocks the known risks only: use a container for models that you do not
    trust.

    Raises:
        UserError: naming the folder and the operations.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel()
    content.ParseFromString((folder / "saved_model.pb").read_bytes())
    found = set()
    for graph in content.meta_graphs:
        nodes = {node.name: node for node in graph.graph_def.node}
        # The functions by which variables are saved and restored, which
        # nothing else may call.
        saver = graph.saver_def
        names = saver.save_tensor_name.partition(":")[0], saver.restore_op_name
        own = {nodes[n].attr["f"].func.name for n in names if n in nodes}
        # Nor may they be what a signature calls.
        own -= {"", *graph.object_graph_def.concrete_functions}
        bodies = {"": nodes.values()} | {
            function.signature.name: function.node_def
            for function in graph.graph_def.library.function
        }
        for name, body in bodies.items():
            for node in body:
                if name not in own and _REACHES.search(node.op):
                    found.add(node.op)
                if name and own & {*_called(node)}:
                    found.add(node.op)
    if found:
        raise UserError(
            f"{folder} must be a SavedModel that only computes. Received: one "
            f"with {', '.join(sorted(found)[:5])}"
        )


def _called(node):
    """Return the names of the functions that a node may call."""
    if node.op not in tf.raw_ops.__dict__:
        yield node.op  # a function, by its name
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def tables(functions):
    """Describe the inputs and outputs of concrete functions as plain values.

    Returns:
        dict from name to `{"inputs": ..., "outputs": ...}`, each a dict from
        name to `{"dtype": str, "shape": list}`.
    """

    def table(specifications):
        return {
            name: {"dtype": s.dtype.name, "shape": s.shape.as_list()}
            for name, s in specifications
        }

    return {
        name: {
            "inputs": table(
                (s.name, s)
                for s in tf.nest.flatten(function.structured_input_signature)
            ),
            "outputs": table(function.structured_outputs.items()),
        }
        for name, function in functions.items()
    }
