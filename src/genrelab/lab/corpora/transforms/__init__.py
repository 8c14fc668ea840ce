"""Collections with changed sound."""
