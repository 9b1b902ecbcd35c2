// The first page: what runs now, asked again every few seconds while somebody looks.

const PAUSE_MS = 3000;
const rows = document.querySelector("#actors");
const news = document.querySelector("#news");

function cell(text, kind = "td", name = "") {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = name;
  return element;
}

function row(actor) {
  const element = document.createElement("tr");
  const state = actor.reason ? `${actor.state}: ${actor.reason}` : actor.state;
  const waiting = actor.mailbox + actor.busy;
  element.append(cell(actor.node), cell(actor.name), cell(state, "td", actor.state === "ready" ? "good" : "bad"));
  element.append(...[actor.handled, waiting, actor.restarts].map((n) => cell(n.toLocaleString(), "td", "number")));
  return element;
}

function summary(status) {
  const nodes = status.nodes.length;
  const unready = status.actors.filter((actor) => actor.state !== "ready").length;
  const health = unready ? `${unready} of ${status.actors.length} actors are not ready` : "all actors are ready";
  return `${nodes} ${nodes === 1 ? "node" : "nodes"}, ${health}.`;
}

function say(text) {
  if (news.textContent !== text) news.textContent = text;
}

async function refresh() {
  try {
    const answer = await fetch("/api/status");
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    const status = await answer.json();
    rows.replaceChildren(...status.actors.map(row));
    say(summary(status));
  } catch (error) {
    say(`The node does not answer: ${error.message}. Asking again …`);
  }
}

async function watch() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

watch();
