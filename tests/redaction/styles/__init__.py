"""Tests of triage/redaction/styles."""
