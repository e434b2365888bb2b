"""Threat levels: what a scope is, what a level means, its history. It alone writes level_fact."""
