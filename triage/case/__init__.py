"""The folder that a job leaves behind."""
