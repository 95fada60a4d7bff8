"use strict";
/* The page of the service: asks its routes under /api, draws matches with RepriseReport. */
(() => {
  const {element, clock, matches} = RepriseReport;
  const PAGE = 24, WAIT_S = 2, TOKEN = "reprise-token";
  const byId = id => document.getElementById(id);
  const name = path => path.split("/").pop();
  let limits = null, tokenAsked = null;

  class Failure extends Error {
    constructor(status, message) { super(message); this.status = status; }
  }

  const KINDLY = {
    0: "The service does not answer. Is it still running?",
    413: "This file is too large for the service",
    429: "The service has much to do at the moment. Try again in a little while",
    503: "The service cannot answer right now",
  };

  function kindly(error) {
    if (!(error instanceof Failure)) return `Something went wrong in this page: ${error.message}`;
    const before = KINDLY[error.status];
    if (!error.status) return before;
    return before ? `${before} (${error.message}).` : `Sorry, that did not work: ${error.message}`;
  }

  function headers() {
    const token = sessionStorage.getItem(TOKEN);
    return token ? {Authorization: `Bearer ${token}`} : {};
  }

  /* One question at a time, however many requests were refused. */
  function askToken() {
    tokenAsked ??= new Promise(resolve => {
      const dialog = byId("token-dialog");
      byId("token-wrong").textContent = sessionStorage.getItem(TOKEN) ? "The service does not know that token." : "";
      byId("token").value = "";
      dialog.addEventListener("close", () => {
        sessionStorage.setItem(TOKEN, byId("token").value);
        tokenAsked = null;
        resolve();
      }, {once: true});
      dialog.showModal();
    }).then(openViews);
    return tokenAsked;
  }

  /* Pictures and films carry no header: a cookie lets the browser fetch those. */
  async function openViews() { await fetch("/api/viewer", {method: "POST", headers: headers()}).catch(() => null); }

  async function call(path, options = {}) {
    for (;;) {
      let response;
      try {
        response = await fetch(path, {...options, headers: {...headers(), ...options.headers}});
      } catch { throw new Failure(0, "no answer"); }
      if (response.status === 401) { await askToken(); continue; }
      const told = await response.json().catch(() => ({}));
      if (!response.ok) throw new Failure(response.status, told.error || response.statusText);
      return told;
    }
  }

  /* As `call` for a form with files, telling how much of it has been sent. */
  async function upload(path, form, onSent) {
    for (;;) {
      const answer = await new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open("POST", path);
        for (const [key, value] of Object.entries(headers())) request.setRequestHeader(key, value);
        request.upload.onprogress = event => { if (event.lengthComputable) onSent(event.loaded / event.total); };
        request.onerror = () => reject(new Failure(0, "no answer"));
        request.onload = () => resolve(request);
        request.send(form);
      });
      if (answer.status === 401) { await askToken(); continue; }
      let told = {};
      try { told = JSON.parse(answer.responseText); } catch { /* told by its status then */ }
      if (answer.status >= 400) throw new Failure(answer.status, told.error || answer.statusText);
      return told;
    }
  }

  /* A line with a bar, for one piece of work; `clear` takes it away. */
  function report(into, title) {
    const words = element("span", {}, `${title}: sending`), bar = element("progress", {max: "1", "aria-label": title});
    bar.value = 0;
    const line = element("div", {}, words, bar);
    into.append(line);
    return {
      tell(what, share) {
        words.textContent = `${title}: ${what}`;
        if (share === undefined) bar.removeAttribute("value"); else bar.value = share;
      },
      fail(error) {
        line.className = "failed";
        line.replaceChildren(element("strong", {}, title), element("p", {class: "warning", role: "alert"}, kindly(error)),
          element("button", {type: "button", onclick: () => line.remove()}, "All right"));
      },
      say(text) { line.replaceChildren(text, " ", element("button", {type: "button", onclick: () => line.remove()}, "All right")); },
      clear() { line.remove(); },
    };
  }

  const STAGES = {waiting: "waiting for its turn", starting: "beginning", fetching: "fetching", embedding: "looking at its pictures",
    searching: "searching the library", refining: "locating the ends", drawing: "drawing what was found", storing: "storing", comparing: "comparing"};

  async function finished(job, line) {
    while (job.status === "queued" || job.status === "running") {
      const {stage, done, total} = job.progress;
      line.tell(STAGES[stage] || stage, total > 1 ? done / total : undefined);
      job = await call(`/api/jobs/${job.id}?wait=${WAIT_S}`);
    }
    if (job.status === "failed") throw new Failure(422, job.error);
    return job.result;
  }

  async function send(path, file, field, more, line) {
    if (limits && file.size > limits.max_upload) {
      throw new Failure(413, `it has ${size(file.size)}, at most ${size(limits.max_upload)} are taken`);
    }
    const form = new FormData();
    for (const [key, value] of more) form.append(key, value);
    form.append(field, file, file.name);
    return upload(path, form, share => line.tell(share < 1 ? `sending, ${Math.round(share * 100)} %` : "sent", share));
  }

  function size(bytes) {
    for (const [unit, power] of [["GB", 30], ["MB", 20], ["kB", 10]]) {
      if (bytes >= 2 ** power) return `${(bytes / 2 ** power).toFixed(1)} ${unit}`;
    }
    return `${bytes} bytes`;
  }

  /* ---- asking about a video */

  let asked = 0, shown = null;

  async function ask(file) {
    const turn = ++asked;
    byId("ask-work").replaceChildren();
    byId("answer").replaceChildren();
    const line = report(byId("ask-work"), file.name);
    try {
      const job = await send("/api/query", file, "file", [], line);
      const result = await finished(job, line);
      line.clear();
      if (turn === asked) showAnswer(result.page, file);
    } catch (error) { line.fail(error); }
  }

  function showAnswer(query, file) {
    if (shown) URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(file);
    query.url = shown;
    query.playable = true;
    const segments = query.matches.flatMap(match => match.segments).length;
    const lead = segments
      ? `${segments} copied ${segments === 1 ? "segment" : "segments"} from ${query.matches.length} ${query.matches.length === 1 ? "video" : "videos"} of the library.`
      : "Nothing in it is copied from the library.";
    const heard = (query.audio_matches || []).length ? " Some of its audio is that of the library, under other pictures." : "";
    const into = byId("answer");
    const title = element("h2", {tabindex: "-1"}, element("span", {class: "query-name"}, query.path),
      element("span", {class: "quiet"}, ` ${clock(query.duration)}`));
    into.replaceChildren(title, element("p", {class: "lead"}, lead + heard));
    if (query.warning) into.append(element("p", {class: "warning"}, query.warning));
    let opened = 0;
    matches(into, query, () => opened++ < 5);
    title.focus();
  }

  /* ---- the library */

  let offset = 0, turns = 0;

  function still(video, time, words) {
    const box = element("div", {class: "still"});
    if (!video.playable) { box.append(element("span", {class: "quiet"}, "no picture")); return box; }
    const picture = element("img", {src: `/api/videos/${video.id}/thumbnail?time=${time.toFixed(1)}`, alt: words, loading: "lazy"});
    picture.addEventListener("error", () => picture.replaceWith(element("span", {class: "quiet"}, "no picture")));
    box.append(picture);
    return box;
  }

  async function showShelf() {
    const turn = ++turns, wanted = new URLSearchParams({offset, limit: PAGE});
    if (byId("shelf-name").value) wanted.set("name", byId("shelf-name").value);
    if (byId("shelf-tag").value) wanted.set("tag", byId("shelf-tag").value);
    let told;
    try { told = await call(`/api/videos?${wanted}`); } catch (error) { byId("shelf-count").textContent = kindly(error); return; }
    if (turn !== turns) return;
    if (!told.videos.length && offset) { offset = 0; return showShelf(); }
    const last = offset + told.videos.length;
    byId("shelf-count").textContent = told.total ? `${offset + 1} to ${last} of ${told.total} videos` : "No videos.";
    byId("shelf-before").hidden = !offset;
    byId("shelf-next").hidden = last >= told.total;
    const tags = byId("shelf-tag"), chosen = tags.value;
    tags.replaceChildren(element("option", {value: ""}, "any"), ...told.tags.map(tag => element("option", {value: tag}, tag)));
    tags.value = told.tags.includes(chosen) ? chosen : "";
    byId("shelf-cards").replaceChildren(...told.videos.map(card));
  }

  function card(video) {
    const title = name(video.path);
    const play = video.playable
      ? element("button", {type: "button", onclick: () => openPlayer(video.id, title, 0), "aria-label": `Play ${title}`}, "▶ Play") : null;
    const remove = element("button", {type: "button", onclick: () => askRemove(video, title), "aria-label": `Remove ${title}`}, "Remove");
    return element("li", {}, still(video, Math.min(video.duration / 3, 60), `a picture of ${title}`),
      element("div", {class: "text"}, element("span", {class: "name", title: video.path}, title),
        element("span", {class: "quiet"}, clock(video.duration)),
        element("span", {}, ...video.tags.map(tag => element("span", {class: "badge"}, tag))),
        video.warning ? element("span", {class: "warning quiet"}, video.warning) : null,
        element("div", {class: "acts"}, play, remove)));
  }

  function askRemove(video, title) {
    const dialog = byId("remove-dialog");
    byId("remove-text").textContent = `${title} is taken out of the library. If it was uploaded here, its file is deleted too.`;
    dialog.returnValue = "no";
    dialog.addEventListener("close", async () => {
      if (dialog.returnValue !== "yes") return;
      try {
        await call(`/api/videos/${video.id}`, {method: "DELETE"});
        await Promise.all([showShelf(), describe()]);
      } catch (error) { report(byId("shelf-work"), title).fail(error); }
    }, {once: true});
    dialog.showModal();
  }

  const VERDICTS = {"exact": "the same file as", "same-content": "it shows the same as", "near-duplicate": "a near-duplicate of",
    "contained-in": "it is contained in", "contains": "it contains", "partial": "it shares a part with"};

  /* What a file has in common with the library, in words; nothing if it is new. */
  async function known(file, line) {
    const {result} = await finished(await send("/api/check", file, "file", [], line), line);
    const [first, ...others] = result.references;
    if (!first) return "";
    return `${VERDICTS[first.relation]} ${name(first.reference)}${others.length ? ` and ${others.length} more` : ""}`;
  }

  async function add(files) {
    const tags = byId("new-tags").value.split(",").map(tag => tag.trim()).filter(Boolean);
    for (const file of files) {
      const line = report(byId("shelf-work"), file.name);
      try {
        const before = byId("only-new").checked ? await known(file, line) : "";
        if (before) { line.say(`${file.name}: not added, ${before}.`); continue; }
        const job = await send("/api/ingest", file, "file", tags.map(tag => ["tags", tag]), line);
        const [video] = (await finished(job, line)).videos;
        if (video.status === "unchanged") line.say(`${file.name}: is in the library already, as ${name(video.path)}.`);
        else if (video.warning) line.say(`${file.name}: ${video.warning}.`);
        else line.clear();
        await Promise.all([showShelf(), describe()]);
      } catch (error) { line.fail(error); }
    }
  }

  function openPlayer(id, title, time) {
    const player = byId("player"), dialog = byId("play-dialog");
    byId("play-title").textContent = title;
    byId("play-error").textContent = "";
    // Not by currentTime, which makes WebKit's player stand still when it is set before the film is there.
    player.src = `/api/videos/${id}/media#t=${time.toFixed(2)}`;
    dialog.addEventListener("close", () => { player.pause(); player.removeAttribute("src"); player.load(); }, {once: true});
    dialog.showModal();
    player.play().catch(() => null);
  }
  byId("player").addEventListener("error", () => {
    if (byId("player").hasAttribute("src")) byId("play-error").textContent = "This browser cannot play this file.";
  });

  /* ---- search */

  let searches = 0;

  async function search(title, request) {
    const turn = ++searches;
    byId("search-work").replaceChildren();
    byId("search-cards").replaceChildren();
    const line = report(byId("search-work"), title);
    line.tell("searching the library");
    try {
      const {hits} = await request(line);
      if (turn !== searches) return;
      if (hits.length) line.clear(); else line.say("Nothing in the library looks like it.");
      byId("search-cards").replaceChildren(...hits.map(hit));
    } catch (error) { line.fail(error); }
  }

  function hit(found) {
    const title = name(found.video), when = clock(found.best);
    const play = found.playable ? element("button", {type: "button", onclick: () => openPlayer(found.id, title, found.best),
      "aria-label": `Play ${title} from ${when}`}, `▶ Play from ${when}`) : null;
    return element("li", {}, still(found, found.best, `${title} at ${when}`),
      element("div", {class: "text"}, element("span", {class: "name", title: found.video}, title),
        element("span", {class: "quiet"}, `${clock(found.start)} – ${clock(found.end)} · score ${found.score.toFixed(2)}`),
        element("div", {class: "acts"}, play)));
  }

  /* ---- the page's own works */

  function takes(drop, input, action) {
    const zone = byId(drop), field = byId(input);
    for (const kind of ["dragenter", "dragover"]) {
      zone.addEventListener(kind, event => { event.preventDefault(); zone.classList.add("over"); });
    }
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", event => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length) action([...event.dataTransfer.files]);
    });
    field.addEventListener("change", () => {
      const files = [...field.files];
      field.value = "";  // so that the same file can be chosen again
      if (files.length) action(files);
    });
  }
  // A file that misses its place must not take the page's.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, event => event.preventDefault());

  takes("ask-drop", "ask-file", ([file]) => ask(file));
  takes("shelf-drop", "shelf-file", add);
  takes("search-drop", "search-file", ([file]) => search(file.name, line => send("/api/search", file, "image", [], line)));
  byId("search-form").addEventListener("submit", event => {
    event.preventDefault();
    const text = byId("search-text").value.trim();
    if (text) search(text, () => call("/api/search", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({text})}));
  });
  byId("shelf-filter").addEventListener("submit", event => event.preventDefault());
  byId("shelf-name").addEventListener("input", () => { offset = 0; showShelf(); });
  byId("shelf-tag").addEventListener("change", () => { offset = 0; showShelf(); });
  byId("shelf-before").addEventListener("click", () => { offset = Math.max(0, offset - PAGE); showShelf(); });
  byId("shelf-next").addEventListener("click", () => { offset += PAGE; showShelf(); });

  const tabs = [...document.querySelectorAll("[role=tab]")];
  function choose(tab) {
    for (const one of tabs) {
      const isIt = one === tab;
      one.setAttribute("aria-selected", String(isIt));
      one.tabIndex = isIt ? 0 : -1;
      byId(one.getAttribute("aria-controls")).hidden = !isIt;
    }
    history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
    if (tab.id === "tab-shelf") showShelf();
  }
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", event => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  }

  async function describe() {
    try {
      limits = await call("/api/library");
      byId("about").textContent = `Library ${limits.library}: ${limits.videos} videos, ${limits.frames} frames.`;
      byId("limits").textContent = `Up to ${size(limits.max_upload)} and ${clock(limits.max_duration)} long.`;
      byId("search-form").hidden = !limits.searches_text;
    } catch (error) { byId("about").textContent = kindly(error); }
  }

  async function start() {
    if (sessionStorage.getItem(TOKEN)) await openViews();
    await describe();
    const wanted = byId(`tab-${location.hash.slice(1)}`);
    if (wanted) choose(wanted);
  }
  start();
})();
