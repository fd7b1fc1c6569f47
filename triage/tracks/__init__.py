"""Finding -> Track."""
