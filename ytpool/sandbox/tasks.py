"""A service beside YouTube that runs tasks for whoever has a key, in the manner of RunningHub's open API.

Every answer is 200 and says in `code` what it means. A task takes the sandbox's time; its end can be asked for, and is
called back where the task names an address, once, twice, before the answer to its creation, late or never.
"""

import hashlib
import http.client
import json
import threading
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from ytpool.sandbox.clock import VirtualClock
from ytpool.sandbox.things import Task
from ytpool.sandbox.wire import Answer, Json, Request, from_json
from ytpool.sandbox.world import World

CALLS = ("once", "twice", "early", "lost")
"""How a task's end is called back."""

ENDS = ("SUCCESS", "FAILED")

PATH = "/task/openapi/"
METHODS = ("create", "status", "outputs")

_TAKES = 1.0
_LOOKS_EVERY = 0.02
_CALL_TIMES_OUT = 5.0
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class TaskService:
    """Takes tasks, lets time pass, and calls back from a thread of its own."""

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self._world = world
        self._clock = clock
        self._woken = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._call_all, name="sandbox tasks", daemon=True)
        self._thread.start()
        self._woken.set()  # the journal may have brought tasks whose end nobody was told

    def stop(self) -> None:
        """Call nobody any more."""
        self._stopped = True
        self._woken.set()
        self._thread.join()

    def answer(self, name: str, request: Request) -> Answer:
        """Answer `POST /task/openapi/NAME`."""
        try:
            wish = from_json(request.body)
        except ValueError:
            return _said(301, "PARAMS_INVALID")
        if not isinstance(wish, dict):
            return _said(301, "PARAMS_INVALID")
        if not isinstance(key := wish.get("apiKey"), str) or not key or key.startswith("bad"):
            return _said(802, "APIKEY_UNAUTHORIZED")
        if name == "create":
            return self._create(wish, _mark(key))
        task = self._world.tasks.get(str(wish.get("taskId")))
        if task is None or task.key_mark != _mark(key):
            return _said(807, "APIKEY_TASK_NOT_FOUND")
        return self._status(task) if name == "status" else self._outputs(task)

    def _create(self, wish: Json, key_mark: str) -> Answer:
        settings = self._world.settings
        if not wish.get("workflowId"):
            return _said(301, "PARAMS_INVALID")
        now = self._clock.now()
        with self._world.change():
            at_once = sum(task.key_mark == key_mark and self._runs(task) for task in self._world.tasks.all())
            most = settings.get("tasks_per_key")
            if most is not None and at_once >= most:
                return _said(421, "TASK_QUEUE_MAXED")
            takes = settings.get("tasks_take")
            number = self._world.count("drawn/task")
            task = self._world.tasks.put(
                Task(
                    task_id=f"19{number:017d}",
                    key_mark=key_mark,
                    at_once=at_once + 1,
                    wish={name: value for name, value in wish.items() if name not in {"apiKey", "webhookUrl"}},
                    callback=str(wish.get("webhookUrl") or ""),
                    call=settings.get("tasks_call") or "once",
                    end=settings.get("tasks_end") or ENDS[0],
                    made_at=now,
                    over_at=now + timedelta(seconds=_TAKES if takes is None else takes),
                    call_at=now
                    + timedelta(seconds=(_TAKES if takes is None else takes) + (settings.get("tasks_call_after") or 0)),
                )
            )
        if task.call == "early":
            self._call(replace(task, over_at=now))
        self._woken.set()
        if settings.get("tasks_without_id"):
            return _said(0, "success", {"taskStatus": "QUEUED"})
        return _said(0, "success", {"taskId": task.task_id, "taskStatus": "RUNNING", "clientId": "sandbox"})

    def _status(self, task: Task) -> Answer:
        return _said(0, "success", "RUNNING" if self._runs(task) else task.end)

    def _outputs(self, task: Task) -> Answer:
        if self._runs(task):
            return _said(804, "APIKEY_TASK_IS_RUNNING")
        return Answer(status=200, body=_outcome(task))

    def _runs(self, task: Task) -> bool:
        return self._clock.now() < task.over_at

    def _call_all(self) -> None:
        while not self._stopped:
            with self._world.change():
                due = [task for task in self._world.tasks.all() if task.callback and not task.called]
            if not due:
                self._woken.wait()
                self._woken.clear()
                continue
            for task in due:
                if self._clock.now() >= task.call_at and not self._stopped:
                    self._call(task)
            self._clock.sleep(_LOOKS_EVERY)

    def _call(self, task: Task) -> None:
        """Tell the end of a task to the address that it named; what came back is part of the truth."""
        times = {"once": 1, "early": 1, "twice": 2, "lost": 0}[task.call]
        heard = tuple(_post(task.callback, _callback(task)) for _ in range(times))
        with self._world.change():
            self._world.tasks.put(replace(task, called=True, heard=heard))


def _outcome(task: Task) -> Json:
    if task.end == "FAILED":
        return {"code": 805, "msg": "APIKEY_TASK_STATUS_ERROR", "data": None}
    file = {"fileUrl": f"https://files.example/{task.task_id}.png", "fileType": "png", "taskCostTime": "1"}
    return {"code": 0, "msg": "success", "data": [file]}


def _callback(task: Task) -> Json:
    # What happened is text within the JSON, as the real service has it.
    return {"event": "TASK_END", "taskId": task.task_id, "eventData": json.dumps(_outcome(task))}


def _said(code: int, message: str, data: object = None) -> Answer:
    return Answer(status=200, body={"code": code, "msg": message, "data": data})


def _mark(key: str) -> str:
    """Tell keys apart without keeping them."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _post(address: str, content: Json) -> int:
    """Send a callback and return the status of its answer, 0 where there was none; only ever to this machine."""
    try:
        parts = urlsplit(address)
        host, port, target = parts.hostname, parts.port, f"{parts.path or '/'}?{parts.query}"
        target.encode("ascii")
    except ValueError:  # it is no address that a request could be sent to
        return 0
    if parts.scheme != "http" or host not in _HERE:
        return 0
    line = http.client.HTTPConnection(host, port, timeout=_CALL_TIMES_OUT)
    try:
        line.request("POST", target, body=json.dumps(content), headers={"Content-Type": "application/json"})
        with line.getresponse() as answer:
            answer.read()
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()
