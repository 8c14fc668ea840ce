"""Inputs that lead to audio files: folders with exclusions, playlists, CUE sheets."""
