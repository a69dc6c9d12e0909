"""
What ``ENGINE = "journal.postgis"`` loads.
"""

import select

from django.contrib.gis.db.backends.postgis import base


class DatabaseWrapper(base.DatabaseWrapper):
    """
    PostGIS over connections that threads keep.

    Every request asks first whether its connection still is one: Postgres may have been restarted. Django asks by a
    statement, a round trip each time. An idle connection has nothing to say: only where something lies in its socket (the
    farewell of a server, or its end) or where a statement failed is Postgres asked.
    """

    def is_usable(self) -> bool:
        """
        Tell whether the connection can be used.
        """
        if self.connection is None or self.connection.closed:
            return False
        if not self.errors_occurred and not self._has_news():
            return True
        return super().is_usable()

    def _has_news(self) -> bool:
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN | select.POLLPRI)
        return bool(waiting.poll(0))
