"""The figures and tables of the papers, drawn from recipes, songs and runs.

`catalogue` lists them, `material` reads songs and runs, `papers` draws the figures of each paper, and
`pages` writes a page, SVG and PNG files.
"""
