"""Planned exercises: what the public is told beforehand, so that nobody takes one for real.

It alone writes planned_exercise.
"""
