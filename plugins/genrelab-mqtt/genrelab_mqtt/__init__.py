"""Publish the lines of `genrelab listen --format jsonl` to an MQTT broker."""
