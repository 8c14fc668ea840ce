"""Playlists: by genre and tags, similar to given tracks, or a path through the sound from one to another."""
