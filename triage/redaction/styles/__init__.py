"""Picture, boxes -> the same picture, covered."""
