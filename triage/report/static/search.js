"use strict";
// Searches the list. Names in it are put on the page as text, never as markup. The pages can be read without this.
(function () {
  const ON_A_PAGE = 50, CELLS_LETTER = 0.05, HEIGHT = 18, BAND = 5, FOOT = 15, LOW_FOOT = 8, SVG = "http://www.w3.org/2000/svg";
  const PLACE = 0, QUEUE = 1, NAME = 2, VIDEO = 3, LENGTH = 4, UNSEEN_MS = 5, UNSEEN = 6, KINDS = 7, SEEN = 8, CODE = 9, WHOLE = 10;
  const KINDS_OF_STRIP = ["restraint", "weapon", "graphic", "sexual", "minor", "uniform", "person"];
  const QUEUES = ["sealed", "urgent", "priority", "routine", "unreadable"];
  const finder = document.getElementById("finder");
  const words = document.getElementById("f-words"), queue = document.getElementById("f-queue");
  const kind = document.getElementById("f-kind"), order = document.getElementById("f-order");
  const unseen = document.getElementById("f-unseen");
  const found = document.getElementById("found"), list = document.getElementById("found-list");
  const all = document.getElementById("all"), pieces = Number(finder.dataset.pieces);
  const loaded = [];
  let rows = null, waiting = null, page = 0;

  window.triageList = function (piece, some) { loaded[piece] = some; };

  function load() {
    waiting = waiting || Promise.all(Array.from({ length: pieces }, function (_, piece) {
      return new Promise(function (done, failed) {
        const script = document.createElement("script");
        script.src = "static/list-" + piece + ".js";
        script.onload = done;
        script.onerror = failed;
        document.head.append(script);
      });
    })).then(function () {
      rows = loaded.flat();
      for (const row of rows) row.key = row[NAME].toLowerCase();
    });
    return waiting;
  }

  function element(name, style, text) {
    const made = document.createElement(name);
    if (style) made.className = style;
    if (text) made.textContent = text;
    return made;
  }

  function drawn(name, values) {
    const made = document.createElementNS(SVG, name);
    for (const key in values) made.setAttribute(key, values[key]);
    return made;
  }

  function runs(code) {
    const some = [];
    for (let first = 0, last = 1; last <= code.length; last++) {
      if (last === code.length || code[last] !== code[first]) {
        some.push([code[first], first / code.length, (last - first) / code.length, first, last - first]);
        first = last;
      }
    }
    return some;
  }

  function share(number) { return (100 * number).toFixed(2) + "%"; }

  function strip(row) {
    const parts = row[CODE].split("|");
    const seen = row[KINDS].map(function (number) { return kind.options[number + 1].textContent; });
    const made = drawn("svg", { class: "heat small", width: "100%", height: HEIGHT, role: "img" });
    made.setAttribute("aria-label", "Heat strip: " + (seen.join(", ") || "nothing was seen that a strip tells apart") + "; its page says when");
    made.append(drawn("rect", { class: "track", x: share(0), y: 0, width: share(1), height: HEIGHT }));
    const letters = [];
    for (const [letter, start, width, first, cells] of runs(parts[0])) {
      if (letter === ".") continue;
      const number = letter.charCodeAt(0) - 97, name = KINDS_OF_STRIP[Math.floor(number / 3)], strength = number % 3 + 1;
      const height = Math.round(HEIGHT * (strength + 1) / 4);
      made.append(drawn("rect", { class: "k-" + name, x: share(start), y: HEIGHT - height, width: share(width), height: height }));
      if (width >= CELLS_LETTER) {
        const over = (parts[1] || "").slice(first, first + cells).replace(/0/g, "") ? " over" : "";
        const text = drawn("text", { class: "letter on-s" + strength + over, x: share(start + width / 2), y: strength === 1 ? LOW_FOOT : FOOT });
        text.textContent = name[0].toUpperCase();
        letters.push(text);
      }
    }
    for (const [digit, start, width] of runs(parts[1] || "")) {
      for (const [bit, pattern] of [[1, "known"], [2, "unlooked"]]) {
        if (Number(digit) & bit) made.append(drawn("rect", { x: share(start), y: 0, width: share(width), height: HEIGHT, fill: "url(#p-" + pattern + ")" }));
      }
    }
    if (parts[2]) made.append(drawn("rect", { class: "crossed band", x: share(0), y: HEIGHT - BAND, width: share(1), height: BAND, fill: "url(#p-unlooked)" }));
    made.append(...letters);
    return made;
  }

  function line(row) {
    const made = element("tr"), name = element("th", "c-video file"), below = element("span", "below");
    name.scope = "row";
    const words = element("bdi");
    for (const piece of row[NAME].split(/(?<=\/)/)) words.append(piece, element("wbr"));
    if (row[VIDEO]) {
      const link = element("a");
      link.href = "videos/" + row[VIDEO].slice(0, 2) + "/" + row[VIDEO] + ".html";
      link.append(words);
      name.append(link);
    } else name.append(words);
    below.append(row[LENGTH] + " ", element("span", "mono", row[VIDEO] ? row[VIDEO].slice(0, 12) : "hash not known"));
    if (!row[WHOLE] && row[QUEUE] !== 4) below.append(" ", element("span", "flag", "not wholly seen"));
    name.append(below);
    const where = element("td", "c-queue"), picture = element("td", "c-strip");
    where.append(element("span", "queue q-" + QUEUES[row[QUEUE]], QUEUES[row[QUEUE]]));
    picture.append(strip(row));
    made.append(element("td", "c-place num", String(row[PLACE])), where, name, element("td", "", row[SEEN]), picture, element("td", "c-unseen num", row[LENGTH] ? row[UNSEEN] : "–"));
    return made;
  }

  function button(text, target, last) {
    const item = element("li"), made = element("button", "", text);
    made.type = "button";
    made.disabled = target < 0 || target > last;
    made.addEventListener("click", function () { page = target; show(); list.scrollIntoView(); found.focus(); });
    item.append(made);
    return item;
  }

  function isAsked() { return words.value.trim() || queue.value || kind.value || unseen.checked || order.value !== "place"; }

  function chosen() {
    const asked = words.value.trim().toLowerCase();
    const some = rows.filter(function (row) {
      return (!asked || row.key.includes(asked) || row[VIDEO].startsWith(asked)) &&
        (!queue.value || row[QUEUE] === Number(queue.value)) &&
        (!kind.value || row[KINDS].includes(Number(kind.value))) &&
        (!unseen.checked || row[UNSEEN_MS] > 0);
    });
    if (order.value === "unseen") some.sort(function (one, other) { return other[UNSEEN_MS] - one[UNSEEN_MS]; });
    return some;
  }

  function show() {
    if (!isAsked()) {
      list.hidden = true;
      all.hidden = false;
      found.textContent = "";
      return;
    }
    const some = chosen(), last = Math.max(0, Math.ceil(some.length / ON_A_PAGE) - 1);
    page = Math.min(page, last);
    const table = document.querySelector("#all table").cloneNode(false), head = document.querySelector("#all thead").cloneNode(true);
    const body = element("tbody"), pager = element("ul", "pager");
    table.append(element("caption", "", "What was found"), head, body);
    for (const row of some.slice(page * ON_A_PAGE, (page + 1) * ON_A_PAGE)) body.append(line(row));
    pager.append(button("Previous", page - 1, last), element("li", "", "Page " + (page + 1) + " of " + (last + 1)), button("Next", page + 1, last));
    list.replaceChildren(table, pager);
    found.textContent = some.length + " of " + rows.length + " in the list";
    list.hidden = false;
    all.hidden = true;
  }

  function ask() {
    page = 0;
    if (!isAsked()) { if (rows) show(); return; }
    found.textContent = rows ? found.textContent : "Reading the list …";
    load().then(show, function () { found.textContent = "The list could not be read; the pages below can."; });
  }

  if (!document.querySelector("#all table")) return;
  found.tabIndex = -1;
  finder.hidden = false;
  finder.addEventListener("submit", function (event) { event.preventDefault(); });
  finder.addEventListener("input", ask);
  finder.addEventListener("reset", function () { setTimeout(ask); });
  words.addEventListener("focus", load, { once: true });
  if (isAsked()) ask();
})();
