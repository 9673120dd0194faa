"""A provider that nobody here wrote: django-oauth-toolkit, with rotation and without a grace period.

    oauth_provider.py DATABASE SECRET-FILE

Prints "URL CLIENT-ID" once it serves; the client's secret is that of the file. GET /issue makes a refresh token, GET /calls
tells how many requests the token endpoint got. Each of those takes as long as the body of the last POST /delay says, in
milliseconds.
"""

import datetime
import itertools
import socketserver
import sys
import time
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.utils import timezone

settings.configure(
    SECRET_KEY="of-a-test", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, DEBUG=False,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS": {"timeout": 20}}},
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "Read", "write": "Write"}, "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0, "REFRESH_TOKEN_REUSE_PROTECTION": True,
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

from django.contrib.auth.models import User  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402

numbers = itertools.count()
application = Application.objects.create(
    name="test", client_type="confidential", authorization_grant_type="password",
    client_secret=Path(sys.argv[2]).read_text().rstrip("\n"))
user = User.objects.create_user("ada")
state = {"calls": 0, "delay": 0}


def issue(request):
    number = next(numbers)
    access = AccessToken.objects.create(
        user=user, application=application, token=f"access-{number}", scope="read write",
        expires=timezone.now() + datetime.timedelta(hours=1))
    refresh = RefreshToken.objects.create(
        user=user, application=application, token=f"refresh-{number}", access_token=access)
    return JsonResponse({"refresh_token": refresh.token})


def delay(request):
    state["delay"] = int(request.body)
    return HttpResponse()


def calls(request):
    return JsonResponse(state)


urlpatterns = [
    path("issue", issue), path("calls", calls), path("delay", delay),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
django_application = get_wsgi_application()


def counting(environ, start_response):
    if environ["PATH_INFO"] == "/o/token/":
        state["calls"] += 1
        time.sleep(state["delay"] / 1000)
    return django_application(environ, start_response)


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, counting, Server, Quiet)
    print(f"http://127.0.0.1:{server.server_port} {application.client_id}", flush=True)
    server.serve_forever()
