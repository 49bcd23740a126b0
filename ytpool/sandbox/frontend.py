"""Google's front end: who calls, whether they may, who pays, and what is written down about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ytpool.clock import Clock
from ytpool.sandbox import masks
from ytpool.sandbox.bodies import Refused, credentials_missing, invalid_credentials, named, scope_insufficient
from ytpool.sandbox.discovery import Description, Method
from ytpool.sandbox.faults import Rule
from ytpool.sandbox.quota import Quota, is_charged
from ytpool.sandbox.wire import Answer, Request
from ytpool.sandbox.world import World, when


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose token it is, who pays, and what it may do."""

    project: str
    channel_id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An admitted call: its parameters are in order, and its units are there."""

    method: Method
    caller: Caller
    request: Request
    parameters: dict[str, list[str]]
    now: datetime

    def argument(self, name: str, default: str = "") -> str:
        return self.parameters.get(name, [default])[-1]


class FrontEnd:
    """Every call of the API comes through here."""

    def __init__(self, world: World, quota: Quota, description: Description, clock: Clock) -> None:
        self._world = world
        self._quota = quota
        self._description = description
        self._clock = clock

    def caller(self, request: Request) -> Caller | None:
        """Return whose token the request carries, if it is worth anything now."""
        bearer = _bearer(request)
        anyone = self._world.settings.get("accept_any_token")
        if bearer and anyone:
            projects = self._world.projects.all()
            payer = projects[0].number if projects else "0"
            return Caller(project=payer, channel_id=anyone, scopes=frozenset(self._description.scopes))
        token = self._world.tokens.get(bearer)
        now = self._clock.now()
        if token is None or token.expires_at <= now:
            return None
        grant = self._world.grants.get(token.refresh_token)
        if grant is None or not grant.alive(now):
            return None
        return Caller(project=token.project, channel_id=token.channel_id, scopes=frozenset(token.scopes))

    def require_token(self, request: Request, method: str) -> Caller:
        """Return whose token the request carries, or refuse it."""
        caller = self.caller(request)
        if caller is None:
            raise invalid_credentials() if _bearer(request) else credentials_missing(method)
        return caller

    def run(self, request: Request, method: Method, fault: Rule | None, work: Callable[[Call], Answer]) -> Answer:
        """Admit a call, do its work, charge it, and answer; all of it is one change of the world."""
        now = self._clock.now()
        caller: Caller | None = None
        with self._world.change():
            try:
                caller = self.require_token(request, method.name)
                if not caller.scopes & method.scopes:
                    raise scope_insufficient(method.name)
                self._quota.require(caller.project, method.name, now)
                if fault is not None:
                    raise self._scripted(fault, method.name, caller.project, now)
                parameters = self._description.check_parameters(method, request.query)
                mask = masks.read(parameters.get("fields", [""])[-1])
                answer = work(Call(method=method, caller=caller, request=request, parameters=parameters, now=now))
                answer = replace(answer, body=masks.kept(answer.body, mask))
            except Refused as refused:
                charged = is_charged(refused) if fault is None or fault.charge is None else fault.charge
                if caller is not None and charged:
                    self._quota.charge(caller.project, method.name, now)
                self.write_down(refused, method.name, caller)
                return refused.answer
            self._quota.charge(caller.project, method.name, now)
            return answer

    def scripted(self, fault: Rule, method: str, project: str) -> Refused:
        """Make the error that a fault asks for."""
        return self._scripted(fault, method, project, self._clock.now())

    def charge(self, project: str, method: str) -> None:
        """Charge a call that was never answered, because its fault says so."""
        with self._world.change():
            self._quota.charge(project, method, self._clock.now())

    def write_down(self, refused: Refused, method: str, caller: Caller | None = None) -> None:
        """Count a refusal; one for a wrong request is kept word by word."""
        with self._world.change():
            self._world.count(f"errors/{refused.reason}")
            if refused.mistake:
                body = refused.answer.body
                self._world.refuse(
                    {
                        "at": when(self._clock.now()),
                        "method": method,
                        "channel_id": caller.channel_id if caller else None,
                        "project": caller.project if caller else None,
                        "status": refused.answer.status,
                        "reason": refused.reason,
                        "message": body["error"]["message"]
                        if isinstance(body["error"], dict)
                        else body["error_description"],
                    }
                )

    def _scripted(self, fault: Rule, method: str, project: str, now: datetime) -> Refused:
        scene = self._quota.scene(method, project, now)
        return named(fault.error, scene, status=fault.status, retry_after=fault.retry_after)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.argument("access_token")
