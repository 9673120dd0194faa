"""The page that needs a fresh token, as a WSGI application: under gunicorn, and under uWSGI as well.

The upstream is called with urllib, the way an application without an SDK would. With HOST_PRELOAD the module is
imported in the master, before the workers are forked, and refreshes once there.
"""

import json
import os
import urllib.request

import refreshclient

BASE_URL = os.environ["WORKOS_BASE_URL"]
CLIENT_ID = os.environ["WORKOS_CLIENT_ID"]
API_KEY = os.environ["WORKOS_API_KEY"]

client = refreshclient.RefreshClient(client_id=CLIENT_ID, api_key=API_KEY, base_url=BASE_URL)


def call_workos(call):
    """One upstream call. Its answer is a response that refreshclient takes as it is, an error status included."""
    body = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": API_KEY,
        "refresh_token": call.refresh_token,
    }
    if call.organization:
        body["organization_id"] = call.organization
    request = urllib.request.Request(
        f"{BASE_URL}/user_management/authenticate",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {API_KEY}"},
    )
    return urllib.request.urlopen(request, timeout=10)


def page(token):
    """The status and the body of the page."""
    try:
        result = client.refresh(token, perform=call_workos)
    except refreshclient.RefreshError as error:
        return "503 Service Unavailable", {"error": error.reason, "retryable": error.retryable, "message": str(error)}
    return "200 OK", {"access_token": result.access_token, "pid": os.getpid()}


def application(environ, start_response):
    if environ["PATH_INFO"] == "/page":
        status, body = page(environ.get("HTTP_X_REFRESH_TOKEN", ""))
        content, kind = json.dumps(body).encode(), "application/json"
    else:
        status, content, kind = "200 OK", b"ok", "text/plain"
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(content)))])
    return [content]


if os.environ.get("HOST_WARMUP_TOKEN"):
    page(os.environ["HOST_WARMUP_TOKEN"])
