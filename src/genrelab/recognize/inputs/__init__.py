"""What leads to sound: folders with their exclusions, playlists, CUE sheets."""
