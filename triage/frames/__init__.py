"""Video file -> Frame, Coverage."""
