"""Tests of triage/cli."""
