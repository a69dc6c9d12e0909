"""
The kinds of action this app declares.
"""

from journal.kinds import Kind

KINDS: list[Kind] = []
