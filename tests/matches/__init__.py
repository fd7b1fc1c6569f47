"""Tests of triage/matches."""
