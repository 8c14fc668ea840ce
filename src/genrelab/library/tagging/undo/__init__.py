"""Undo changes of tags: the values that a snapshot restores, and the changes that can be undone."""
