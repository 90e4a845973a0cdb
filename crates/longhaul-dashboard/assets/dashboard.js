// Everything works without this script. It keeps a page fresh: a stream says that something changed, the page is asked
// for again, and the parts marked `data-live` that differ are put in the place of the old ones.

const FRESH_AT_MOST_EVERY = 1000;
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function relative(at) {
  const seconds = Math.trunc((Date.now() - at) / 1000);
  const size = Math.abs(seconds);
  if (size === 0) return "now";
  const [unit, of] = UNITS.find(([, of]) => size >= of);
  const text = `${Math.trunc(size / of)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function tick() {
  for (const time of document.querySelectorAll("time:not([data-exact])")) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// A part in which somebody types, ticks or reads a menu stays as it is.
function isInUse(part) {
  return part.contains(document.activeElement) && part !== document.activeElement
    || part.querySelector("details[open], input:checked") !== null;
}

// What a part says apart from how long ago things were.
function gist(part) {
  return part.outerHTML.replace(/(<time [^>]*>)[^<]*/g, "$1");
}

let fetching = false;
let wanted = false;
let last = 0;

async function refresh() {
  if (fetching) { wanted = true; return; }
  fetching = true;
  wanted = false;
  try {
    const wait = last + FRESH_AT_MOST_EVERY - Date.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    last = Date.now();
    const address = new URL(location.href);
    address.searchParams.delete("done");
    const response = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && !isInUse(part) && gist(next) !== gist(part)) {
        const log = part.querySelector(".log");
        const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 8;
        part.replaceWith(document.adoptNode(next));
        if (atEnd) next.querySelector(".log")?.scrollTo(0, 1e9);
      }
    }
    tick();
  } catch {
    // The server is away; the stream connects again by itself.
  } finally {
    fetching = false;
    if (wanted) refresh();
  }
}

// There is no page to ask for any more, and nothing to press.
function gone() {
  document.getElementById("actions")?.remove();
  const note = document.createElement("p");
  note.className = "callout bad";
  note.setAttribute("role", "alert");
  note.textContent = "This run was deleted.";
  document.querySelector("main .head")?.after(note);
}

function listen() {
  const address = document.body.dataset.events;
  if (!address || !window.EventSource) return;
  const stream = new EventSource(address);
  stream.addEventListener("changed", () => { if (document.visibilityState === "visible") refresh(); else wanted = true; });
  stream.addEventListener("gone", () => { stream.close(); gone(); });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && wanted) refresh(); });
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
}

// Menus close as people expect it: by Escape, and by a click elsewhere.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.ask[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.activeElement?.closest("details.ask[open]");
    closeMenus(null);
    menu?.querySelector("summary")?.focus();
  }
  const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); }
  }
});

// The server adds and removes items of lists. What was typed elsewhere, secrets among it, stays where it is.
async function changeItems(button) {
  const list = button.closest(".items"), form = button.form;
  const body = new URLSearchParams(new FormData(form));
  body.append(button.name, button.value);
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" }, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = document.adoptNode(page.getElementById(list.id));
    for (const secret of list.querySelectorAll("input[type=password]")) {
      const same = next.querySelector(`input[name="${CSS.escape(secret.name)}"]`);
      if (same) same.value = secret.value;
    }
    list.replaceWith(next);
    const added = button.name === "add" && document.getElementById(new URL(button.formAction).hash.slice(1));
    const first = added && added.querySelector("input:not([type=hidden]), select, textarea");
    (first || next.querySelector(":scope > button") || next.querySelector("button"))?.focus();
  } catch {
    form.requestSubmit(button);
  }
}
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".items button[name=add], .items button[name=remove]");
  if (!button) return;
  event.preventDefault();
  changeItems(button);
});

// A click on a box with Shift ticks all rows between it and the last.
let lastBox = null;
document.addEventListener("click", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.name !== "id") return;
  if (event.shiftKey && lastBox?.isConnected) {
    const boxes = [...document.querySelectorAll('input[name="id"]')];
    const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((left, right) => left - right);
    boxes.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
  }
  lastBox = box;
});

// A page that says why something was not done answers a form: it is asked for again, and reloaded, as the page that it is.
if (document.body.dataset.address) history.replaceState(null, "", document.body.dataset.address);
tick();
setInterval(tick, 1000);
listen();
