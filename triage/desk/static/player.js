// What is uncovered: playing it slowly, noting what was played, and covering it again.
"use strict";
(() => {
  const place = document.querySelector(".uncovered");
  if (!place) return;
  const ticket = place.dataset.ticket;
  const csrf = document.body.dataset.csrf;
  const video = document.getElementById("player");
  const tell = (what, fields) => fetch(`/view/${ticket}/${what}`, {
    method: "POST", keepalive: true, redirect: "manual", body: new URLSearchParams({ csrf, ...fields }),
  });

  let isCovered = false;
  let mayStay = false;
  const cover = (words) => {
    if (isCovered) return;
    isCovered = true;
    note();
    if (video) { video.pause(); video.removeAttribute("src"); video.load(); }
    const said = document.createElement("p");
    said.className = "notice";
    said.textContent = words;
    place.replaceChildren(said);
    tell("cover", {});
  };

  // Noted is what was on the screen: stretches that were played, or a still picture's seconds.
  let from = null;
  let to = null;
  let stillSince = place.dataset.still === "yes" && !document.hidden ? performance.now() : null;
  let ends = performance.now() + 1000 * Number(place.dataset.left);
  const kept = async (answer) => {
    const reply = await answer.catch(() => null);
    if (reply && reply.ok) ends = performance.now() + 1000 * Number(await reply.text());
    else if (reply && reply.status === 410) cover("It is covered again.");
  };
  const note = () => {
    // The browser tells the time four times a second; who stops or leaves in between has seen what came since.
    if (video && from !== null && !video.seeking && video.currentTime > to && video.currentTime <= to + 2) to = video.currentTime;
    if (video && from !== null && to > from) {
      kept(tell("saw", { start_ms: Math.round(from * 1000), end_ms: Math.round(to * 1000), sound: video.muted || !video.volume ? "0" : "1" }));
      // What goes on playing is counted from here, and not from the next time that the browser tells, a quarter of a second later.
      from = to = video.paused ? null : to;
    } else if (stillSince !== null) {
      const seconds = performance.now() - stillSince;
      stillSince = document.hidden ? null : performance.now();
      // A strip counts once, when it is opened.
      if (place.dataset.rung !== "strip" && seconds > 500) tell("saw", { start_ms: 0, end_ms: Math.round(seconds) }).catch(() => null);
    }
  };
  setInterval(() => {
    if (isCovered) return;
    if (video ? !video.paused : place.dataset.rung !== "strip" && !document.hidden) note();
    const left = ends - performance.now();
    if (left <= 0) cover("It is covered again, since nobody seemed to look any more.");
    else if (left < 60000) document.getElementById("covers").textContent = `in ${Math.ceil(left / 1000)} seconds`;
  }, 1000 * 5);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (video) video.pause(); note(); stillSince = null; }
    else if (place.dataset.still === "yes") stillSince = performance.now();
  });
  // A decision leads back to this page, where it stays uncovered; whatever else leaves the page covers it.
  document.addEventListener("submit", (event) => {
    mayStay = Boolean(event.target.querySelector("input[name=ticket]"));
    for (const at of document.querySelectorAll("input.at")) at.value = video ? Math.round(video.currentTime * 1000) : "";
  });
  addEventListener("pagehide", () => {
    if (isCovered) return;
    note();
    if (!mayStay) { isCovered = true; place.replaceChildren(); tell("cover", {}); }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.replace(`/video/${place.dataset.video}`); });
  if (!video) return;

  const shift = Number(video.dataset.shift) / 1000;
  const evidence = video.dataset.evidence ? video.dataset.evidence.split(",").map((ms) => Number(ms) / 1000 - shift) : [];
  const clock = document.getElementById("clock");
  const speed = document.querySelector("[data-do=speed]");
  const play = document.querySelector("[data-do=play]");
  const picture = 1 / 25;
  const show = () => {
    const at = Math.max(0, video.currentTime + shift);
    clock.textContent = `${String(Math.floor(at / 60)).padStart(2, "0")}:${(at % 60).toFixed(3).padStart(6, "0")}`;
  };
  const jump = (at) => { note(); video.currentTime = Math.max(0, Math.min(at, (video.duration || at) - 0.001)); };
  const slow = () => { video.playbackRate = video.defaultPlaybackRate = Number(speed.value); };
  video.addEventListener("loadedmetadata", () => { slow(); if (Number(video.dataset.at)) video.currentTime = Number(video.dataset.at) / 1000; show(); });
  video.addEventListener("timeupdate", () => {
    const now = video.currentTime;
    if (from === null || now < from || now > to + 2) { note(); from = now; to = now; }
    if (!video.paused || now !== to) to = Math.max(to, now);
    show();
  });
  video.addEventListener("seeking", () => { note(); from = to = null; });
  // One picture that somebody stopped at is seen too.
  video.addEventListener("seeked", () => { from = video.currentTime; to = from + picture; show(); if (video.paused) note(); });
  video.addEventListener("pause", () => { play.textContent = "Play"; note(); });
  video.addEventListener("play", () => { from = to = video.currentTime; play.textContent = "Pause"; });
  video.addEventListener("error", () => { if (!isCovered) document.getElementById("broken").hidden = false; });
  play.addEventListener("click", () => (video.paused ? video.play().catch(() => null) : video.pause()));
  document.querySelector("[data-do=back]").addEventListener("click", () => { video.pause(); jump(video.currentTime - picture); });
  document.querySelector("[data-do=on]").addEventListener("click", () => { video.pause(); jump(video.currentTime + picture); });
  document.querySelector("[data-do=earlier]").addEventListener("click", () => {
    const before = evidence.filter((at) => at < video.currentTime - 0.3);
    jump(before.length ? before[before.length - 1] : 0);
  });
  document.querySelector("[data-do=later]").addEventListener("click", () => {
    const after = evidence.find((at) => at > video.currentTime + 0.05);
    if (after !== undefined) jump(after);
  });
  speed.addEventListener("change", slow);
  for (const one of document.querySelectorAll("[data-jump]")) one.addEventListener("click", () => { jump(Number(one.dataset.jump) / 1000 - shift); video.scrollIntoView({ block: "nearest" }); });
  video.src = video.dataset.src;
})();
