"""Dates that are kept: what can be promised, from where, by when, and why."""
