"""The guide: pages of package data, with what stands in code put in where a page asks for it, so that neither ages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ytpool import data
from ytpool.domain import failover
from ytpool.domain.failover import Next, RestScope, Until
from ytpool.errors import UsageWrong

TOPICS = (
    *("start", "cron", "quota", "failover", "rehearse", "health", "alerts", "backups"),
    *("services", "sessions", "fleet", "servers", "policy", "recipes"),
)
"""The pages, in the order somebody new would read them."""

FILES = {
    "prometheus-rules.yml": "alert rules for Prometheus, to be written to a file",
    "grafana-dashboard.json": "a dashboard for Grafana, to be imported there",
}
"""What other programs read, printed as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One thing the guide has something to say about."""

    topic: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the guide has."""

    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One topic, whole: Markdown, or a file of another program."""

    topic: str
    about: str
    text: str

    @property
    def is_markdown(self) -> bool:
        return self.topic in TOPICS


def contents() -> Contents:
    """List the topics."""
    pages = (Topic(topic=topic, about=_about(_read(topic))) for topic in TOPICS)
    return Contents(topics=(*pages, *(Topic(topic=name, about=about) for name, about in FILES.items())))


def page(topic: str) -> Page:
    """Return what the guide says about a topic; raises UsageWrong, with the one that was probably meant."""
    if topic in FILES:
        return Page(topic=topic, about=FILES[topic], text=data.text(f"guide/{topic}"))
    if topic not in TOPICS:
        close = get_close_matches(topic, (*TOPICS, *FILES), n=1)
        advice = f"did you mean `ytpool guide {close[0]}`?" if close else f"there are {', '.join((*TOPICS, *FILES))}"
        raise UsageWrong(f"the guide has no topic {topic!r}; {advice}", hint="see: ytpool guide")
    text = _read(topic).replace("{verdicts}", "\n".join(_verdicts()))
    return Page(topic=topic, about=_about(text), text=text)


def _read(topic: str) -> str:
    return data.text(f"guide/{topic}.md")


def _about(text: str) -> str:
    """Return what the heading says behind the topic's name."""
    return text.partition("\n")[0].partition(": ")[2].replace("`", "")


def _verdicts() -> Iterator[str]:
    """Write the matrix down by what becomes of the job; answers that mean the same share a line."""
    _, *rows = failover.table()
    alike: dict[tuple[str, ...], list[str]] = {}
    for reason, when, rests, until, job, advice in rows:
        alike.setdefault((job, rests, until, advice), []).append(_answer(reason, when))
    for outcome in Next:
        yield f"### The job: {outcome}\n"
        for (job, rests, until, advice), answers in alike.items():
            if job == outcome:
                yield f"- {', '.join(answers)}{_wait(rests, until)}: {advice}"
        yield ""


def _answer(reason: str, when: str) -> str:
    name = "any other answer" if reason == failover.ANY else reason if " " in reason else f"`{reason}`"
    return name if when == failover.ANY else f"{name} ({when})"


def _wait(rests: str, until: str) -> str:
    """Say what rests and until when, or what is waited for before the same call."""
    span = _SPANS.get(until, f"until {until}")
    if rests != RestScope.NOTHING:
        return f" → **{rests}** rests {span}"
    return "" if until == Until.NOW else f" → waits {span}"


_SPANS: Mapping[str, str] = {
    Until.BACKOFF: "for a while (backoff)",
    Until.IN_24_HOURS: "for 24 hours",
    Until.HUMAN: "until a human has looked",
}
