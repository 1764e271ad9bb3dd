"""Translations of pictures that no training saw, measured."""
