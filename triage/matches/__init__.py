"""Frame -> Embedding -> Fingerprint; fingerprints -> Overlap."""
