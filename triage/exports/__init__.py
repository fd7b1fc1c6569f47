"""Rows of a case -> text in some format."""
