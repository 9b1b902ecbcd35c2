// The edges page: joins the form, the stage and the job.

import { curl, run } from "./job.js";
import { OperatorForm } from "./operators.js";
import { drawPicture, listenForPictures } from "./picture.js";
import { Stage } from "./stage.js";

const at = Object.fromEntries([...document.querySelectorAll("main [id]")].map((element) => [element.id, element]));
const form = new OperatorForm(at);
const stage = new Stage(at);
let file = null;
let seen = Promise.resolve(true);
let running = null;
let ready = false;

const query = () => ({ operator: form.text, then: at.then.value, mode: at.mode.value });
const plural = (count, word) => `${count} ${count === 1 ? word : `${word}s`}`;

function refresh() {
  at.run.disabled = !ready || !file || running !== null;
  at.cancel.hidden = running === null;
  if (ready) at.curl.textContent = curl(query(), file);
}

function complain(error) {
  at.alert.textContent = error.hint ? `${error.message} (${error.hint})` : error.message;
  at.news.textContent = "";
}

async function take(chosen) {
  if (running) return;
  file = chosen;
  at.alert.textContent = "";
  at.news.textContent = "";
  at.outcome.hidden = true;
  at.chosen.textContent = `${file.name}, ${(file.size / 1e6).toFixed(1)} MB`;
  refresh();
  seen = stage.showBefore(file);
  if (!(await seen)) at.news.textContent = "This browser cannot show that file, but the workers may.";
}

function told(event) {
  if (event.kind === "started") {
    if (at.before.hidden) stage.resize(event.width, event.height);
    at.news.textContent = `Working: ${plural(event.tiles, "strip")}`;
  } else if (event.kind === "tile") {
    stage.own({ ...event, worker: event.worker ?? "the master" });
    at.news.textContent = `${stage.finished} of ${plural(event.tiles, "strip")} done`;
  } else if (event.kind === "retry") {
    stage.own({ ...event, worker: null });
    at.news.textContent = `Strip ${event.tile} goes to another worker: ${event.message}`;
  }
}

async function start() {
  running = new AbortController();
  at.alert.textContent = "";
  at.outcome.hidden = true;
  at.news.textContent = "Sending the picture …";
  stage.clear();
  refresh();
  at.frame.scrollIntoView({ block: "nearest" });
  try {
    await seen;
    const begun = performance.now();
    const result = await run(file, query(), told, running.signal);
    await finish(result, performance.now() - begun);
  } catch (error) {
    if (error.name === "AbortError") at.news.textContent = "Cancelled.";
    else complain(error);
  } finally {
    running = null;
    refresh();
  }
}

async function finish({ blob, workers, tiles, why }, ms) {
  at.save.href = await stage.showAfter(blob);
  at.save.download = `${file.name.replace(/\.[^.]*$/, "")}-${at.operator.value}.png`;
  at.outcome.hidden = false;
  const who = workers ? `${plural(tiles, "strip")} by ${plural(workers, "worker")}` : "worked by the master alone";
  const again = stage.resent ? `, ${stage.resent} sent again` : "";
  at.news.textContent = `Done in ${(ms / 1000).toFixed(1)} s: ${who}${again}. (${why})`;
}

function wire() {
  listenForPictures(at.file, take);
  at.draw.addEventListener("click", async () => take(await drawPicture()));
  at.job.addEventListener("input", refresh);
  at.job.addEventListener("submit", (event) => {
    event.preventDefault();
    if (file && !running) start();
  });
  at.cancel.addEventListener("click", () => running?.abort());
  at["show-tiles"].addEventListener("change", (event) => (at.tiles.hidden = !event.target.checked));
  at.copy.hidden = !navigator.clipboard; // browsers give it to https and to this machine only
  at.copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(at.curl.textContent);
    at.copy.textContent = "Copied";
  });
}

wire();
try {
  await form.load();
  ready = true;
} catch (error) {
  complain(error);
}
refresh();
