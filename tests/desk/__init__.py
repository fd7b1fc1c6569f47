"""Tests of triage/desk."""
