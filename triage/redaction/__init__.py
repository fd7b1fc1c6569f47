"""Video, Track -> ReviewCopy."""
