"""Under gevent: one greenlet's wait lets the holder's greenlet, in the same thread, go on."""

import subprocess
import sys

from support import API_KEY, CLIENT_ID, TableTest

# In a process of its own, since gevent patches the standard library.
PROGRAM = """
import refreshclient  # Before the patches, as some applications do.
import warnings; warnings.simplefilter("ignore")
import gevent.monkey; gevent.monkey.patch_all()
import gevent, gevent.event, sys, time, urllib.request
from refreshclient import RefreshClient
url, directory, token, client_id, api_key = sys.argv[1:]
client = RefreshClient(client_id=client_id, api_key=api_key, base_url=url, directory=directory)
called = []
def perform(call):
    called.append(call)
    body = '{"grant_type":"refresh_token","client_id":"%s","refresh_token":"%s"}' % (client_id, call.refresh_token)
    request = urllib.request.Request(url + "/user_management/authenticate", data=body.encode())
    request.add_header("Authorization", "Bearer " + api_key)
    return urllib.request.urlopen(request)
begun = time.monotonic()
waits = [gevent.spawn(client.refresh, token, perform=perform) for _ in range(20)]
gevent.joinall(waits)
assert len(called) == 1, called
assert len({wait.get().body for wait in waits}) == 1
assert time.monotonic() - begun < 5, "they waited for their deadline"

# A holder that is killed gives its lease back.
entered = gevent.event.Event()
def endless(call):
    entered.set()
    gevent.sleep(60)
holder = gevent.spawn(client.refresh, "other", perform=endless)
entered.wait()
wait = gevent.spawn(client.refresh, "other", perform=endless)
gevent.sleep(0.1)
holder.kill()
try:
    wait.get(timeout=5)
except refreshclient.RefreshError as error:
    assert error.retryable
print("held")
"""


class GeventTests(TableTest):
    def test_greenlets(self):
        self.emulator.delay(300)
        token = self.new_token()
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, self.emulator.url, self.directory, token, CLIENT_ID, API_KEY],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual((run.stdout, run.returncode), ("held\n", 0), run.stderr)
        self.assertEqual(self.calls(token), 1)
