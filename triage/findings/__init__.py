"""Frame -> Finding."""
