"""A command goes on when nobody reads what it prints."""

import os
import subprocess
import sys

import pytest

CODE = """
import logging, os, sys
import tqdm
from keras_gans import streams

@streams.outlasting
def main(argv=None):
    logging.basicConfig()
    for i in tqdm.tqdm(range(40), mininterval=0):
        print("out " * 1000)
        logging.warning("err " * 1000)
        for descriptor in (1, 2):  # as C code does
            try:
                os.write(descriptor, b"raw")
            except OSError:
                assert i < 20
    with open(argv[0], "w") as file:
        assert file.fileno() > 2
        os.write(2, b"raw")
        file.write("done")
    return 7

sys.exit(main(sys.argv[1:]))
"""


def unwritable(how):
    """Return a descriptor that nothing can be written to."""
    if how == "full disk":
        return os.open("/dev/full", os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("options", [[], ["-u"]])
@pytest.mark.parametrize("which", [(1,), (2,), (1, 2)])
@pytest.mark.parametrize("how", ["pipe", "full disk", "from the start"])
def test_its_work_is_done_and_its_exit_code_right(
    tmp_path, options, which, how
):
    command = [sys.executable, *options, "-c", CODE, str(tmp_path / "end")]
    pipes = {1: subprocess.PIPE, 2: subprocess.PIPE}
    if how == "from the start":
        closing = " ".join(f"{number}>&-" for number in which)
        command = ["sh", "-c", f'exec "$@" {closing}', "sh", *command]
    else:
        pipes |= {number: unwritable(how) for number in which}
    process = subprocess.run(command, stdout=pipes[1], stderr=pipes[2])
    for descriptor in {*pipes.values()} - {subprocess.PIPE}:
        os.close(descriptor)
    assert process.returncode == 7
    assert (tmp_path / "end").read_text() == "done"
    for shown in filter(None, (process.stdout, process.stderr)):
        assert b"Traceback" not in shown and b"ignored" not in shown


def test_what_is_read_is_as_ever():
    code = (
        "import sys\n"
        "from keras_gans import streams\n"
        "print('before')\n"
        "def main(argv=None):\n"
        "    print('pr\\u00fcfung'); sys.stdout.buffer.write(b'bytes')\n"
        "    print('error', file=sys.stderr); raise ZeroDivisionError\n"
        "streams.outlasting(main)()\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert process.returncode == 1
    assert "pr\u00fcfung".encode() in process.stdout
    assert process.stdout.startswith(b"before") and b"bytes" in process.stdout
    assert process.stderr.startswith(b"error\nTraceback")


def test_streams_of_others_are_left_alone(capsys):
    from keras_gans import streams

    ours = sys.stdout
    assert streams.outlasting(lambda argv: sys.stdout is ours)()
