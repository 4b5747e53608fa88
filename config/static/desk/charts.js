// Draws the charts in the colours of the sheet. What they draw is told in words beside them.
"use strict";

(() => {
    const charts = document.getElementById("charts");
    const everySeconds = Number(charts.dataset.everySeconds);
    const drawn = new Map();
    let told = null;

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const seconds = (times) => times.map((at) => Date.parse(at) / 1000);
    const dollars = (value) => `${value < 0 ? "−" : ""}$${Math.abs(value).toLocaleString("en-US", { maximumFractionDigits: 2 })}`;

    function axes(unit) {
        const look = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
        const clock = (_, times) => times.map((at) => new Date(at * 1000).toISOString().slice(11, 19));
        return [{ ...look, space: 90, values: clock }, { ...look, size: 70, values: (_, values) => values.map(unit) }];
    }

    function draw(id, data, series, unit) {
        const place = document.getElementById(id);
        drawn.get(id)?.destroy();
        drawn.delete(id);
        place.replaceChildren();
        if (!data[0].length) {
            const nothing = document.createElement("p");
            nothing.textContent = "Nothing to draw yet.";
            place.append(nothing);
            return;
        }
        const size = { width: Math.max(place.clientWidth, 200), height: 230 };
        const time = { label: "Time" };
        const tzDate = (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC");
        const options = { ...size, tzDate, axes: axes(unit), series: [time, ...series], legend: { show: series.length > 1 }, cursor: { drag: { x: false, y: false } } };
        drawn.set(id, new uPlot(options, data, place));
    }

    function profit() {
        const amounts = told.profit.usd.map(Number);
        draw("profit", [seconds(told.profit.at), amounts], [{ label: "Realised", stroke: colour("--accent"), width: 2, paths: uPlot.paths.stepped({ align: 1 }) }], dollars);
        if (!amounts.length) return;
        const words = `Realised profit: ${dollars(amounts[amounts.length - 1])} now, ${dollars(amounts[0])} ${amounts.length} fills ago.`;
        document.getElementById("profit").setAttribute("aria-label", words);
        document.getElementById("profit-told").firstChild.textContent = `${words} `;
    }

    function beside() {
        const { at, symbol, basis_points: points } = told.beside;
        const symbols = [...new Set(symbol)].sort();
        const strokes = ["--accent", "--good", "--warn", "--bad", "--quiet"];
        const rows = symbols.map((name) => points.map((each, place) => (symbol[place] === name ? Number(each) : null)));
        const series = symbols.map((name, place) => ({
            label: name,
            stroke: colour(strokes[place % strokes.length]),
            paths: () => null,
            points: { show: true, size: 6, fill: colour(strokes[place % strokes.length]) },
        }));
        draw("beside", [seconds(at), ...rows], series.length ? series : [{}], (value) => `${value} bp`);
        if (!points.length) return;
        const numbers = points.map(Number).sort((one, other) => one - other);
        const words = `${numbers.length} fills: between ${numbers[0]} and ${numbers[numbers.length - 1]} basis points above the oracle's price, half of them below ${numbers[Math.floor(numbers.length / 2)]}.`;
        document.getElementById("beside").setAttribute("aria-label", words);
        document.getElementById("beside-told").textContent = words;
    }

    function drawAll() {
        if (told === null) return;
        profit();
        beside();
    }

    async function ask() {
        if (document.hidden || document.getElementById("pause").getAttribute("aria-pressed") === "true") return;
        let answer;
        try {
            answer = await fetch(charts.dataset.from, { headers: { Accept: "application/json" } });
        } catch {
            return; // The board says that the server can't be reached.
        }
        if (!answer.ok) return;
        told = await answer.json();
        drawAll();
    }

    let width = charts.clientWidth;
    new ResizeObserver(() => {
        if (charts.clientWidth === width) return;
        width = charts.clientWidth;
        drawAll();
    }).observe(charts);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

    setInterval(ask, everySeconds * 1000);
    ask();
})();
