"""Leaderboards: what is fixed, what is entered, what is checked, and the pages that come of it."""
