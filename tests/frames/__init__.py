"""Tests of triage/frames."""
