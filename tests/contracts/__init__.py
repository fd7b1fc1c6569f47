"""What every variant of a kind owes, run over its registry."""
