"""Tests that boot machines."""
