"""The page around the parts: HTML with its style and script inside."""

import html

from keras_gans.checks import shown

# Nothing is fetched, whatever a name in a run folder looks like.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
# How every report begins; by it an earlier one is known.
START = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
)
_STYLE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1b1e23;
  --soft: #5a6270; --edge: #d5d9e0; --line: #0b62b8; --bad: #a12; }
@media (prefers-color-scheme: dark) { :root { --back: #15181d; --ink: #e6e8eb;
  --soft: #a2aab6; --edge: #3a414c; --line: #6cb2ff; --bad: #ff8b8b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; color: var(--ink);
  background: var(--back); font: 1rem/1.5 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--edge);
  padding-top: 1rem; }
nav a { color: var(--line); margin-right: 1rem; }
p { max-width: 46rem; overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
.bad { color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left;
  vertical-align: top; border-bottom: 1px solid var(--edge); }
td { overflow-wrap: anywhere; }
th { font-weight: 600; }
figure { margin: 1rem 0; }
.charts { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.charts figure { margin: 0; }
.charts b { display: block; color: var(--ink); }
svg { width: 100%; height: auto; }
svg text { fill: currentColor; font-family: inherit; }
img { display: block; height: auto; }
img[hidden] { display: none; }
input[type=range] { width: min(30rem, 100%); display: block; }
input[hidden] { display: none; }
@media print { nav, input[type=range] { display: none; }
  body { max-width: none; } figure, tr { break-inside: avoid; }
  img { max-width: 100%; } }
"""
_SCRIPT = """
for (const figure of document.querySelectorAll(".slider")) {
  const slider = figure.querySelector("input");
  const output = figure.querySelector("output");
  const pictures = figure.querySelectorAll("img");
  slider.hidden = pictures.length < 2;
  slider.addEventListener("input", () => {
    pictures.forEach((picture, i) => { picture.hidden = i != slider.value; });
    const text = "step " + pictures[slider.value].dataset.step;
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  });
}
"""


def escape(text):
    """Return plain text, such as the name of a file, as HTML in one line."""
    return html.escape(shown(text))


def document(title, line, sections):
    """Put a page together.

    Args:
        title: str, plain text.
        line: str, plain text below it.
        sections: list of `(heading, HTML)`.
    """
    numbered = list(enumerate(sections, 1))
    links = "".join(
        f'<a href="#part{i}">{escape(name)}</a> ' for i, (name, _) in numbered
    )
    body = "".join(
        f'<section id="part{i}"><h2>{escape(name)}</h2>\n{html}</section>\n'
        for i, (name, html) in numbered
    )
    return (
        f'{START}<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1><p>{escape(line)}</p>\n"
        f"<nav>{links}</nav>\n<main>{body}</main>\n"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def paragraph(text, kind="soft"):
    """Return a line of text; `kind` is `"soft"` or `"bad"`."""
    return f'<p class="{kind}">{escape(text)}</p>\n'


def table(heads, rows):
    """Return a table of plain texts, the first column as headings."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    lines = []
    for first, *cells in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    head = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    return (
        f'<div class="wide" tabindex="0"><table>{head}<tbody>'
        + "\n".join(lines)
        + "</tbody></table></div>\n"
    )


def chart(name, svg, caption):
    """Return a figure; `svg` is HTML, the others are plain texts."""
    return (
        f"<figure><b>{escape(name)}</b>{svg}"
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def picture(uri, width, alt, caption):
    """Return a picture at its own size, in a strip that scrolls if need be."""
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><div class="wide" '
        f'tabindex="0"><img src="{uri}" width="{width}" alt="{escape(alt)}">'
        "</div></figure>\n"
    )


def slider(kind, frames):
    """Return pictures by step of which one is shown; at first the last.

    Args:
        kind: str, plain text.
        frames: list of `(step, data URI, width)`.
    """
    last = len(frames) - 1
    name = escape(kind)
    pictures = "".join(
        f'<img src="{uri}" width="{width}" data-step="{step}" '
        f'alt="{name}, step {step}"{"" if i == last else " hidden"}>\n'
        for i, (step, uri, width) in enumerate(frames)
    )
    return (
        f'<figure class="slider"><figcaption><b>{name}</b>, '
        f"<output>step {frames[last][0]}</output></figcaption>"
        f'<input type="range" min="0" max="{last}" value="{last}" hidden '
        f'aria-label="step of {name}" aria-valuetext="step {frames[last][0]}">'
        f'<div class="wide" tabindex="0">{pictures}</div></figure>\n'
    )
