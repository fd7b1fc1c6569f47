"""Triage: find out what is in a dump of violent footage while looking at as little of it as possible."""

__version__ = "0.1.0"
