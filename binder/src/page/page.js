"use strict";
// Shows /state.json, again every two seconds while somebody looks. Everything is set as text, never as markup.

const EVERY_MS = 2000;
const ANSWER_WITHIN_MS = 5000;
const TONES = { live: "good", draining: "doubtful", suspect: "bad" };

const at = (id) => document.getElementById(id);
const rows = new Map();
let timer, asking, before, since;

function say(node, text, className) {
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

function tell(id, text) {
  say(at(id), text || "");
  at(id).hidden = !text;
}

// The one or two largest units: 42 s, 5 m 12 s, 3 h 4 m, 2 d 7 h.
function time(ms) {
  const s = Math.floor(ms / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (d) return `${d} d ${h % 24} h`;
  if (h) return `${h} h ${m % 60} m`;
  return m ? `${m} m ${s % 60} s` : `${s} s`;
}

// Leases may be shorter than a second.
const leaseTime = (ms) => (ms > 0 && ms < 1000 ? `${ms} ms` : time(ms));

const count = (number) => number.toLocaleString("en");

function perSecond(now, field) {
  if (!before || before.binder !== now.binder || now.at <= before.at) return "–";
  const rate = (now.counters[field] - before.counters[field]) * 1000 / (now.at - before.at);
  return rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

function showFigures(stats) {
  const now = { binder: stats.revision.binder, at: stats.uptime_ms, counters: stats.counters };
  const figures = [
    ["Procedures", count(stats.names)],
    ["Registrations", count(stats.registrations)],
    ["Servers", count(stats.leases), stats.suspect_leases ? `${count(stats.suspect_leases)} suspect` : ""],
    ["Watchers", count(stats.watchers)],
    ["Lookups/s", perSecond(now, "lookups")],
    ["Renewals/s", perSecond(now, "renewals")],
  ];
  const list = at("figures");
  figures.forEach(([title, value, trouble], place) => {
    const figure = list.children[place] || list.appendChild(document.createElement("div"));
    if (!figure.firstChild) figure.append(document.createElement("dt"), document.createElement("dd"));
    say(figure.firstChild, title);
    lines(figure.lastChild, trouble ? [[value, ""], [trouble, "bad"]] : [[value, ""]]);
  });
  before = now;
}

const CELLS = ["name", "server", "state", "age", "lease", "weight", "calls", "version", "metadata"];
const LABELS = { age: "up", lease: "lease", weight: "weight", calls: "calls/s", version: "version" };

function newRow() {
  const row = document.createElement("tr");
  row.setAttribute("role", "row");
  for (const name of CELLS) {
    const cell = row.appendChild(document.createElement("td"));
    cell.setAttribute("role", "cell");
    if (LABELS[name]) cell.dataset.label = LABELS[name];
    cell.className = ["age", "lease", "weight", "calls"].includes(name) ? "number" : name;
  }
  return row;
}

// A line for each part, without touching what is as it was.
function lines(cell, parts) {
  const key = JSON.stringify(parts);
  if (cell.dataset.parts === key) return;
  cell.dataset.parts = key;
  cell.replaceChildren(...parts.map(([text, className]) => {
    const line = document.createElement("span");
    say(line, text, className);
    return line;
  }));
}

// Null where the server does not say.
function callsASecond(aMinute) {
  if (aMinute === null) return "";
  if (aMinute > 0 && aMinute < 6) return "0.1";
  return aMinute < 600 ? String(Math.floor(aMinute / 6) / 10) : count(Math.floor(aMinute / 60));
}

function showRow(row, entry) {
  const [name, server, state, age, lease, weight, calls, version, metadata] = row.children;
  const host = entry.address.includes(":") ? `[${entry.address}]` : entry.address;
  const place = [[`${host}:${entry.port}`, ""]];
  if (entry.instance !== place[0][0]) place.push([entry.instance, "quiet"]);
  if (entry.out_of_reach) place.push([entry.out_of_reach, "quiet"]);
  say(name, entry.name);
  lines(server, place);
  say(state, entry.state, `state ${TONES[entry.state] || ""}`);
  say(age, time(entry.age_ms));
  say(lease, `${leaseTime(entry.lease_left_ms)} of ${leaseTime(entry.lease_ms)}`);
  say(weight, entry.mode === "shared" ? count(entry.weight) : "");
  say(calls, callsASecond(entry.calls_per_minute));
  say(version, entry.version || "");
  lines(metadata, Object.entries(entry.metadata).map(([key, value]) => [`${key}=${value}`, ""]));
}

function showRows(entries) {
  const body = at("rows");
  const seen = new Set();
  entries.forEach((entry, place) => {
    const key = `${entry.epoch} ${entry.name}`;
    seen.add(key);
    if (!rows.has(key)) rows.set(key, newRow());
    const row = rows.get(key);
    showRow(row, entry);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] || null);
  });
  for (const [key, row] of rows) {
    if (!seen.has(key)) {
      row.remove();
      rows.delete(key);
    }
  }
}

function show({ address, stats, entries, more }) {
  const filtered = at("filter").value !== "";
  document.title = `${stats.suspect_leases ? `(${stats.suspect_leases} suspect) ` : ""}Binder ${address}`;
  say(at("address"), address);
  say(at("about"), `version ${stats.version}, up ${time(stats.uptime_ms)}`);
  tell("alarm", stats.alarm && stats.alarm.sentence);
  // The sentence counts seconds; who listens to the page is told once.
  say(at("news"), stats.alarm ? "The alarm is on." : "");
  const trouble = stats.saving && stats.saving.trouble;
  tell("saving", trouble && `The state file cannot be written: ${trouble}. Names are served all the same.`);
  showFigures(stats);
  showRows(entries);
  const all = count(stats.registrations);
  const shown = `${count(entries.length)}${more ? " and more" : ""}`;
  say(at("count"), filtered || more ? `${shown} of ${all}${more ? ", filter to see others" : ""}` : "");
  const nothing = filtered ? "Nothing that is registered has this in it." : "Nothing is registered yet.";
  tell("empty", entries.length ? "" : nothing);
}

function lost(why) {
  since = since || new Date().toLocaleTimeString("en-GB");
  document.body.classList.add("gone");
  tell("gone", `The binder has not answered since ${since}: ${why}. What is shown is from before; it is asked again every two seconds.`);
}

async function ask() {
  clearTimeout(timer);
  if (asking) asking.abort();
  const mine = asking = new AbortController();
  const late = setTimeout(() => mine.abort(new Error("it takes too long")), ANSWER_WITHIN_MS);
  try {
    const url = `/state.json?contains=${encodeURIComponent(at("filter").value)}`;
    const answer = await fetch(url, { signal: mine.signal });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    show(await answer.json());
    since = undefined;
    document.body.classList.remove("gone");
    tell("gone", "");
  } catch (error) {
    if (asking === mine) lost(error instanceof TypeError ? "it cannot be reached" : error.message);
  } finally {
    clearTimeout(late);
  }
  if (asking === mine && !document.hidden) timer = setTimeout(ask, EVERY_MS);
}

at("filter").addEventListener("input", ask);
at("search").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
ask();
