// Keeps the page as it is on the server: what comes is HTML that the server has escaped, and only what is another
// piece of the page is touched, so that nobody loses the place where they read.
"use strict";

(() => {
  const main = document.getElementById("main");
  const state = document.getElementById("state");
  const asOf = document.getElementById("as-of");
  const news = document.getElementById("news");
  const title = document.title;
  
  let every = Number(main.dataset.every); // milliseconds from one piece to the next
  let source = null;
  let seen = main.dataset.at;
  let heardAt = performance.now();
  let openedAt = heardAt;
  let serverNow = null; // the server's quota time, in milliseconds, when we heard of it
  let age = 0;
  let problem = "";
  let alerts = null;

  function watch() {
    openedAt = performance.now();
    source = new EventSource(`events?after=${encodeURIComponent(seen)}`);
    source.onmessage = hear;
    source.onerror = () => {
      if (source !== null && source.readyState === EventSource.CLOSED) {
        leave();
        whoAmI();
      }
    };
  }

  function leave() {
    if (source !== null) {
      source.close();
      source = null;
    }
  }

  // A stream that was refused does not say why: without a cookie the page leads to the door.
  async function whoAmI() {
    try {
      const answer = await fetch("./", { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") {
        location.reload();
      }
    } catch {
      // Nobody is there; the next try comes by itself.
    }
  }

  function hear(event) {
    const told = JSON.parse(event.data);
    heardAt = performance.now();
    seen = event.lastEventId;
    every = 1000 * told.every;
    problem = told.problem;
    if (told.now !== null) {
      age = told.age;
      serverNow = Date.parse(told.now) + 1000 * age;
      asOf.textContent = `as of ${told.now.slice(11, 19)} UTC`;
    }
    for (const [name, content] of Object.entries(told.sections)) {
      renew(document.getElementById(name), content);
    }
    countAlerts();
    tick();
  }

  function renew(place, content) {
    const fresh = new DOMParser().parseFromString(`<div>${content}</div>`, "text/html").body.firstChild;
    adopt(place, fresh);
  }

  function adopt(old, fresh) {
    let child = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      if (child === null) {
        old.append(wanted);
        continue;
      }
      const next = child.nextSibling;
      if (child.nodeType !== wanted.nodeType || child.nodeName !== wanted.nodeName) {
        old.replaceChild(wanted, child);
      } else if (child.nodeType === Node.ELEMENT_NODE) {
        adoptAttributes(child, wanted);
        if (!("moment" in wanted.dataset)) {
          adopt(child, wanted);
        }
      } else if (child.nodeValue !== wanted.nodeValue) {
        child.nodeValue = wanted.nodeValue;
      }
      child = next;
    }
    while (child !== null) {
      const next = child.nextSibling;
      child.remove();
      child = next;
    }
  }

  function adoptAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
  }

  function countAlerts() {
    const now = Number(document.querySelector("#summary ul")?.dataset.alerts ?? 0);
    if (now === alerts) {
      return;
    }
    if (alerts !== null) {
      news.textContent = now === 1 ? "1 alert" : `${now} alerts`;
    }
    alerts = now;
    document.title = now ? `(${now}) ${title}` : title;
  }

  function tick() {
    const since = performance.now() - heardAt;
    const old = age + since / 1000;
    if (since > 4 * every) {
      say(`No connection; this is what was ${span(old)} ago`, "red");
    } else if (problem) {
      say(`The books cannot be read (${problem}); this is what was ${span(old)} ago`, "orange");
    } else if (serverNow !== null && old > Math.max(15, (4 * every) / 1000)) {
      say(`The books are not read; this is what was ${span(old)} ago`, "orange");
    } else if (serverNow !== null) {
      say("Live", "green");
    }
    if (serverNow !== null) {
      const now = serverNow + since;
      for (const place of document.querySelectorAll("[data-moment]")) {
        const left = (Date.parse(place.dataset.moment) - now) / 1000;
        write(place, left > 0 ? `in ${span(left)}` : `${span(-left)} ago`);
      }
    }
    if (!document.hidden && performance.now() - Math.max(heardAt, openedAt) > 8 * every) {
      leave();
      watch();
    }
  }

  let saidAt = 0;

  // A screen reader says what changes here, so that a number alone changes it seldom.
  function say(words, colour) {
    const isNew = state.className !== `badge ${colour}`;
    if (isNew || performance.now() - saidAt > 30000) {
      saidAt = performance.now();
      state.className = `badge ${colour}`;
      write(state, words);
    }
  }

  function write(place, words) {
    if (place.textContent !== words) {
      place.textContent = words;
    }
  }

  function span(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) {
      return `${whole} s`;
    }
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) {
      return `${minutes} min`;
    }
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
  }

  // Browsers keep few lines to one server, and a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    leave();
    if (!document.hidden) {
      watch();
    }
  });

  if (!document.hidden) {
    watch();
  }
  setInterval(tick, 1000);
})();
