"""Sample grids: columns of a model's images, each with a role."""

import typing


class Column(typing.NamedTuple):
    """One column of a sample grid.

    Attributes:
        role: str, `"input"`, `"output"`, `"truth"` of the outputs, or
            `"back"`, the outputs translated back.
        images: float `[batch, height, width, 3]` in [-1, 1].
        heading: str, the text above the column.
    """

    role: str
    images: typing.Any
    heading: str = ""


class Grid(typing.NamedTuple):
    """Sample images of a model for a fixed batch.

    Attributes:
        columns: list of `Column`.
        reals: images that the outputs should resemble, not shown; None for
            the inputs.
        discriminator: the network that judges such images singly, or None.
    """

    columns: list
    reals: typing.Any = None
    discriminator: typing.Any = None

    def of(self, role):
        """Return the images of the columns with this role."""
        return [column.images for column in self.columns if column.role == role]


def both_ways(batch, translate, judge):
    """Return the sample grids of both translations between two domains.

    Args:
        batch: dict with `images_a` and `images_b`.
        translate: function of images and their target, `to`, to images.
        judge: function of a domain to the network that judges its images.

    Returns:
        dict from name of the verb to `Grid`: inputs, outputs, and back.
    """
    grids = {}
    for source, target in ("ab", "ba"):
        images = batch[f"images_{source}"]
        fake = translate(images, to=target)
        columns = [
            Column("input", images),
            Column("output", fake),
            Column("back", translate(fake, to=source)),
        ]
        reals = batch[f"images_{target}"]
        grids[f"{source}_to_{target}"] = Grid(columns, reals, judge(target))
    return grids
