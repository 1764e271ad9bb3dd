"""The page of the studio: a tab for each tool that has something to show."""

import contextlib
import os

import gradio as gr

from keras_gans.checks import UserError
from keras_gans.studio import engine, widgets
from keras_gans.studio.tools import (
    axes,
    classify,
    draw,
    follow,
    generate,
    relabel,
    stylize,
    translate,
)

TOOLS = (
    *(translate, draw, relabel, generate, axes, stylize, classify, follow),
)
_KEPT = 24 * 3600  # seconds that uploads are kept, if the page stays open
_BROWSERS = 200  # whose state is kept

_CSS = """
.gradio-container { max-width: 76rem !important; margin: auto; }
.gradio-container, .gradio-container > main { width: 100%; }
.result img { image-rendering: auto; width: 100%; height: 100%;
  object-fit: contain; }
.message:not(:has(p)) { display: none; }
.message p, .note, .bad { margin: .25rem 0; overflow-wrap: anywhere; }
.message .bad { color: var(--error-text-color, #b91c1c); font-weight: 600; }
.stay { position: sticky; top: 0; z-index: 5; align-self: start;
  background: var(--body-background-fill); padding-bottom: .5rem; }
@media (max-width: 640px) { .stay .result { height: 14rem !important; }
  .canvas { height: 26rem !important; } }
.axis { align-items: end; flex-wrap: nowrap !important; }
.bars { width: 100%; } .bars th { text-align: left; font-weight: 400; }
.bars meter { width: 100%; } .bars td, .bars th { padding: .2rem .4rem; }
.report { overflow-wrap: anywhere; }
.report .charts { display: grid; gap: 1rem; grid-template-columns:
  repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); }
.report .charts figure { margin: 0; }
.report img { max-width: 100%; }
.report figcaption { font-size: .8rem; opacity: .8; }
.report svg { display: block; width: 100%; height: auto; }
.report svg text { fill: currentColor; font-size: 12px; opacity: .8; }
.report svg path { fill: none; stroke: currentColor; opacity: .25; }
.report svg .curve { stroke: var(--color-accent); stroke-width: 1.5;
  opacity: 1; }
.report .value { text-anchor: end; dominant-baseline: middle; }
.report .last { text-anchor: end; }
"""
# A file that is dropped beside all other widgets is a result to restore.
_JS = """
() => {
  for (const type of ["dragover", "drop"]) {
    document.addEventListener(type, (event) => {
      const input = document.querySelector("input:has(+ #restore)");
      const files = event.dataTransfer?.files;
      if (!input || event.defaultPrevented) return;
      event.preventDefault();
      if (type == "dragover" || !files?.length) return;
      input.files = files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}
"""


def build(studio):
    """Return the page, a `gr.Blocks`.

    Args:
        studio: `engine.Studio`.
    """
    parts = {}
    with gr.Blocks(
        title="keras_gans studio",
        analytics_enabled=False,
        delete_cache=(600, _KEPT),
    ) as page:
        gr.Markdown("# keras_gans studio")
        for note in studio.notes:
            gr.HTML(widgets.told(note, is_bad=True), elem_classes="message")
        with gr.Tabs() as tabs:
            for tool in TOOLS:
                ways = tool.ways(studio)
                if ways:
                    with gr.Tab(tool.TITLE, id=tool.NAME):
                        gr.Markdown(tool.HELP)
                        parts[tool.NAME] = tool.build(studio, ways)
        dropped = gr.UploadButton(
            "Go on from a saved result: choose it, or drop it on the page",
            file_types=[".png"],
            type="filepath",
            size="sm",
            elem_id="restore",
        )
        line = widgets.message()
        _models(studio)
        _restoring(dropped, line, tabs, parts)

        def leave(request: gr.Request):
            studio.stop(request.session_hash)

        page.unload(leave)
    return page


def _models(studio):
    """Show the models, and load those again whose files have changed."""
    with gr.Accordion("Models", open=False):
        listed = gr.HTML(_listed(studio))
        again = gr.Button("Load again what has changed", size="sm")
        line = widgets.message()

    def load():
        done = []
        for model in studio.models:
            if model.is_replaced or not model.loaded:
                with contextlib.suppress(UserError):  # the list tells
                    model.load()
                    done.append(model.name)
        note = f"Loaded: {', '.join(done) or 'nothing'}."
        return _listed(studio), widgets.told(note)

    again.click(load, outputs=[listed, line])


def _listed(studio):
    lines = []
    for model in studio.models:
        about, words = model.loaded and model.loaded.about, [f"{model.name}:"]
        if about:
            words += [about["model"] + ",", ", ".join(about["verbs"])]
            words += [f"of step {about['step']}"] * ("step" in about)
        words += [model.problem]
        lines.append(widgets.told(" ".join(words), bool(model.problem)))
    return "".join(lines)


def _restoring(dropped, line, tabs, parts):
    parts = {name: part for name, part in parts.items() if part.restore}
    outputs = [line, tabs]
    for part in parts.values():
        outputs += part.components

    @widgets.answering(line)
    def restore(path):
        about = engine.read_about(path)
        tool = about["tool"]
        if tool not in parts:
            raise UserError(
                f"the file was made by the tool {tool!r}, which is not open"
            )
        updates = parts[tool].restore(about)
        note = f"{tool} goes on from the result."
        return {
            line: note,
            tabs: gr.Tabs(selected=tool),
        } | updates

    dropped.upload(restore, dropped, outputs)


def launch(page, studio, port=None, share=False, **options):
    """Serve the page on this machine alone, and return at once.

    Args:
        page: of `build`.
        studio: `engine.Studio`.
        port: int, or None for the first free one from 7860 up.
        share: bool, whether Gradio gives it a public address.
        **options: further ones of `gr.Blocks.launch`.

    Returns:
        str, its address.
    """
    # Gradio would keep the times of all calls, and make a table of them after
    # each one.
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    page.queue(max_size=100, default_concurrency_limit=4, api_open=False)
    _, address, public = page.launch(
        server_name="127.0.0.1",
        server_port=port,
        share=share,
        max_file_size=engine.MOST_BYTES,
        state_session_capacity=_BROWSERS,
        prevent_thread_lock=True,
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        quiet=True,
        inbrowser=False,
        theme=gr.themes.Default(
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        css=_CSS,
        js=_JS,
        **options,
    )
    return public or address
