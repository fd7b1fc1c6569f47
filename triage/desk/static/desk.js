// Keys, choosing in lists, and what changes while a page is open. Every form works without this file.
"use strict";
(() => {
  const body = document.body;
  const isOn = body.dataset.keys === "on";
  const items = () => [...document.querySelectorAll("[data-item]")];
  let chosen = null;

  const choose = (item) => {
    if (chosen) chosen.classList.remove("is-chosen");
    chosen = item;
    if (!item) return;
    item.classList.add("is-chosen");
    const first = item.querySelector("[data-open]") || item;
    first.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  const move = (by) => {
    const all = items();
    if (!all.length) return;
    const place = all.indexOf(chosen);
    choose(all[place < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, place + by))]);
  };
  document.addEventListener("focusin", (event) => {
    const item = event.target.closest("[data-item]");
    if (item && item !== chosen) {
      if (chosen) chosen.classList.remove("is-chosen");
      chosen = item;
      item.classList.add("is-chosen");
    }
  });

  const isTyping = (target) => target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const press = (key) => {
    const within = chosen && chosen.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const first = document.querySelector(`[data-item] [data-key="${CSS.escape(key)}"]`);
    const anywhere = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => !one.closest("[data-item]"));
    const meant = within || anywhere || first;
    if (!meant) return false;
    if (meant.matches("input")) meant.focus(); else meant.click();
    return true;
  };
  if (isOn) document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape" && isTyping(event.target)) { event.target.blur(); return; }
    if (isTyping(event.target)) return;
    const isControl = event.target.matches("button, summary, a, video, audio");
    if (isControl && (event.key === " " || event.key === "Enter")) return;
    if (event.target.matches("video") && event.key.startsWith("Arrow")) return;
    let isDone = true;
    if (event.key === "j" || event.key === "ArrowDown" && items().length && document.querySelector("tr[data-item]")) move(1);
    else if (event.key === "k" || event.key === "ArrowUp" && items().length && document.querySelector("tr[data-item]")) move(-1);
    else if (event.key === "?") location.assign("/keys");
    else if (event.key === "q") location.assign("/");
    else isDone = press(event.key);
    if (isDone) event.preventDefault();
  });

  const meant = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (meant && meant.matches("[data-item]")) choose(meant);
  const wrong = document.querySelector("[role=alert]");
  if (wrong) wrong.scrollIntoView({ block: "center" });

  const left = document.getElementById("left");
  if (left) setInterval(async () => {
    try {
      const now = await (await fetch("/growth", { headers: { accept: "application/json" } })).json();
      left.textContent = now.left;
      const more = now.videos - Number(left.dataset.videos);
      if (more > 0) document.getElementById("grown").textContent = `${more} more since this page was opened: load it anew to see them.`;
    } catch { /* the desk was closed; the page stays as it is */ }
  }, 10000);

  const ladder = document.querySelector("[data-progress]");
  const waiting = ladder ? [...ladder.querySelectorAll("[data-rung]")].filter((one) => one.querySelector("[data-words]")) : [];
  if (waiting.length) {
    const look = async () => {
      try {
        const now = await (await fetch(ladder.dataset.progress)).json();
        for (const one of waiting) {
          const job = now[one.dataset.rung];
          if (!job) continue;
          one.querySelector("[data-words]").textContent = job.words;
          const isOver = job.stage === "done" || job.stage === "failed";
          // What is uncovered or half typed stays; the page is only loaded anew where neither would be lost.
          const isBusy = document.querySelector(".uncovered") || [...document.querySelectorAll("textarea, input[type=text]")].some((field) => field.value);
          if (isOver && !isBusy) { location.replace(`${location.pathname}?made#ladder`); return; }
          if (isOver) one.querySelector("[data-words]").textContent = `${job.words}: load the page anew`;
        }
      } catch { /* the desk was closed */ }
      setTimeout(look, 2000);
    };
    setTimeout(look, 1000);
  }
})();
