"""
Requests for backup: the life-safety path.

It needs Postgres and one web process and nothing else: no Redis, no Celery, no ORM, no request machinery of Django's, and
no connections in common with the rest. ``door`` takes presses and answers consoles, ``watch`` rings what is due, ``filing``
writes afterwards what everybody else's screens hold.
"""
