"""Tests of triage/findings."""
