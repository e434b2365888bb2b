"""Frozen audiences, batches, claims, outcomes, evidence and the delivery report.

It alone writes frozen_shard, frozen_set, generation, batch, slice, outcome, receipt, response and
worker. What is kept beside the outcomes, so that nobody need read them all, is the package `kept`.
"""
