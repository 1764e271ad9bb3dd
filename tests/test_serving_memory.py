"""A server lives, whatever it is sent, and answers each image for itself."""

import json
import subprocess
import sys

import pytest


def child(name, *arguments):
    """Run a function of `tests.serving_children` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.serving_children", name]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
    )
    # A heap that was written over ends the process by a signal.
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "count", [300, pytest.param(6_000, marks=pytest.mark.slow)]
)
def test_webp_of_any_flags_frames_and_sizes(count):
    found = child("webp", count)
    assert found["wrong"] == []
    # Both happen often: neither everything is refused nor everything read.
    assert found["ok"] > 0.1 * count and found["refused"] > 0.1 * count


@pytest.mark.parametrize(
    "seconds", [3, pytest.param(60, marks=pytest.mark.slow)]
)
def test_sixteen_threads_of_good_and_bad_images(seconds):
    found = child("threads", seconds)
    assert found["wrong"] == 0 and found["answers"] > 16
    # After the first quarter the memory is steady.
    assert found["megabytes_grown"] < 100
