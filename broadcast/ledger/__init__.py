"""Frozen audiences, passes, evidence, workers and the delivery report.

It alone writes frozen_shard, frozen_set, generation, receipt, response and worker. Who is to be
sent to is planned in the package `planning`; who is being sent to and what became of each is the
package `claims`. What is kept beside the outcomes, so that
nobody need read them all, is the package `kept`.
"""
