"""A file for each tool of the studio.

Each has `NAME`, `TITLE`, `HELP`, `ways(studio)`, what it can show, and
`build(studio, ways)`, which makes its widgets and returns a `widgets.Part`.
"""
