"""
The worker of coordinators' pages is anybody's to fetch, asked for anew each time, and holds nothing of anybody.
"""

from django.test import Client


def test_the_worker_may_be_woken_for_coordinators_pages_only() -> None:
    answer = Client().get("/care/sw.js")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert (answer["Service-Worker-Allowed"], answer["Cache-Control"]) == ("/care/", "no-cache")
    assert b"addEventListener" in answer.content
