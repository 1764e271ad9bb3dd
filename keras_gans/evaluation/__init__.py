"""Translations of images that no training saw, measured."""
