"""Every registered model at a tiny size, and batches for it."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from keras_gans import registry

# Systems that are registered in tests alone.
TOYS = {
    "noise": "tests.toys.noise:NoiseToy",
    "painter": "tests.toys.painter:PainterToy",
    "domains": "tests.toys.domains:DomainsToy",
}
_LABELS = ["Black_Hair", "Blond_Hair", "Male"]
_LABELLED = {
    "image_size": 32,
    "labels": _LABELS,
    "latent_dim": 8,
    "base_filters": 2,
}
# The smallest arguments of each model; the batch follows from its shapes.
# Another architecture of a model is a case `model-architecture`.
TINY = {
    "acgan": _LABELLED,
    "acgan-upsampling": {"architecture": "upsampling", **_LABELLED},
    "attributes": {"image_size": 16, "labels": _LABELS, "base_filters": 2},
    "cgan": _LABELLED,
    "cgan-dense": {"architecture": "dense", **_LABELLED},
    "combogan": {
        "image_size": 16,
        "domains": ["photo", "anime", "sketch"],
        "base_filters": 3,
        "num_residual_blocks": 2,
        "num_shared_blocks": 1,
        "num_discriminator_layers": 2,
        "pool_size": 5,
    },
    "contextual": {
        "image_size": 16,
        "latent_dim": 8,
        "base_filters": 2,
        "search_steps": 3,
        "num_starts": 1,  # of random weights, several are equally near
    },
    "contextual-labels": {
        "architecture": "published",
        "image_size": 16,
        "latent_dim": 8,
        "base_filters": 2,
        "search_steps": 3,
        "num_starts": 1,
        "labels": _LABELS,
    },
    "cyclegan": {"image_size": 32, "base_filters": 4},
    "cyclegan-resnet": {
        "architecture": "resnet",
        "image_size": 24,
        "base_filters": 2,
        "num_residual_blocks": 1,
        "pool_size": 5,
    },
    "dcgan": {"image_size": 32, "latent_dim": 8, "base_filters": 2},
    "dcgan-tf1": {
        "architecture": "tf1",
        "image_size": 32,
        "latent_dim": 8,
        "base_filters": 2,
    },
    "pix2pix": {"image_size": 32, "base_filters": 2},
    "progressive": {
        "image_size": 8,
        "latent_dim": 4,
        "filters": [4, 4],
        "stable_images": 18,
        "fade_images": 60,
    },
    "sharedlatent": {"image_size": 32, "base_filters": 2, "tie": "close"},
    "sharedlatent-unit": {
        "architecture": "unit",
        "image_size": 16,
        "base_filters": 2,
        "num_residual_blocks": 1,
        "num_discriminator_layers": 2,
        "shared_layers": 1,
    },
    "sharedlatent-unit-v1": {
        "architecture": "unit-v1",
        "image_size": 16,
        "base_filters": 2,
        "num_residual_blocks": 1,
        "num_discriminator_layers": 3,
    },
    "stargan": {
        "image_size": 16,
        "labels": _LABELS,
        "base_filters": 2,
        "num_residual_blocks": 0,
        "num_discriminator_layers": 2,
        "critic_steps": 2,
    },
    "style": {
        "image_size": 16,
        "base_filters": 2,
        "num_residual_blocks": 1,
        "vgg_filters": 2,
        "style_size": 16,
    },
    "xgan": {
        "image_size": 32,
        "base_filters": 2,
        "embedding_dim": 8,
        "pool_size": 5,
    },
}
OPTIONAL_TERMS = {
    "combogan": {"identity": 1.0, "latent": 1.0, "forward": 0.2},
    "cyclegan": {"identity": 5.0},
    "style": {"total_variation": 1e-3},
}


def make_batch(model, size=4, seed=0):
    rng = np.random.default_rng(seed)
    batch = {
        key: rng.uniform(-1, 1, (size, *shape[1:])).astype("float32")
        for key, shape in model.batch_shapes.items()
        if len(shape) == 4
    }
    if "domain_a" in model.batch_shapes:
        rows = np.eye(len(model.domains), dtype="float32")
        batch |= {"domain_a": rows[[0] * size], "domain_b": rows[[1] * size]}
    elif len(batch) < len(model.batch_shapes):
        batch |= make_labels(model.label_table, size)
    return batch


def make_labels(table, size):
    """One label each, of the data sets in turn; the mask where there is one."""
    sets = np.arange(size) % table.num_sets
    labels = np.zeros((size, len(table.names)), "float32")
    for row, index in enumerate(sets):
        start, stop = table.ranges[index]
        labels[row, start + row // table.num_sets % (stop - start)] = 1.0
    mask = np.eye(table.num_sets, dtype="float32")[sets]
    return {"labels": labels} | ({"mask": mask} if table.num_sets > 1 else {})


def make_bare(name):
    """Make a model that is not compiled."""
    with mock.patch.dict(registry.MODELS, TOYS):
        arguments = TINY.get(name, {"image_size": 16})
        model = registry.get(name.split("-")[0])(**arguments)
    if hasattr(model, "images_seen"):
        # In the middle of a fade all layers take part.
        model.images_seen.assign(model.schedule.images // 2)
    return model


def make_model(name, seed=0, run_eagerly=True, **compile_arguments):
    """Make a compiled model; eager, which spares tiny models the tracing."""
    keras.utils.set_random_seed(seed)
    model = make_bare(name)
    compile_arguments.setdefault("loss_weights", OPTIONAL_TERMS.get(name))
    model.compile(run_eagerly=run_eagerly, **compile_arguments)
    return model


def fit(model, batch, steps=1):
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    history = model.fit(
        dataset, steps_per_epoch=steps, verbose=0, shuffle=False
    )
    return {name: values[-1] for name, values in history.history.items()}


def at_rest():
    """An optimizer that moves nothing."""
    return keras.optimizers.SGD(0.0)


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def moved(before, variables):
    return [
        not np.array_equal(old, variable.numpy())
        for old, variable in zip(before, variables, strict=True)
    ]
