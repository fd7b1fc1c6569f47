"""Tests of triage/matches/exchange."""
