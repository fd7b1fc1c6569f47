"""Tests, and the examples that we keep."""
