"""Checks of what Hubbub is deployed with, a file for each way. Each is added to common.CHECKS where it is written."""
