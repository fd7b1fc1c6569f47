"""The analysts' review page, served on this machine."""
