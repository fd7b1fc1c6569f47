"""Untrusted media is decoded in a process of its own, which can do nothing but decode."""
