"""Asks the addresses that are its arguments, and prints a line for each that does not answer: ADDRESS, a tab, why."""

import concurrent.futures
import sys
import urllib.error
import urllib.request


def ask(address, method):
    request = urllib.request.Request(address, method=method, headers={"User-Agent": "Mozilla/5.0 (links of a course)"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


def complaint(address):
    for method in ("HEAD", "GET"):
        try:
            ask(address, method)
            return None
        except urllib.error.HTTPError as error:
            # Some servers know no HEAD, and some let no program in.
            if error.code in (401, 403, 429):
                return None
            reason = f"HTTP {error.code}"
        except Exception as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
    return reason


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for address, reason in zip(sys.argv[1:], pool.map(complaint, sys.argv[1:])):
        if reason:
            print(address, " ".join(reason.split()), sep="\t")
