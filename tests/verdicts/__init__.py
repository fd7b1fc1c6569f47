"""Tests of triage/verdicts."""
