"""Unpaired images of any number of domains, shuffled independently."""

import os
import pathlib

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.datasets import passes, sources, streams
from keras_gans.datasets.data import Data


def domains(
    data,
    image_size=64,
    batch_size=64,
    load_size=None,
    flip=True,
    seed=0,
    start=0,
    held_out=0,
    cache_bytes=1 << 30,
    repeat=True,
):
    """Make a data set of batches from several unpaired domains.

    Args:
        data: dict from domain name to `Pictures` or an `open_source`
            argument.
        image_size, batch_size, load_size, flip, seed, start, held_out,
            cache_bytes, repeat: as in `unpaired`.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images_NAME` for each
        domain, float32 `[batch_size, image_size, image_size, 3]` in [-1, 1].

    Raises:
        UserError: if an argument is invalid or a domain cannot be opened.
    """
    passes.check(
        image_size, batch_size, load_size, seed, start, held_out, repeat
    )
    collections = {
        f"images_{name}": (
            name,
            streams.opened(
                *(side, name, image_size, load_size, seed, cache_bytes),
                _faces(number, len(data)),
            ),
        )
        for number, (name, side) in enumerate(data.items())
    }
    return streams.batches(
        *(collections, image_size, batch_size, flip, seed, start),
        *(held_out, repeat),
    )


def _faces(number, count):
    """Return identities of drawn faces; domains share none of them."""
    return range(number, 2000 * count, count)


class DomainsData(Data):
    """Image collections by domain, see `domains`.

    Its settings are `data`, a list of sources, and `domains`, their names:
    for folders the last part of the path, for drawn faces the style.
    """

    kind = "domains"
    sources = ("data",)
    flags = ("data",)

    @classmethod
    def resolve(cls, settings):
        super().resolve(settings)
        data = settings["data"]
        if data is None:
            return
        if len(data) == 1 and sources.scheme(data[0]) == "folder":
            folder = pathlib.Path(files.expanded(data[0]))
            names = files.subfolders(folder) if os.path.isdir(folder) else []
            data = [os.path.join(folder, name) for name in names]
        if len(data) < 2:
            raise UserError(
                "data must be given for each domain, two or more, or once, a "
                "folder with a folder for each. Received: "
                f"{', '.join(settings['data'])}"
            )
        settings["data"] = data
        cls.names(data)

    @staticmethod
    def names(data):
        """Return the names of domains, derived from their sources.

        Raises:
            UserError: if two have the same name.
        """
        names = []
        for spec in data:
            name = str(spec).partition("@")[0].partition(":")[2] or str(spec)
            names.append(pathlib.Path(name).name)
        if len({*names}) < len(names):
            raise UserError(
                "data must be domains of different names. "
                f"Received: {', '.join(map(str, data))}"
            )
        return names

    @classmethod
    def model_arguments(cls, settings):
        return {"domains": cls.names(settings["data"])}

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        data = settings["data"]
        return {
            name: sources.open_source(
                *(spec, load_size, name, seed, cache_bytes),
                _faces(number, len(data)),
            )
            for number, (name, spec) in enumerate(
                zip(cls.names(data), data, strict=True)
            )
        }

    @staticmethod
    def _key(side):
        return f"images_{side}"

    def batches(self, start=0, repeat=True):
        sides = self.training if repeat else self.held
        return domains(sides, **self._options(start, repeat))

    def _domains(self, sides):
        return sides, None
