"""Runs before the new version gets visitors."""

print("migrated")
