"""Settings for two domains: two sources, or one data set with both."""

import os
import pathlib

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.datasets import sources
from keras_gans.datasets.data import Data


class TwoDomains(Data):
    """Base of the kinds with `data_a` and `data_b`."""

    @classmethod
    def resolve(cls, settings):
        super().resolve(settings)
        data, direction = settings.pop("data"), settings.pop("direction")
        given = [settings[name] for name in cls.sources]
        if data is not None:
            if len(data) > 1:
                raise UserError(
                    f"data must be given once for {cls.kind} data. "
                    f"Received: {', '.join(data)}"
                )
            (data,) = data
            if any(given):
                raise UserError(
                    "data must be given alone, or data_a and data_b. Received: "
                    f"data={data!r} and data_a={given[0]!r}, "
                    f"data_b={given[1]!r}"
                )
            sides = cls.sides_of(data)
            sides = sides if direction == "a_to_b" else sides[::-1]
            settings["data_a"], settings["data_b"] = sides
        elif direction != "a_to_b":
            raise UserError(
                "direction must be a_to_b where data is not given: exchange "
                f"data_a and data_b. Received: {direction!r}"
            )
        elif bool(given[0]) != bool(given[1]):
            missing = "data_b" if given[0] else "data_a"
            raise UserError(
                f"{missing} must be given when the other side is. "
                f"Received: {missing}={settings[missing]!r}"
            )

    @classmethod
    def sides_of(cls, data):
        """Return the sources of both sides of a data set.

        Args:
            data: str. `"tfds:NAME/CONFIG"` stands for its splits `trainA`
                and `trainB`; a folder with `trainA` and `trainB` (or `A` and
                `B`, in any case) for these; for paired data any other folder
                for the halves of its side-by-side images, or of those in its
                subfolder `train` if it exists.

        Returns:
            `(data_a, data_b)`, two `open_source` arguments.

        Raises:
            UserError: if `data` does not have two sides.
        """
        scheme = sources.scheme(data)
        if scheme == "tfds":
            if "@" in data or "#" in data:
                raise UserError(
                    "data must be tfds:NAME/CONFIG, of which trainA and trainB "
                    "are taken; give other splits as data_a and data_b. "
                    f"Received: {data!r}"
                )
            return cls._splits(data)
        if scheme == "faces":
            raise UserError(
                "data must be a data set with two sides; give faces:STYLE as "
                f"data_a and data_b. Received: {data!r}"
            )
        folder = str(pathlib.Path(files.expanded(data)))
        if not os.path.isdir(folder):
            raise UserError(
                "data must be a folder that exists, or tfds:NAME/CONFIG. "
                f"Received: {data!r}"
            )
        folders = {
            name.lower(): os.path.normpath(os.path.join(folder, name))
            for name in files.subfolders(folder)
        }
        for a, b in (("traina", "trainb"), ("train_a", "train_b"), ("a", "b")):
            if a in folders and b in folders:
                return folders[a], folders[b]
        return cls._sides_of_other(folder, folders)

    @staticmethod
    def _splits(data):
        return f"{data}@trainA", f"{data}@trainB"

    @staticmethod
    def _sides_of_other(folder, folders):
        raise UserError(
            "data must be a folder with the folders trainA and trainB in it; "
            "any two folders can be given as data_a and data_b. Received: "
            f"{folder!r} with {', '.join(list(folders)[:5]) or 'no folders'}"
        )
