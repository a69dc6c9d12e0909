"""
Measurements: each module compares something of ours with a named floor or peer in the same run.
"""
