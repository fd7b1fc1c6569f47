"""Tests of triage/redaction."""
