"""A corpus without downloads: short clips in ten styles, composed and rendered by rules."""

from genrelab.lab.corpora.synthetic.corpus import load

__all__ = ["load"]
