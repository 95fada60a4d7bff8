/* Draws clusters of videos that are in each other, with the parts of RepriseReport. Content: see
   reprise.report.dedupe_page. */
const RepriseDedupe = (() => {
  const {clock, element, matches} = RepriseReport;
  const OPEN_AT_FIRST = 3;
  const COLUMNS = ["video", "", "of it", "length", "picture", "size", ""];
  const KINDS = ["", "words", "number", "number", "number", "number", "words"];

  const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const length = time => clock(Math.round(time));
  const percent = share => `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100} %`;
  const picture = video => video.width ? `${video.width}×${video.height}` : "";

  function size(bytes) {
    for (const unit of ["bytes", "kB", "MB", "GB"]) {
      if (bytes < 999.5) return `${unit === "bytes" || bytes >= 99.95 ? Math.round(bytes) : bytes.toFixed(1)} ${unit}`;
      bytes /= 1000;
    }
    return `${bytes.toFixed(1)} TB`;
  }

  function named(video, kind) {
    const name = element("span", {class: kind}, video.path);
    return video.url ? element("a", {href: video.url}, name) : name;
  }

  function row(...cells) {
    return element("tr", {}, ...cells.map((cell, i) => element("td", {class: KINDS[i], "data-label": COLUMNS[i]}, cell)));
  }

  /* Those to keep first, then what is in them. */
  function table(cluster) {
    const head = COLUMNS.map((name, i) => element("th", {scope: "col", class: KINDS[i]}, name));
    const rows = cluster.keep.map(video => row(named(video, "reference-name"), element("strong", {}, "keep"), "", length(video.duration),
      picture(video), size(video.file_size), video.reason));
    rows.push(...cluster.copies.map(video => row(named(video, "query-name"), video.relation, percent(video.share), length(video.duration),
      picture(video), size(video.file_size), video.remark)));
    return element("div", {class: "scroll"}, element("table", {}, element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows)));
  }

  /* One pair, to be opened: timelines of both and pictures. */
  function pair(into, video, isOpen) {
    const match = video.matches[0];
    match.title = [element("span", {class: "query-name"}, video.path), ` ${video.relation} `,
      element("span", {class: "reference-name"}, match.reference)];
    matches(into, video, isOpen);
    if (match.more) into.append(element("p", {class: "quiet"}, `and ${counted(match.more, "further segment")}`));
  }

  function names(videos) { return videos.map(video => video.path.toLowerCase()).join("\n"); }

  function page(into, content) {
    const total = content.total, cost = total.cost;
    let opened = 0;
    const isOpen = () => opened++ < OPEN_AT_FIRST;
    const lead = total.copies
      ? `${counted(total.clusters, "cluster")}: ${counted(total.copies, "video")} of ${total.videos} ${total.copies === 1 ? "is" : "are"} wholly in others, ` +
        `${length(total.saved_s)} and ${size(total.saved_bytes)}.`
      : `None of ${counted(total.videos, "video")} is wholly in another.`;
    into.replaceChildren(element("header", {}, element("h1", {}, "Videos that are in each other"), element("p", {class: "lead"}, lead),
      element("p", {class: "quiet"}, "Nothing was deleted. Look at what goes before you delete it."),
      element("p", {class: "quiet"}, [`Library ${content.library}`, `model ${content.model}`, `${counted(content.fps, "frame")} a second`,
        content.made, content.program].join(" · ")),
      element("p", {class: "quiet"}, `${cost.searches} searches, ${counted(cost.candidate_pairs, "candidate pair")}, ` +
        `${counted(cost.alignments, "alignment")}, ${cost.cpu_s.toFixed(1)} CPU seconds`),
      ...[...content.failures, content.warning].filter(Boolean).map(line => element("p", {class: "warning"}, line))));
    const parts = [];
    const filter = element("input", {type: "search", id: "filter", placeholder: "file name"});
    if (content.clusters.length + content.partial.length > 12) {
      into.append(element("div", {class: "filter"}, element("label", {for: "filter"}, "Show only"), filter));
    }
    content.clusters.forEach((cluster, i) => {
      const part = element("section", {class: "cluster"}, element("h2", {}, `Cluster ${i + 1}`, element("span", {class: "quiet"},
        ` ${length(cluster.saved_s)} and ${size(cluster.saved_bytes)} twice`)), table(cluster));
      for (const copy of cluster.copies) pair(part, copy, isOpen);
      parts.push([part, names([...cluster.keep, ...cluster.copies])]);
      into.append(part);
    });
    if (content.partial.length) {
      into.append(element("section", {}, element("h2", {}, "Videos that share a part"),
        element("p", {class: "quiet"}, "Neither makes the other superfluous.")));
      for (const one of content.partial) {
        const part = element("section", {});
        pair(part, one, () => false);
        parts.push([part, `${one.path}\n${one.matches[0].reference}`.toLowerCase()]);
        into.append(part);
      }
      if (content.partial_left_out) into.append(element("p", {}, `${counted(content.partial_left_out, "further pair")}: see --partial with --csv.`));
    }
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const [part, text] of parts) part.hidden = !text.includes(wanted);
    });
    window.addEventListener("beforeprint", () => into.querySelectorAll("details.match").forEach(part => { part.fill(); part.open = true; }));
  }

  return {page};
})();
