// Keeps the board up to date, and says how old it is. What can't be told is said, never hidden.
"use strict";

(() => {
    const live = document.getElementById("live");
    const freshness = document.getElementById("freshness");
    const pause = document.getElementById("pause");
    const parts = document.querySelectorAll("[hx-trigger=tick]");
    const everySeconds = Number(live.dataset.everySeconds);
    const staleAfterSeconds = Number(freshness.dataset.staleAfterSeconds);
    const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

    let heardAt = performance.now();
    const asking = new Set();
    let trouble = "";

    const board = () => document.getElementById("board");
    const paused = () => pause.getAttribute("aria-pressed") === "true";
    const secondsSinceHeard = () => (performance.now() - heardAt) / 1000;

    // The two largest units, as the pages are written.
    function span(seconds) {
        let left = Math.max(Math.floor(seconds), 0);
        for (let place = 0; place < UNITS.length; place += 1) {
            const [size, unit] = UNITS[place];
            if (left >= size) {
                const told = `${Math.floor(left / size)} ${unit}`;
                const next = UNITS[place + 1];
                const smaller = next ? Math.floor((left % size) / next[0]) : 0;
                return smaller ? `${told} ${smaller} ${next[1]}` : told;
            }
        }
        return "0 s";
    }

    // Ages count on between answers, by the server's clock as of the last one.
    function countOn() {
        const now = Date.parse(board().dataset.asOf) + secondsSinceHeard() * 1000;
        for (const time of document.querySelectorAll("time[data-ages]")) {
            const seconds = (now - Date.parse(time.dateTime)) / 1000;
            const text = seconds <= -1 ? `in ${span(-seconds)}` : `${span(Math.max(0, seconds))} ago`;
            if (time.textContent !== text) time.textContent = text;
        }
    }

    function tellFreshness() {
        const seconds = secondsSinceHeard();
        const stale = seconds > staleAfterSeconds;
        document.body.classList.toggle("stale", stale);
        let text = `Up to date, asked again every ${everySeconds} s.`;
        if (paused()) text = `Paused. As it stood ${span(seconds)} ago.`;
        else if (stale) text = `Stale: as it stood ${span(seconds)} ago. ${trouble || "Nothing was heard since."}`;
        if (freshness.textContent !== text) freshness.textContent = text;
    }

    function ask(part) {
        if (asking.has(part) || paused() || document.hidden) return;
        asking.add(part);
        part.dispatchEvent(new CustomEvent("tick"));
    }

    document.addEventListener("htmx:after:request", (event) => {
        const status = event.detail.ctx.response.status;
        if (status === 200) return;
        trouble = status === 401 ? "You are signed out: load the page again to sign in." : `The server answered ${status}.`;
        event.preventDefault();
    });
    document.addEventListener("htmx:error", () => { trouble = "The server can't be reached."; });
    document.addEventListener("htmx:finally:request", (event) => { asking.delete(event.detail.ctx.sourceElement); });
    document.addEventListener("htmx:after:swap", (event) => {
        if (event.detail.ctx.sourceElement !== live) return;
        heardAt = performance.now();
        trouble = "";
        tellFreshness();
    });

    pause.hidden = false;
    pause.addEventListener("click", () => {
        const next = !paused();
        pause.setAttribute("aria-pressed", String(next));
        pause.textContent = next ? "Go on updating" : "Pause updates";
        tellFreshness();
        ask(live);
    });
    document.addEventListener("visibilitychange", () => ask(live));

    for (const part of parts) setInterval(() => ask(part), Number(part.dataset.everySeconds) * 1000);
    setInterval(() => { countOn(); tellFreshness(); }, 1000);
    tellFreshness();
})();
