"""Build batches from images on disk, with one file per kind of data.

TensorFlow is imported only when a pipeline is built. So `unpaired` can be
imported here right away; imported later, the module of that name would replace
the function in this package.
"""

from keras_gans.datasets.data import FLAGS, SHOWN, Case, Data
from keras_gans.datasets.domains import DomainsData, domains
from keras_gans.datasets.labelled import (
    LabelledData,
    held_out_labelled,
    labelled,
)
from keras_gans.datasets.labelled_pairs import LabelledPairs
from keras_gans.datasets.labels import LabelledPictures, open_labelled
from keras_gans.datasets.paired import PairedData, open_pair, paired
from keras_gans.datasets.passes import held_out
from keras_gans.datasets.pictures import Pictures, split
from keras_gans.datasets.single import SingleData, single
from keras_gans.datasets.sources import default_load_size, open_source
from keras_gans.datasets.unpaired import UnpairedData, unpaired

# Kind of data -> its class. Adding one is a file and a name here.
KINDS = {
    data.kind: data
    for data in (
        *(UnpairedData, PairedData, LabelledData, SingleData, DomainsData),
        LabelledPairs,
    )
}


def kind_of(model_class, labels=None):
    """Return the data class of a model, given the labels that are named."""
    labelled = model_class.labelled_kind if labels else None
    return KINDS[labelled or model_class.data_kind]


__all__ = [
    "FLAGS",
    "KINDS",
    "SHOWN",
    "Case",
    "Data",
    "LabelledPictures",
    "Pictures",
    "default_load_size",
    "domains",
    "held_out",
    "held_out_labelled",
    "kind_of",
    "labelled",
    "open_labelled",
    "open_pair",
    "open_source",
    "paired",
    "single",
    "split",
    "unpaired",
]
