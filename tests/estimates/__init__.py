"""Tests of what is judged over a whole track."""
