"""Three servers behind nginx and HAProxy: one that loses its cookies is left alone until it has new ones."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
from collections import Counter
from contextlib import closing, contextmanager

import pytest
from newsroom import ended, start
from ports import free_port
from real_parts import need, scaled
from served import netscape, once, serving

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream ytpool {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://ytpool;
      proxy_set_header Host localhost;
      proxy_connect_timeout 1s;
      proxy_read_timeout 3s;
      proxy_next_upstream error timeout http_503;
      add_header X-Answered-By $upstream_addr always;
    }}
  }}
}}
"""

HAPROXY = """
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 503
frontend all
  bind 127.0.0.1:{port}
  default_backend ytpool
backend ytpool
  http-request disable-l7-retry if METH_POST
  balance roundrobin
  option httpchk
  http-check send meth GET uri /api/health ver HTTP/1.1 hdr Host localhost
  http-check expect status 200
  http-request set-header Host localhost
  default-server check inter 500ms fall 2 rise 1
{servers}
  http-response set-header X-Answered-By %s
"""


def nginx(folder, port, ports):
    file = folder / "nginx.conf"
    servers = " ".join(f"server 127.0.0.1:{one} max_fails=1 fail_timeout=1s;" for one in ports)
    file.write_text(NGINX.format(folder=folder, port=port, servers=servers))
    return [need("nginx"), "-e", "stderr", "-c", str(file)]


def haproxy(folder, port, ports):
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(port=port, servers="\n".join(f"  server s{one} 127.0.0.1:{one}" for one in ports)))
    return [need("haproxy"), "-f", str(file)]


@contextmanager
def proxy(command, folder, ports):
    """Run a real proxy before these ports, and return its own."""
    port = free_port()
    process = subprocess.Popen(command(folder, port, ports), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        once(lambda: process.poll() is None and reaches(port))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def reaches(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def asked(port, path="/api/health"):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        line.request("GET", path)
        with line.getresponse() as answer:
            answer.read()
            return answer.status, int(re.search(r"\d+$", answer.headers["x-answered-by"])[0])


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three servers with homes of their own, each with its cookie file and a command that fetches a new one."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "good.txt").write_text(netscape("fetched"))
    waits = f"while ! test -e {folder}/$YTPOOL_ACCOUNT.go; do sleep 0.1; done"
    servers = []
    with contextlib.ExitStack() as running:
        for name in ("one", "two", "three"):
            file = folder / f"{name}.txt"
            file.write_text(netscape())
            environ = {
                "PATH": os.environ["PATH"],
                "YTPOOL_HOME": str(folder / name),
                "YT_ACCOUNT_ID": name,
                "YT_DLP_COOKIES_FILE": str(file),
                "YTPOOL_SESSIONS_REFRESH_COMMAND": f"sh -c '{waits}; cp {folder}/good.txt $YTPOOL_COOKIES_FILE'",
            }
            status, _, err = ended(start("init", "--yes", "--vault", "keyfile", "--json", env=environ))
            assert status == 0, err
            servers.append((running.enter_context(serving(**environ)), file))
        for server, _ in servers:
            once(lambda server=server: server.ask("/api/health")[0] == 200)
        yield servers


@pytest.mark.parametrize(("command", "which"), [(nginx, 0), (haproxy, 1)])
def test_clients_notice_nothing_when_one_of_three_loses_its_cookies_and_gets_new_ones(three, tmp_path, command, which):
    many = scaled(1000, least=90)
    ports = [server.port for server, _ in three]
    loser, file = three[which]
    with proxy(command, tmp_path, ports) as port:
        before = [asked(port) for _ in range(many // 3)]
        file.unlink()
        lost = [asked(port) for _ in range(many // 3)]
        assert loser.ask("/api/health/cookies")[1]["refresh_in_progress"]  # whoever was sent on began it
        file.with_suffix(".go").touch()
        once(lambda: loser.ask("/api/health")[0] == 200)
        once(lambda: asked(port)[1] == loser.port)
        after = [asked(port) for _ in range(many - 2 * (many // 3))]

    assert Counter(status for status, _ in before + lost + after) == {200: many}
    assert {by for _, by in before} == {by for _, by in after} == set(ports)
    assert {by for _, by in lost[many // 30 :]} == {*ports} - {loser.port}
    assert file.read_text() == netscape("fetched")
