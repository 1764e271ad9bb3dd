"""Sketches that are drawn badly, in grades."""

import numpy as np
import pytest

from keras_gans.faces import drawing, strokes


def test_grades_get_worse_and_depend_on_the_arguments_alone():
    sketches = [drawing.draw(i, "sketch") for i in range(6)]
    errors = []
    for grade in strokes.GRADES:
        spoiled = [
            strokes.draw_badly(sketch, grade, seed=1, index=i)
            for i, sketch in enumerate(sketches)
        ]
        differences = np.subtract(spoiled, sketches, dtype=int)
        errors.append(np.abs(differences).mean())
    assert errors[0] == 0.0 and (np.diff(errors) > 0.5).all()
    again = strokes.draw_badly(sketches[5], 5, seed=1, index=5)
    np.testing.assert_array_equal(again, spoiled[5])
    for other in ({"seed": 2, "index": 5}, {"seed": 1, "index": 4}):
        differs = strokes.draw_badly(sketches[5], 5, **other) != again
        assert differs.mean() > 0.1


def test_each_kind_of_fault():
    """Thick strokes, holes and scribbles on a sketch of one bar."""
    sketch = np.full((100, 80, 1), 250, np.uint8)
    sketch[:, 38:42] = 10
    spoiled = strokes.draw_badly(sketch, 5)
    assert spoiled.shape == sketch.shape and spoiled.dtype == np.uint8
    bar, beside = spoiled[:, 38:42, 0], spoiled[:, [36, 43], 0]
    assert (bar == 250).all(axis=1).sum() > 5  # missing
    assert (beside < 128).mean() > 0.3  # thicker or shifted
    assert (spoiled[:, :25] < 128).any()  # scribbled
    np.testing.assert_array_equal(
        strokes.draw_badly(np.repeat(sketch, 3, axis=-1), 5)[..., 2:], spoiled
    )
    for shape in ((1, 1, 3), (3, 7, 1)):
        spoiled = strokes.draw_badly(np.zeros(shape, np.uint8), 5)
        assert spoiled.shape == shape


def test_wrong_use():
    sketch = np.zeros((8, 8, 3), np.uint8)
    for arguments, match in (
        ((sketch[..., 0], 1), "sketch must be uint8"),
        ((sketch / 2, 1), "sketch must be uint8.*float64"),
        ((sketch, 6), "grade must be an integer from 0 to 5"),
        ((sketch, 1, -1), "seed must be"),
        ((sketch, 1, 0, -1), "index must be"),
    ):
        with pytest.raises(ValueError, match=match):
            strokes.draw_badly(*arguments)
