"""Whether a result may be believed: what the parts of a split share, and the verdict."""
