"""Tracks of people and what was read on them -> what can be said of each person over time."""
