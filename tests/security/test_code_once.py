"""
A code of an authenticator app lets one in, whichever of the web's processes it reaches (A2).
"""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from threading import Barrier
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from bench.site import running_web
from tests.factories import responders as make
from tests.security.test_sign_in import PASSWORD, code_now, with_app

# Of one person, at each process: together fewer than would lock the account.
_EACH = 2
_CODE = "/accounts/2fa/authenticate/"


class Browser:
    """
    A browser that talks to one process and follows where it is sent.
    """

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, **fields: str) -> tuple[int, str, str]:
        """
        Return status, address and text of the answer to a GET, or to a POST of a form's fields.
        """
        body = urlencode(fields).encode() if fields else None
        try:
            with self._opener.open(self.base + path, body, timeout=60) as answer:
                return answer.status, answer.url.removeprefix(self.base), answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.url.removeprefix(self.base), error.read().decode()

    def token(self, path: str) -> str:
        """
        Return the token of a page's form.
        """
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.ask(path)[2])
        assert found is not None, path
        return found[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
@pytest.mark.slow
def test_a_code_sent_to_two_processes_at_once_lets_one_in() -> None:
    agency = make.agency()
    let_in = []

    with running_web(workers=1) as one, running_web(workers=1) as other:
        for person in [make.person(agency, "DISPATCHER", password=PASSWORD) for _ in range(2)]:
            secret = with_app(person)
            browsers = [Browser(port) for port in (one, other) * _EACH]
            for browser in browsers:
                given = {"login": person.email, "password": PASSWORD}
                token = browser.token("/accounts/login/")
                assert browser.ask("/accounts/login/", csrfmiddlewaretoken=token, **given)[1] == _CODE
            let_in.append(_spend_together(browsers, secret))

    assert let_in == [[200, *[401] * (2 * _EACH - 1)]] * 2


def _spend_together(browsers: list[Browser], secret: str) -> list[int]:
    # Not at the end of a period, where the code would change under the test.
    if 30 - time.time() % 30 < 8:
        time.sleep(9)
    code, together = code_now(secret), Barrier(len(browsers))

    def spend(browser: Browser) -> int:
        token = browser.token(_CODE)
        together.wait(30)
        browser.ask(_CODE, csrfmiddlewaretoken=token, code=code)
        return browser.ask("/api/session/")[0]

    with ThreadPoolExecutor(len(browsers)) as pool:
        return sorted(pool.map(spend, browsers))
