"""Distillation: from the targets of a teacher to what is learned of each clip."""
