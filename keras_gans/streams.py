"""Standard output and error: kept when closed, free of what means nothing."""

import contextlib
import functools
import io
import os
import sys


class _Output(io.FileIO):
    """A descriptor that accepts all output, also when nobody reads it."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError:
            # Such as after `| head -1`, of a terminal that was closed, or on
            # a full disk. From now on also for what is written by C code and
            # when Python ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


def outlasting(main):
    """Let a command continue when its output is closed.

    Later output is lost; the work and the exit code are not. Ctrl-C ends it
    in one line, with exit code 130.

    Args:
        main: function of the arguments, or None, that returns an exit code.
    """

    @functools.wraps(main)
    def command(argv=None):
        for descriptor in range(3):
            try:
                os.fstat(descriptor)
            except OSError:
                # Closed from the start, as by `>&-`: the next file to be
                # opened would receive all that C code prints.
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        _quiet_tensorflow()
        with (
            contextlib.redirect_stdout(_outlasting(sys.stdout)) as output,
            contextlib.redirect_stderr(_outlasting(sys.stderr)) as errors,
        ):
            try:
                return main(argv)
            except KeyboardInterrupt:
                print("stopped; the same command goes on", file=sys.stderr)
                return 130
            finally:
                output.flush()
                errors.flush()

    return command


def _quiet_tensorflow():
    """Let TensorFlow, which is not imported yet, print only what matters.

    What fails also raises an exception. Without a GPU it reports as errors
    that it found none, and operations that oneDNN does not have.
    """
    has_gpu = any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")


def _outlasting(stream):
    if stream is None:  # closed from the start
        return open(os.devnull, "w")
    if not isinstance(stream, io.TextIOWrapper) or stream not in (
        sys.__stdout__,
        sys.__stderr__,
    ):
        return stream  # another's, such as a notebook's
    with contextlib.suppress(OSError):
        stream.flush()
    raw = _Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
