"""A person's browser for clients that open one: walks a sign-in to its end, saying yes to the consent page.

Usage: browser.py [--print] URL
Ends with visiting the client's own redirect address, or with --print by printing it. Python's standard library alone.
"""

import http.cookiejar
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def visit(opener, url):
    """Opens the client's own address. Some clients open the browser first and listen there a moment later."""
    until = time.monotonic() + 30
    while True:
        try:
            return opener.open(url).read()
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def walk(url, only_print):
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(cookies, Stay, urllib.request.ProxyHandler({}))
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    back = asked["redirect_uri"][0]
    form = None
    for _ in range(10):
        if url.startswith(back):
            if only_print:
                print(url)
            else:
                visit(opener, url)
            return
        request = urllib.request.Request(url, data=form, headers={"Accept": "text/html"})
        form = None
        try:
            with opener.open(request) as page:
                body = page.read().decode()
        except urllib.error.HTTPError as answer:
            if answer.code not in (302, 303):
                raise
            url = urllib.parse.urljoin(url, answer.headers["Location"])
            continue
        ticket = re.search(r'name="ticket" value="([^"]+)"', body)
        assert ticket, f"neither a redirect nor the consent page: {body}"
        form = urllib.parse.urlencode({"ticket": ticket.group(1), "decision": "allow"}).encode()
        url = urllib.parse.urljoin(url, "/consent")
    raise SystemExit("the sign-in has no end")


if __name__ == "__main__":
    walk(sys.argv[-1], "--print" in sys.argv)
