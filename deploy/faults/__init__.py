"""Faults from outside: a TCP proxy that strikes at a chosen step, signals, a wrong clock; and the crash matrix of them.

No product code knows of any of it.
"""
