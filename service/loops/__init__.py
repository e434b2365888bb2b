"""The loops that run by themselves in a process, one module each; `service/engine.py` starts
them.
"""
