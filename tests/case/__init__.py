"""Tests of triage/case."""
