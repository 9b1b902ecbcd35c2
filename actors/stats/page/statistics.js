// The statistics page: reads numbers from one field, posts them, and puts the answer on top of the table.

const ROUTE = "/api/statistics";
const LOCAL = ["127.0.0.1", "localhost", "[::1]"]; // where the site asks for no token
const ROWS = 20;
const at = Object.fromEntries([...document.querySelectorAll("main [id]")].map((element) => [element.id, element]));
let asking = false;

/** What the field says as numbers; throws an error in words where it says something else. */
function numbers() {
  const words = at.numbers.value.split(/[\s,;]+/).filter(Boolean);
  const wrong = words.find((word) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word));
  if (wrong !== undefined) throw new Error(`“${wrong}” is not a number.`);
  if (!words.length) throw new Error("Write a number, or up to ten.");
  const values = words.map(Number);
  if (!values.every(Number.isFinite)) throw new Error(`“${words[values.findIndex((value) => !Number.isFinite(value))]}” is too large.`);
  return values;
}

function curl(values) {
  const token = LOCAL.includes(location.hostname) ? "" : ' -H "Authorization: Bearer $BRUME_TOKEN"';
  const body = `-H 'Content-Type: application/json' -d '${JSON.stringify({ numbers: values })}'`;
  return `curl --fail-with-body${token} ${body} ${location.origin}${ROUTE}`;
}

function refresh() {
  let values = [1, 2.5, 40];
  try {
    values = numbers();
  } catch {
    // what is not yet right is complained about when it is sent, not while it is typed
  }
  at.curl.textContent = curl(values);
  at.send.disabled = asking;
}

function complain(text) {
  at.alert.textContent = text;
  at.news.textContent = "";
  if (text) at.numbers.setAttribute("aria-invalid", "true");
  else at.numbers.removeAttribute("aria-invalid");
}

async function ask(values) {
  const answer = await fetch(ROUTE, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ numbers: values }),
  });
  if (answer.ok) return answer.json();
  const { error } = await answer.json().catch(() => ({ error: { message: `status ${answer.status}` } }));
  throw new Error(answer.status === 504 ? "No answer came in time. Does the statistics service run?" : sentence(error.message));
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

function cell(kind, text, name = "") {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = name;
  if (kind === "th") element.scope = "row";
  return element;
}

function show(reply) {
  const row = document.createElement("tr");
  row.append(cell("th", reply.numbers.join(", ")));
  row.append(...[reply.mean, reply.median, reply.max, reply.min].map((value) => cell("td", String(value), "number")));
  at.rows.prepend(row);
  while (at.rows.children.length > ROWS) at.rows.lastElementChild.remove();
  at.answers.hidden = false;
  at.news.textContent = `Mean ${reply.mean}, median ${reply.median}, maximum ${reply.max}, minimum ${reply.min}.`;
}

async function submit() {
  complain("");
  asking = true;
  refresh();
  try {
    const values = numbers();
    at.news.textContent = "Waiting for the answer …";
    show(await ask(values));
    at.numbers.select();
  } catch (error) {
    complain(error.message);
  } finally {
    asking = false;
    at.numbers.focus();
    refresh();
  }
}

at.numbers.addEventListener("input", refresh);
at.ask.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!asking) submit();
});
at.copy.hidden = !navigator.clipboard; // browsers give it to https and to this machine only
at.copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(at.curl.textContent);
  at.copy.textContent = "Copied";
});
refresh();
