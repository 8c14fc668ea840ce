"""Several genres in the text of one tag."""

from __future__ import annotations


def split_values(text: str) -> tuple[str, ...]:
    """Return the genres in the text of one tag, with their spelling.

    Known whole names come first: `Singer/Songwriter` is one genre, `Rock/Pop` two.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of str
        Without empty ones and duplicates.

    Examples
    --------
    >>> split_values("Death Metal; Hip Hop"), split_values("Hip-Hop/Rap"), split_values("(51)(39)")
    (('Death Metal', 'Hip Hop'), ('Hip-Hop/Rap',), ('Techno-Industrial', 'Noise'))
    """
    raise NotImplementedError
