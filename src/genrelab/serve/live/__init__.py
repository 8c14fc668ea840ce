"""The genre of live audio over a WebSocket."""
