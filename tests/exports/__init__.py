"""Tests of triage/exports."""
