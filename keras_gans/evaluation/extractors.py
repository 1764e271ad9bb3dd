"""Extractors of features by a line of text, as flags have it."""

from keras_gans import attributes, metrics
from keras_gans.datasets import headers


def opened(text):
    """Open an extractor.

    Args:
        text: str, a name out of `metrics.EXTRACTORS`, or `"NAME=FILE"` with
            a file of its weights.

    Returns:
        `metrics.Extractor`; or a ValueError that says why it cannot be had,
        which `metrics.create` takes, too: metrics without one go on.

    Raises:
        ValueError: for an unknown name.
    """
    name, _, file = text.partition("=")
    if name not in metrics.EXTRACTORS:
        raise ValueError(
            f"extractor must be one of {', '.join(metrics.EXTRACTORS)}, or "
            f"NAME=FILE. Received: {text!r}"
        )
    options = {"weights": file or None}
    if name == "faces" and not file:
        options |= {
            "train": attributes.train_classifier,
            "folder": headers.cache_folder(),
        }
    try:
        return metrics.extractor(name, **options)
    except (ValueError, OSError) as error:
        return ValueError(str(error))
