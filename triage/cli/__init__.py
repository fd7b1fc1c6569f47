"""The command line: parse, call, print, exit code."""

import os

# Threads of numpy's products go on spinning for a while after each, and OpenVINO's wait for the cores meanwhile: of two
# cores, fingerprints took 15.4 ms a frame with them and 9.2 ms without. It has to be said before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
