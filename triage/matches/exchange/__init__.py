"""Hashes from elsewhere and for elsewhere: to and from text in the formats of other tools."""
