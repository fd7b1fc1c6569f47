"""Labelled pictures -> figures."""
