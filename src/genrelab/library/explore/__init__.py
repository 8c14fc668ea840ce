"""Looking through a collection by its sound: similar tracks, playlists, the map."""
