"""Tests of triage/run."""
