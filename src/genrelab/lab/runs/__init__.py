"""What a run leaves behind: its folder, the recordings that it knows, what it shows of its network."""
