"""Track, Coverage, Fault -> Verdict."""
