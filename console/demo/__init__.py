"""The demonstration: the main job from nothing to a printed account, on the embedded default and
the simulator only. It writes no table: like everybody it calls the service.
"""
