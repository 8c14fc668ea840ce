"""Layers that front-ends and networks share."""
