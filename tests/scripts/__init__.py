"""Those scripts that are more than a measurement."""
