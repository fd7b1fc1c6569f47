"""What goes wrong while a dump is scanned, brought about on purpose (see ``scripts/chaos_scan.py``)."""
