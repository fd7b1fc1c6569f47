"""Tests of triage/tracks."""
