"""Use trained models in the browser: `python -m keras_gans.studio`.

    python -m keras_gans.studio --model runs/cyclegan runs/dcgan

opens a page on this machine. Nothing leaves it, and what is uploaded is
deleted at the end.
"""

import argparse
import os
import signal
import sys
import threading
import webbrowser

from keras_gans import files, flags, streams
from keras_gans.checks import UserError


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.studio",
        description="Open a page with everything that trained models do.",
        epilog="Exit code: 0, ended by Ctrl-C; 1, no free port or disk; 2, "
        "wrong use.",
    )
    parser.add_argument(
        "--model",
        required=True,
        nargs="+",
        type=files.expanded,
        metavar="PATH",
        help="run folders, .keras files, SavedModels, or the folders of "
        "their versions",
    )
    parser.add_argument(
        "--axes",
        nargs="+",
        default=[],
        type=files.expanded,
        metavar="FILE",
        help="axes of these generators, axes.npz that keras_gans.axes wrote",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="of VGG, for the style of a second image, as for "
        "keras_gans.stylize: imagenet, or a file (default: random weights, "
        "which need no download)",
    )
    parser.add_argument(
        "--port",
        type=flags.integer(1),
        help="of the page (default: the first free one from 7860 up)",
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="also give the page a public address, through a server of "
        "Gradio; whoever knows it can use the models",
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="only print the address",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: ended by Ctrl-C; 1: no free port or disk; 2: wrong use.
    """
    arguments = _parse_arguments(argv)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from keras_gans.studio import engine

    try:
        studio = engine.Studio(
            arguments.model, arguments.axes, arguments.weights
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Also of a terminal that is closed: what was uploaded is deleted.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # not all under Windows
        if number and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        # Gradio reads it when it is imported.
        os.environ["GRADIO_TEMP_DIR"] = str(studio.folder)
        from keras_gans.studio import page

        built = page.build(studio)
        address = page.launch(built, studio, arguments.port, arguments.share)
        for note in studio.notes:
            print(f"warning: {note}", file=sys.stderr)
        print(f"the studio is open at {address}; Ctrl-C ends it", flush=True)
        if not arguments.no_browser:
            webbrowser.open(address)
        threading.Event().wait()
    except ImportError as error:
        print(
            'error: a package is missing: pip install "keras_gans[studio]" '
            f"({error})",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ended")
    finally:
        studio.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
