"""A user's own genres, spellings and parents."""
