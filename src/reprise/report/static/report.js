"use strict";
/* Draws what a query found. RepriseReport.page(element, content) fills a whole page,
   RepriseReport.matches(element, query) the matches of one query. Content: see reprise.report.page. */
const RepriseReport = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const OPEN_AT_FIRST = 5;
  const COLUMNS = ["query", "these seconds", "were taken from", "these seconds", "score", ""];
  const KINDS = ["", "time", "", "time", "number", "words"];
  const AUDIO = {same: "same audio", partly: "partly the same audio", other: "other audio"};

  function clock(time, digits = 0) {
    const tenths = Math.round(time * 10 ** digits) / 10 ** digits;
    const hours = Math.floor(tenths / 3600), minutes = Math.floor(tenths % 3600 / 60);
    const seconds = (tenths % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
  }

  function span(start, end) { return `${clock(start, 1)} – ${clock(end, 1)}`; }

  function counted(count, noun) { return `${count} ${noun}${count === 1 ? "" : "s"}`; }

  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
  }

  function drawn(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function fileName(path) { return path.split("/").pop(); }

  function kind(segment) {
    const words = [];
    if (segment.speed) words.push(`${segment.speed}× speed`);
    if (segment.backwards) words.push("backwards");
    return words.join(", ");
  }

  function linked(text, url, time) {
    // A media fragment: players that know it begin there.
    return url ? element("a", {href: time === undefined ? url : `${url}#t=${time.toFixed(1)}`}, text) : text;
  }

  /* What the two sides are called, where they are not a query and a reference. */
  function sides(query) { return query.names || ["query", "reference"]; }

  function spoken(query) { return query.names || ["the query", "the reference"]; }

  /* Both videos as bars, the copied stretches joined. */
  function timeline(query, match) {
    const width = 1000, left = 160, [one, other] = spoken(query), right = 970, top = 22, low = 96, bar = 16;
    const longest = Math.max(query.duration, match.duration);
    const x = time => left + (right - left) * Math.min(time, longest) / longest;
    const told = match.segments.map(s => `${span(s.segment[0], s.segment[2])} of ${one} is ` +
      `${span(s.segment[1], s.segment[3])} of ${other}`).join("; ");
    const picture = drawn("svg", {viewBox: `0 0 ${width} 134`, class: "timeline", role: "img", "aria-label": `Timeline: ${told}`});
    const lanes = [[sides(query)[0], top, query.duration], [sides(query)[1], low, match.duration]];
    for (const [name, y, duration] of lanes) {
      picture.append(drawn("text", {x: 0, y: y + 13}, name),
        drawn("rect", {x: x(0), y, width: Math.max(1, x(duration) - x(0)), height: bar, rx: 3, class: "lane"}));
    }
    for (const s of match.segments) {
      const [qs, rs, qe, re] = s.segment;
      const [r0, r1] = s.backwards ? [re, rs] : [rs, re];
      picture.append(
        drawn("polygon", {class: "join", points: `${x(qs)},${top + bar} ${x(qe)},${top + bar} ${x(r1)},${low} ${x(r0)},${low}`}),
        drawn("rect", {class: "q", x: x(qs), y: top, width: Math.max(2, x(qe) - x(qs)), height: bar}),
        drawn("rect", {class: "r", x: x(rs), y: low, width: Math.max(2, x(re) - x(rs)), height: bar}));
    }
    for (const time of ticks(0, longest, 8)) {
      picture.append(drawn("text", {class: "quiet-text", x: x(time), y: low + bar + 7, "text-anchor": "middle", "dominant-baseline": "hanging"}, clock(time)),
        drawn("line", {x1: x(time), x2: x(time), y1: low + bar, y2: low + bar + 5, stroke: "currentColor"}));
    }
    return picture;
  }

  function ticks(start, end, most) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
    const step = steps.find(s => (end - start) / s <= most) || 28800;
    const times = [];
    for (let time = Math.ceil(start / step) * step; time <= end + 1e-9; time += step) times.push(time);
    return times;
  }

  // Dark blue over green to yellow: brighter is more alike, also without colours and in print.
  const SHADES = [[13, 17, 54], [49, 54, 130], [34, 110, 142], [40, 160, 120], [150, 205, 70], [253, 240, 120]];

  function shade(value) {
    const place = value / 255 * (SHADES.length - 1), low = Math.min(SHADES.length - 2, Math.floor(place)), part = place - low;
    return SHADES[low].map((c, i) => Math.round(c + (SHADES[low + 1][i] - c) * part));
  }

  function coloured(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    const cells = context.getImageData(0, 0, canvas.width, canvas.height);
    const table = Array.from({length: 256}, (_, value) => shade(value));
    for (let i = 0; i < cells.data.length; i += 4) {
      const [r, g, b] = table[cells.data[i]];
      cells.data[i] = r; cells.data[i + 1] = g; cells.data[i + 2] = b;
    }
    context.putImageData(cells, 0, 0);
    return canvas;
  }

  // Maps are redrawn when the colours change; on paper they are black on white, whatever the screen is.
  let onPaper = false;
  function redrawMaps() { for (const canvas of document.querySelectorAll(".map canvas")) canvas.dispatchEvent(new Event("redraw")); }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawMaps);
  window.addEventListener("beforeprint", () => { onPaper = true; redrawMaps(); });
  window.addEventListener("afterprint", () => { onPaper = false; redrawMaps(); });

  /* The similarity map with the segments on it: query downwards, reference to the right. */
  function similarityMap(query, match, image) {
    const canvas = element("canvas", {tabindex: "0", role: "img", width: 1000, height: 560,
      "aria-label": `Similarity map of ${fileName(query.path)} (downwards) and ${fileName(match.reference)} (to the right). ` +
        `Copied stretches are lines in it. Plus and minus zoom, arrow keys move, 0 shows all.`});
    const whole = {r0: 0, r1: match.duration, q0: 0, q1: query.duration};
    let view = {...whole}, cells = null, from = null;
    const place = {left: 70, top: 34, right: 970, bottom: 550};
    const told = element("span", {class: "quiet", "aria-live": "polite"});
    const x = time => place.left + (time - view.r0) / (view.r1 - view.r0) * (place.right - place.left);
    const y = time => place.top + (time - view.q0) / (view.q1 - view.q0) * (place.bottom - place.top);

    function draw() {
      // Kept in memory: what is kept on the graphics card WebKitGTK prints as a black box.
      const context = canvas.getContext("2d", {willReadFrequently: true});
      const style = getComputedStyle(document.documentElement);
      const [ink, paper] = onPaper ? ["#000", "#fff"] : ["--ink", "--paper"].map(name => style.getPropertyValue(name));
      context.fillStyle = paper;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.save();
      context.beginPath();
      context.rect(place.left, place.top, place.right - place.left, place.bottom - place.top);
      context.clip();
      if (cells) {
        context.imageSmoothingEnabled = false;
        const [[r0, r1], [q0, q1]] = [match.map.reference, match.map.query];
        context.drawImage(cells, x(r0), y(q0), x(r1) - x(r0), y(q1) - y(q0));
      }
      context.lineWidth = 3;
      for (const s of match.segments) {
        const [qs, rs, qe, re] = s.segment;
        const [r0, r1] = s.backwards ? [re, rs] : [rs, re];
        for (const [colour, thick] of [["#000", 6], ["#ff5b3a", 3]]) {
          context.strokeStyle = colour; context.lineWidth = thick;
          context.beginPath(); context.moveTo(x(r0), y(qs)); context.lineTo(x(r1), y(qe)); context.stroke();
        }
        context.strokeStyle = "#fff"; context.lineWidth = 1;
        context.strokeRect(x(rs), y(qs), x(re) - x(rs), y(qe) - y(qs));
      }
      context.restore();
      context.fillStyle = ink;
      context.font = "13px system-ui, sans-serif";
      context.textAlign = "center";
      for (const time of ticks(view.r0, view.r1, 10)) context.fillText(clock(time), x(time), place.top - 8);
      context.textAlign = "right";
      for (const time of ticks(view.q0, view.q1, 8)) context.fillText(clock(time), place.left - 8, y(time) + 4);
      context.textAlign = "left";
      context.fillText("reference →", place.left, 12);
      context.fillText("query ↓", 4, 12);
    }

    function show(next) {
      const across = Math.min(next.r1 - next.r0, whole.r1), down = Math.min(next.q1 - next.q0, whole.q1);
      const r0 = Math.min(Math.max(0, next.r0), whole.r1 - across), q0 = Math.min(Math.max(0, next.q0), whole.q1 - down);
      view = {r0, r1: r0 + across, q0, q1: q0 + down};
      told.textContent = `query ${clock(view.q0)} – ${clock(view.q1)}, reference ${clock(view.r0)} – ${clock(view.r1)}`;
      draw();
    }

    function zoom(factor, r = (view.r0 + view.r1) / 2, q = (view.q0 + view.q1) / 2) {
      if (factor < 1 && Math.max(view.r1 - view.r0, view.q1 - view.q0) * factor < 4) return;
      show({r0: r - (r - view.r0) * factor, r1: r + (view.r1 - r) * factor, q0: q - (q - view.q0) * factor, q1: q + (view.q1 - q) * factor});
    }

    function move(right, down) {
      const r = (view.r1 - view.r0) * right, q = (view.q1 - view.q0) * down;
      show({r0: view.r0 + r, r1: view.r1 + r, q0: view.q0 + q, q1: view.q1 + q});
    }

    function times(event) {
      const box = canvas.getBoundingClientRect();
      const px = (event.clientX - box.left) / box.width * canvas.width, py = (event.clientY - box.top) / box.height * canvas.height;
      return [view.r0 + (px - place.left) / (place.right - place.left) * (view.r1 - view.r0),
        view.q0 + (py - place.top) / (place.bottom - place.top) * (view.q1 - view.q0)];
    }

    const keys = {"+": () => zoom(.6), "=": () => zoom(.6), "-": () => zoom(1.6), "0": () => show(whole),
      ArrowLeft: () => move(-.2, 0), ArrowRight: () => move(.2, 0), ArrowUp: () => move(0, -.2), ArrowDown: () => move(0, .2)};
    canvas.addEventListener("keydown", event => {
      if (keys[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); keys[event.key](); }
    });
    canvas.addEventListener("wheel", event => {
      if (!event.ctrlKey && document.activeElement !== canvas) return;  // the page scrolls
      event.preventDefault();
      zoom(event.deltaY < 0 ? .8 : 1.25, ...times(event));
    }, {passive: false});
    canvas.addEventListener("pointerdown", event => { from = times(event); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", () => { from = null; });
    canvas.addEventListener("pointermove", event => {
      const [r, q] = times(event);
      if (from) show({r0: view.r0 + from[0] - r, r1: view.r1 + from[0] - r, q0: view.q0 + from[1] - q, q1: view.q1 + from[1] - q});
      else if (r >= view.r0 && r <= view.r1 && q >= view.q0 && q <= view.q1) told.textContent = `query ${clock(q, 1)}, reference ${clock(r, 1)}`;
    });
    canvas.addEventListener("redraw", draw);
    function colour() { cells = coloured(image); draw(); }
    if (image.complete && image.naturalWidth) colour(); else { image.addEventListener("load", colour); draw(); }
    const tool = (label, name, action) => element("button", {type: "button", "aria-label": name, title: name, onclick: action}, label);
    return element("div", {class: "map"}, canvas, element("div", {class: "tools"},
      tool("+", "zoom in", () => zoom(.6)), tool("−", "zoom out", () => zoom(1.6)), tool("whole map", "show the whole map", () => show(whole)), told));
  }

  function unplayable(event) {
    const figure = event.target.closest("figure");
    if (figure.querySelector(".warning")) return;
    figure.append(element("p", {class: "warning", role: "alert"}, "This browser cannot play this file."));
  }

  /* Two players that run in step. */
  function players(query, match, segment) {
    const [qs, rs, qe, re] = segment.segment;
    const cut = Boolean(segment.clips);
    const player = (source, start, end, name, label) => element("figure", {},
      element("video", {controls: "", preload: "none", playsinline: "", muted: "", "aria-label": name, onerror: unplayable,
        src: cut ? source : `${source}#t=${start.toFixed(2)},${end.toFixed(2)}`}),
      element("figcaption", {class: "quiet"}, label));
    const one = player(cut ? segment.clips[0] : query.url, qs, qe, "query clip", `query ${span(qs, qe)}`);
    const two = player(cut ? segment.clips[1] : match.url, rs, re, "reference clip", `reference ${span(rs, re)}`);
    const [a, b] = [one, two].map(figure => figure.querySelector("video"));
    a.muted = b.muted = true;
    const [a0, b0] = cut ? [0, 0] : [qs, rs];
    const ratio = (re - rs) / (qe - qs);
    // Before it is loaded a player is not sought in: WebKit's then stands still. It begins at the fragment's start by itself.
    function follow() {
      const wanted = b0 + (a.currentTime - a0) * ratio;
      if (a.readyState && b.readyState && Math.abs(b.currentTime - wanted) > .3) b.currentTime = wanted;
      if (!cut && a.currentTime >= qe) { a.pause(); b.pause(); }
    }
    a.addEventListener("timeupdate", () => { if (!b.paused) follow(); });
    a.addEventListener("pause", () => b.pause());
    const button = element("button", {type: "button", onclick: async () => {
      if (!a.paused) { a.pause(); return; }
      if (a.readyState && (a.ended || a.currentTime < a0 || (!cut && a.currentTime >= qe))) a.currentTime = a0;
      b.playbackRate = Math.min(4, Math.max(.25, ratio));
      follow();
      await Promise.allSettled([a.play(), b.play()]);
      if (a.error) a.pause();
    }}, "▶ Play both in step");
    a.addEventListener("play", () => { button.textContent = "❚❚ Pause"; });
    a.addEventListener("pause", () => { button.textContent = "▶ Play both in step"; });
    return element("div", {}, button, element("div", {class: "clips"}, one, two));
  }

  function thumbnails(segment, names) {
    const picture = (source, name) => source
      ? element("img", {src: source, alt: name, loading: "lazy"})
      : element("div", {class: "missing"}, "no picture: the file is not there");
    const one = (pair, side, name) => element("figure", {}, picture(pair.pictures[side], `${name} at ${clock(pair.times[side], 1)}`),
      element("figcaption", {class: side ? "reference-name" : "query-name"}, `${name} ${clock(pair.times[side], 1)}`));
    return element("ul", {class: "pairs"}, ...segment.pairs.map(pair => element("li", {}, one(pair, 0, names[0]), one(pair, 1, names[1]))));
  }

  function segmentPart(query, match, segment, number) {
    const [qs, rs, qe, re] = segment.segment, how = kind(segment);
    const links = segment.clips || !query.url && !match.url ? null : element("p", {class: "quiet"}, "Open ",
      linked(spoken(query)[0], query.url, qs), " or ", linked(spoken(query)[1], match.url, rs), " at that second.");
    return element("section", {class: "segment", "aria-label": `segment ${number}`},
      element("p", {}, element("strong", {}, `${span(qs, qe)} of ${spoken(query)[0]}`), query.names ? " is " : " was taken from ",
        element("strong", {}, `${span(rs, re)} of ${spoken(query)[1]}`),
        element("span", {class: "badge"}, `score ${segment.score.toFixed(2)}`), how ? element("span", {class: "badge"}, how) : null),
      segment.pairs && segment.pairs.length ? thumbnails(segment, sides(query)) : null,
      segment.clips || query.playable && match.playable ? players(query, match, segment) : links);
  }

  function matchPart(query, match, isOpen) {
    const inside = element("div", {class: "inside"});
    const part = element("details", {class: "match", id: match.id},
      element("summary", {}, element("h3", {}, ...(match.title || ["from ", element("span", {class: "reference-name"}, match.reference)])),
        element("span", {class: "badge"}, counted(match.segments.length, "segment")),
        element("span", {class: "badge"}, `score ${match.score.toFixed(2)}`),
        match.audio ? element("span", {class: "badge"}, AUDIO[match.audio]) : ""), inside);
    // Fetched before the part is opened: a part that is opened to be printed waits for nothing.
    const map = match.map ? element("img", {src: match.map.image}) : null;
    let isFilled = false;
    function fill() {
      if (isFilled) return;
      isFilled = true;
      inside.append(timeline(query, match), ...match.segments.map((s, i) => segmentPart(query, match, s, i + 1)));
      if (match.audio) inside.append(audioOfMatch(query, match));
      if (match.map) inside.append(element("p", {class: "quiet"}, "How alike every second of the query (downwards) is to every second " +
        "of the reference (to the right); brighter is more alike, a line is a copy."), similarityMap(query, match, map));
    }
    part.addEventListener("toggle", () => { if (part.open) fill(); });
    part.fill = fill;
    if (isOpen) { part.open = true; fill(); }
    return part;
  }

  /* Where the audio of two videos is the same, be the pictures as they are. */
  function audioOfMatch(query, match) {
    const told = match.audio === "other" ? "The copied pictures have other audio." : match.audio === "same"
      ? "The copied pictures have the same audio." : "The copied pictures have partly the same audio.";
    const stretches = match.audio_segments.map(s => `${span(s.segment[0], s.segment[2])} of ${spoken(query)[0]} sounds like ` +
      `${span(s.segment[1], s.segment[3])} of ${spoken(query)[1]}${kind(s) ? ` (${kind(s)})` : ""}`);
    return element("p", {class: "audio"}, [told, ...stretches.map(line => `${line}.`)].join(" "));
  }

  /* What sounds the same where no copied pictures were found. */
  function audioPart(query) {
    const found = query.audio_matches || [];
    if (!found.length) return null;
    const columns = ["reference", "seconds of the reference", "seconds of the query", "score", ""], kinds = ["", "time", "time", "number", "words"];
    const rows = found.flatMap(match => match.segments.map(s => [element("span", {class: "reference-name"}, match.reference),
      span(s.segment[1], s.segment[3]), span(s.segment[0], s.segment[2]), s.score.toFixed(2), kind(s)]));
    return element("section", {class: "audio", "aria-label": "same audio, other pictures"}, element("h3", {}, "same audio, other pictures"),
      tableOf(columns, kinds, rows));
  }

  function matches(into, query, isOpen = () => true) {
    into.append(...query.matches.map(match => matchPart(query, match, isOpen())));
    const audio = audioPart(query);
    if (audio) into.append(audio);
  }

  function tableOf(columns, kinds, rows) {
    const head = columns.map((name, i) => element("th", {scope: "col", class: kinds[i]}, name));
    const lines = rows.map(cells => element("tr", {}, ...cells.map((cell, i) => element("td", {class: kinds[i], "data-label": columns[i]}, cell))));
    return element("div", {class: "scroll"}, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines)));
  }

  function summaryTable(content) {
    const rows = [], hears = content.queries.some(query => query.matches.some(match => match.audio));
    for (const query of content.queries) for (const match of query.matches) for (const s of match.segments) {
      const [qs, rs, qe, re] = s.segment;
      const cells = [fileName(query.path), span(qs, qe), element("a", {href: `#${match.id}`}, fileName(match.reference)), span(rs, re),
        s.score.toFixed(2), kind(s)];
      rows.push(hears ? [...cells.slice(0, 5), match.audio || "", cells[5]] : cells);
    }
    if (!rows.length) return null;
    return hears ? tableOf([...COLUMNS.slice(0, 5), "audio", ""], [...KINDS.slice(0, 5), "words", "words"], rows) : tableOf(COLUMNS, KINDS, rows);
  }

  function page(into, content) {
    let number = 0, opened = 0;
    for (const query of content.queries) for (const match of query.matches) match.id = `match-${++number}`;
    const copied = content.queries.filter(query => query.matches.length);
    const segments = copied.flatMap(query => query.matches.flatMap(match => match.segments)).length;
    const sources = new Set(copied.flatMap(query => query.matches.map(match => match.reference)));
    const lead = segments
      ? `${counted(segments, "copied segment")} in ${copied.length} of ${counted(content.queries.length, "video")}, taken from ${counted(sources.size, "reference")}.`
      : `No copied segment in ${counted(content.queries.length, "video")}.`;
    const heard = content.queries.filter(query => (query.audio_matches || []).length);
    const also = heard.length ? ` The same audio under other pictures in ${heard.length} of ${counted(content.queries.length, "video")}.` : "";
    const many = number > 12;
    const filter = element("input", {type: "search", id: "filter", placeholder: "file name"});
    const table = summaryTable(content);
    into.replaceChildren(element("header", {}, element("h1", {}, "What was copied from where"), element("p", {class: "lead"}, lead + also),
      element("p", {class: "quiet"}, [content.library && `Library ${content.library}`, `model ${content.model}`, `${counted(content.fps, "frame")} a second`,
        content.made, content.program].filter(Boolean).join(" · ")),
      ...content.failures.map(line => element("p", {class: "warning"}, line))));
    if (table) into.append(table);
    if (many) into.append(element("div", {class: "filter"}, element("label", {for: "filter"}, "Show only"), filter));
    const parts = [];
    for (const query of content.queries) {
      const part = element("section", {}, element("h2", {}, linked(element("span", {class: "query-name"}, query.path), query.url),
        element("span", {class: "quiet"}, ` ${clock(query.duration)}`)),
        query.warning ? element("p", {class: "warning"}, query.warning) : null,
        query.matches.length ? null : element("p", {}, (query.audio_matches || []).length ? "No copied pictures found." : "No copy found."));
      matches(part, query, () => opened++ < OPEN_AT_FIRST);
      parts.push([part, query]);
      into.append(part);
    }
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const [part, query] of parts) {
        const own = query.path.toLowerCase().includes(wanted);
        let shown = 0;
        part.querySelectorAll("details.match").forEach((details, i) => {
          details.hidden = !(own || query.matches[i].reference.toLowerCase().includes(wanted));
          shown += !details.hidden;
        });
        part.hidden = !(own || shown);
      }
    });
    into.addEventListener("click", event => {
      const link = event.target.closest('a[href^="#match-"]');
      const part = link && document.getElementById(link.getAttribute("href").slice(1));
      if (part) { part.hidden = false; part.open = true; }
    });
    window.addEventListener("beforeprint", () => into.querySelectorAll("details.match").forEach(part => { part.fill(); part.open = true; }));
  }

  return {page, matches, clock, element};
})();
