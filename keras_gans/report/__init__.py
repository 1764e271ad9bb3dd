"""Write the report of a run: one HTML file, without server or network.

The report shows the content of a run folder. If something is missing or
damaged, its section says so in one line; other sections are not affected.
"""

import logging
import pathlib

from keras_gans import files
from keras_gans.checks import UserError, shown
from keras_gans.report.contents import Contents

__all__ = ["part", "write"]

logger = logging.getLogger(__name__)

# How every report begins; by it an earlier one is known. Nothing is fetched,
# whatever a name in a run folder looks like.
START = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
"""
# Heading -> macro of the template.
_SECTIONS = {
    "Metrics": "metrics",
    "Metrics over the steps": "progress",
    "Samples": "samples",
    "Best and worst images": "examples",
    "Losses": "losses",
    "Health": "health",
    "Protocols in training": "protocols",
    "Data": "data",
    "Settings": "settings",
}
_OF_EVALUATION = ("metrics", "examples", "data")


def write(folder, path=None):
    """Write the report of a run folder or an evaluation folder.

    It shows metrics with their protocols, metrics over the steps, sample
    grids with a slider, best and worst images, loss curves, notes of
    `health`, statistics of the data, and the settings.

    Args:
        folder: path of a run folder (see `keras_gans.runs`), or of a folder
            with just the `metrics.json` of `keras_gans.evaluate`.
        path: path of the report. Default: `folder/report.html`.

    Returns:
        `pathlib.Path` of the report.

    Raises:
        UserError: if `folder` is not a folder, or another file than a report
            is at `path`.
        OSError: if the report cannot be written.
    """
    folder, path = pathlib.Path(files.expanded(folder)), place(folder, path)
    if not folder.is_dir():
        raise UserError(
            f"folder must be that of a run. Received: {str(folder)!r}"
        )
    template, contents = _template(), Contents(folder)
    is_run = any(
        (folder / name).exists()
        for name in ("arguments.json", "log.csv", "checkpoints", "samples")
    )
    sections = [
        (heading, _section(template, name, contents))
        for heading, name in _SECTIONS.items()
        if is_run or name in _OF_EVALUATION
    ]
    headline = _section(template, "headline", contents) if is_run else ""
    title = f"Report of {folder.resolve().name}"
    page = template.page(title, headline, sections)
    files.write_text(path, START + str(page))
    return path


def part(folder, name):
    """Return a part of a report as HTML, to be shown on another page.

    Args:
        folder: `pathlib.Path` of a run folder.
        name: str, such as `"headline"`, `"losses"` or `"health"`.
    """
    return str(_section(_template(), name, Contents(folder)))


def place(folder, path=None):
    """Return the path at which `write` puts a report.

    Raises:
        UserError: if another file than an earlier report is there.
    """
    path = pathlib.Path(
        files.expanded(path or pathlib.Path(folder, "report.html"))
    )
    files.check_ours(path, START, "report")
    return path


def _section(template, name, contents):
    try:
        return getattr(template, name)(contents)
    except FileNotFoundError as error:
        return template.line(error)
    except (UserError, OSError) as error:
        return template.line(error, "bad")
    # Files of a run may hold anything, and the other parts are worth showing.
    except Exception as error:
        logger.debug("%s of %s", name, contents.folder, exc_info=True)
        text = f"This part is damaged ({type(error).__name__}: {error})."
        return template.line(text, "bad")


def _template():
    """Return the macros of the template as functions that return HTML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_gans", "report"),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja").module


def _shown(value):
    """Escape hidden characters, such as marks of the text direction."""
    return value if hasattr(value, "__html__") else shown(value)
