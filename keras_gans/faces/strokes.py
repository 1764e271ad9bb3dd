"""Draw sketches badly, in grades, to measure what a model makes of them.

Whoever draws by hand misses: strokes are shifted, missing, too thick and
scribbled over. Here all of it grows with the grade, at the same places, so
that a curve over the grades is of one drawing that gets worse.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_gans import checks
from keras_gans.checks import UserError

GRADES = range(6)  # 0 is the sketch as it is

# All lengths are in parts of the image's side, at the worst grade.
_SHIFT = 0.07
_THICKER = 0.015
_CELLS = 5  # a side, that are shifted apart
_HOLES, _HOLE = 2, (0.05, 0.11)  # per grade; their radii
_SCRIBBLES, _SCRIBBLE = 1, 0.12  # per grade; half the side of one
_TURNS, _PEN = 7, 0.018
_FINER = 4  # of holes and scribbles, which are drawn smooth


def draw_badly(sketch, grade, seed=0, index=0):
    """Spoil a sketch.

    Args:
        sketch: uint8 `[height, width, 3]` or `[height, width, 1]`, dark
            strokes on light paper.
        grade: int from 0, as it is, to 5.
        seed: int, 0 <= seed < 2**32.
        index: int from 0 up, number of the sketch.

    Returns:
        uint8, the shape of `sketch`; a pure function of the arguments.

    Raises:
        UserError: if an argument is invalid.
    """
    sketch = np.asarray(sketch)
    is_sketch = sketch.dtype == np.uint8 and sketch.ndim == 3 and sketch.size
    if not is_sketch or sketch.shape[2] not in (1, 3):
        raise UserError(
            "sketch must be uint8 [height, width, 3] or [height, width, 1]. "
            f"Received: {sketch.dtype.name} {sketch.shape}"
        )
    checks.between(GRADES[0], GRADES[-1], grade=grade)
    checks.seed(seed)
    checks.between(0, 2**32 - 1, index=index)
    if grade == 0:
        return sketch.copy()
    # As the streams of NumPy's newer generators may change. All numbers are
    # drawn whatever the grade, so that a worse one has the same places.
    random = np.random.RandomState([seed, index])
    shifts = random.uniform(-1.0, 1.0, (_CELLS + 1, _CELLS + 1, 2))
    holes = random.uniform(size=(_HOLES * GRADES[-1], 3))
    centers = random.uniform(0.2, 0.8, (_SCRIBBLES * GRADES[-1], 1, 2))
    turns = random.uniform(-1.0, 1.0, (len(centers), _TURNS, 2))
    scribbles = centers + _SCRIBBLE * turns
    part = grade / GRADES[-1]
    # What most pixels have, and the darkest strokes.
    paper = np.percentile(sketch, 90, axis=(0, 1)).astype(np.uint8)
    ink = np.percentile(sketch, 2, axis=(0, 1)).astype(np.uint8)
    layers = [
        Image.fromarray(np.ascontiguousarray(sketch[..., channel]))
        for channel in range(sketch.shape[2])
    ]
    mesh = _mesh(layers[0].size, part * _SHIFT * shifts)
    hidden = _mask(layers[0].size, holes=holes[: _HOLES * grade])
    drawn = _mask(layers[0].size, scribbles=scribbles[: _SCRIBBLES * grade])
    for number, layer in enumerate(layers):
        layer = layer.transform(
            layer.size,
            Image.Transform.MESH,
            mesh,
            Image.Resampling.BILINEAR,
        )
        layer = _thickened(layer, part * _THICKER * min(layer.size))
        layer.paste(int(paper[number]), mask=hidden)
        layer.paste(int(ink[number]), mask=drawn)
        layers[number] = np.asarray(layer)
    return np.stack(layers, axis=-1)


def _mesh(size, shifts):
    """Return where the cells of a grid come from; its border stays."""
    shifts = shifts.copy()
    shifts[[0, -1]] = shifts[:, [0, -1]] = 0.0
    nodes = np.indices((_CELLS + 1, _CELLS + 1)).transpose(1, 2, 0) / _CELLS
    corners = np.rint(nodes[..., ::-1] * size).astype(int).tolist()
    origins = ((nodes + shifts)[..., ::-1] * size).tolist()
    return [
        (
            (*corners[y][x], *corners[y + 1][x + 1]),
            # From the upper left corner, against the clock.
            (
                *(*origins[y][x], *origins[y + 1][x]),
                *(*origins[y + 1][x + 1], *origins[y][x + 1]),
            ),
        )
        for y, x in np.ndindex(_CELLS, _CELLS)
        if np.all(np.less(corners[y][x], corners[y + 1][x + 1]))
    ]


def _thickened(layer, radius):
    """Make dark strokes wider by a radius in pixels, of any fraction."""
    whole = int(radius)
    thick, thicker = (
        layer.filter(ImageFilter.MinFilter(2 * r + 1)) if r else layer
        for r in (whole, whole + 1)
    )
    return Image.blend(thick, thicker, radius - whole)


def _mask(size, holes=(), scribbles=()):
    """Draw holes, (x, y, size), and lines through points as a smooth mask."""
    fine = np.multiply(size, _FINER)
    mask = Image.new("L", tuple(fine.tolist()))
    draw = ImageDraw.Draw(mask)
    least, most = _HOLE
    for x, y, share in holes:
        center = np.array([x, y]) * fine
        radius = (least + share * (most - least)) * min(fine)
        draw.ellipse([*(center - radius), *(center + radius)], fill=255)
    for points in scribbles:
        width = max(1, round(_PEN * min(fine)))
        path = (points * fine).ravel().tolist()
        draw.line(path, fill=255, width=width, joint="curve")
    return mask.resize(size, Image.Resampling.BOX)
