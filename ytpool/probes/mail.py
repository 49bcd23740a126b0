"""One mail, over SMTP with TLS that is checked, within a deadline over everything."""

import binascii
import smtplib
import socket
import ssl
from email.message import EmailMessage
from typing import NoReturn

from ytpool.domain import servers
from ytpool.domain.alert_targets import Target
from ytpool.domain.secret import Secret
from ytpool.errors import ServerFailed
from ytpool.probes.punctual import Deadline, deadline_of

_BEHIND = 1.0
"""Seconds by which a read's own time limit comes after the deadline: smtplib would call it a broken line."""


def send(target: Target, password: Secret | None, mail: EmailMessage, *, seconds: float) -> str:
    """Hand a mail over; return who was refused, in words, where others were not. Raises ServerFailed."""
    with deadline_of(seconds) as deadline:
        try:
            return _send(target, password, mail, deadline)
        except (OSError, smtplib.SMTPException, UnicodeError, binascii.Error) as error:
            _fail(target, error, late=deadline.is_over or isinstance(error, TimeoutError), seconds=seconds)


def _send(target: Target, password: Secret | None, mail: EmailMessage, deadline: Deadline) -> str:
    context = None if target.tls == servers.NONE else _context(target)
    smtp = _Smtp(deadline, context if target.tls == servers.IMPLICIT else None)
    try:
        smtp.greet(target)
        if target.tls == servers.EXPLICIT:
            assert context is not None
            smtp.starttls(context=context)
        if target.user and password is not None:
            smtp.login(target.user, password.reveal())
        refused = smtp.send_message(mail)
        # It is taken; whether the leave-taking works says nothing of it.
        smtp.docmd("QUIT")
    finally:
        smtp.close()
    return f"refused for {', '.join(refused)}" if refused else ""


class _Smtp(smtplib.SMTP):
    """A connection that ends with a deadline, and speaks TLS from its first byte where it has a context."""

    def __init__(self, deadline: Deadline, context: ssl.SSLContext | None) -> None:
        self._deadline = deadline
        self._context = context
        super().__init__(timeout=deadline.left() + _BEHIND)

    def greet(self, target: Target) -> None:
        host, port = target.address
        self._host = host  # what a certificate is checked against; only a connection made at once would set it
        code, words = self.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), timeout)
        self._deadline.watch(connection)
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_hostname=host)


def _context(target: Target) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=target.ca_file or None)
    except OSError as error:
        why = error.strerror or "it holds no certificate"
        hint = f"check {target.section}.ca_file"
        raise ServerFailed(f"{target.ca_file} cannot be read: {why}", hint=hint) from None


def _fail(target: Target, error: Exception, *, late: bool, seconds: float) -> NoReturn:
    """Say what went wrong; a server's own words are not shown, they may repeat a password."""
    host, port = target.address
    kind: type[Exception] = TimeoutError if late else type(error)
    words, hint = next((words, hint) for one, words, hint in _WHY if issubclass(kind, one))
    facts = {
        "at": f"{host}:{port}",
        "host": host,
        "user": target.user,
        "to": ", ".join(target.to),
        "seconds": f"{seconds:g}",
        "section": target.section,
        "code": getattr(error, "smtp_code", ""),
        "why": getattr(error, "verify_message", "") or getattr(error, "strerror", "") or "it closed it",
    }
    raise ServerFailed(words.format(**facts), hint=hint.format(**facts)) from None


_OWN_LOG = "look into the mail server's own log"

# The first that fits: most of them are errors of the operating system, too.
_WHY: tuple[tuple[type[Exception], str, str], ...] = (
    (TimeoutError, "{at} has not taken the mail within {seconds} s", f"{_OWN_LOG}; {{section}}.timeout may be longer"),
    (
        ssl.SSLCertVerificationError,
        "the certificate of {at} is not to be trusted: {why}; no password was sent",
        "let the server have a valid one, or name who vouches for it: {section}.ca_file",
    ),
    (ssl.SSLError, "no TLS comes about with {at}; no password was sent", "check {section}.port and tls"),
    (socket.gaierror, "nobody knows the machine {host}", "check {section}.host, and this machine's network"),
    (
        smtplib.SMTPNotSupportedError,
        "{at} does not offer the TLS or the login that is wanted; no password was sent",
        "check {section}.tls and user",
    ),
    (
        smtplib.SMTPAuthenticationError,
        "{at} refuses the login of {user} ({code})",
        "check {section}.user and its password",
    ),
    (smtplib.SMTPRecipientsRefused, "{at} takes mail for none of {to}", "check {section}.to"),
    (smtplib.SMTPResponseException, "{at} does not take the mail ({code})", _OWN_LOG),
    (
        UnicodeError,
        "the name or the password for {at} has letters that SMTP has no place for",
        "check {section}.user and its password",
    ),
    (binascii.Error, "{at} asks for a login in a way that makes no sense; no password was sent", _OWN_LOG),
    (ConnectionRefusedError, "nothing takes the connection at {at}", "start the mail server"),
    (Exception, "{at} broke the connection off: {why}", _OWN_LOG),
)
