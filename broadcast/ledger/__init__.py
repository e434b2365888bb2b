"""Frozen audiences, batches, claims, outcomes, evidence and the delivery report.

It alone writes frozen_shard, frozen_set, generation, batch, slice, outcome, receipt, response and
worker.
"""
