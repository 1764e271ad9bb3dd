"""Pairs whose targets have labels, as sketches and photographs of faces."""

from keras_gans.datasets import label_sources, sources
from keras_gans.datasets.data import SHOWN
from keras_gans.datasets.labelled import WithLabels
from keras_gans.datasets.labels import open_labelled
from keras_gans.datasets.paired import PairedData


class LabelledPairs(WithLabels, PairedData):
    """Input images and their targets, these with labels, see `paired`.

    `labels` has one entry, for `data_b`.
    """

    kind = "labelled_pairs"
    flags = (*PairedData.flags, "labels")

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        are_drawn = bool(settings.get("sketch_style"))
        (names,) = settings["labels"]
        opened = {
            "data_b": open_labelled(
                *(settings["data_b"], names, load_size),
                *("data" if are_drawn else "data_b", seed, cache_bytes),
            )
        }
        if not are_drawn:
            opened["data_a"] = sources.open_source(
                *(settings["data_a"], load_size, "data_a", seed, cache_bytes),
                label_sources.FACES,
            )
        return super()._open_sides(
            settings | opened, load_size, seed, cache_bytes
        )

    def held_out(self, count=SHOWN):
        targets = self.held["data_b"]
        rows = range(min(count, len(targets)))
        return super().held_out(count) | {"labels": targets.labels_of(rows)}

    def _domains(self, sides):
        named, _ = super()._domains(sides)
        return named, sides["data_b"].labels
