"""Tests of triage/report."""
