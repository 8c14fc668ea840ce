"""A collection that needs no download: short clips in ten styles, composed and rendered by rules."""

from genrelab.lab.corpora.synthetic.corpus import load

__all__ = ["load"]
