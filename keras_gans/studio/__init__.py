"""The studio: use trained models in the browser, on this machine.

    python -m keras_gans.studio --model runs/cyclegan runs/dcgan

`engine` loads models and calls their verbs without a page; `tools` has a file
for each tool of the page, whose widgets follow from the inputs that verbs
declare; `page` puts them together. Only these import Gradio, the extra
`studio`.
"""
