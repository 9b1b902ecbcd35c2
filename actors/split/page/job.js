// One job at the API: subscribe, post, and hand every event on; and the same as a curl command.

const LOCAL = ["127.0.0.1", "localhost", "[::1]"]; // where the site asks for no token
const LAST_EVENTS_MS = 1000; // the answer may overtake the last events; it never waits longer for them

/** A random UUID, also where the page is not served over https or from this machine. */
export function newJob() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The route with its parameters; readable, as only what must be is escaped. */
export function address(query) {
  const escaped = (value) => encodeURIComponent(value).replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%3D", "=");
  const pairs = Object.entries(query).filter(([, value]) => value);
  return `/api/edges?${pairs.map(([name, value]) => `${name}=${escaped(value)}`).join("&")}`;
}

export function curl(query, file) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const name = file ? file.name : "photo.jpg";
  const token = LOCAL.includes(location.hostname) ? "" : ' -H "Authorization: Bearer $BRUME_TOKEN"';
  const route = quoted(location.origin + address(query));
  return `curl --fail-with-body${token} -T ${quoted(name)} -X POST ${route} -o result.png`;
}

/** Post `file`; `told(event)` is called for every step. Resolves to the answer, or throws an error with a `hint`. */
export async function run(file, query, told, signal) {
  const job = newJob();
  let ended;
  const end = new Promise((resolve) => (ended = resolve));
  const events = await subscribe(job, signal, (event) => {
    told(event);
    if (event.kind === "done" || event.kind === "failed") ended();
  });
  try {
    const answer = await fetch(address({ ...query, job }), { method: "POST", body: file, signal });
    if (!answer.ok) throw await problem(answer);
    const header = (name) => answer.headers.get(`X-Brume-${name}`);
    const facts = { workers: Number(header("Workers")), tiles: Number(header("Tiles")), why: header("Why") };
    const blob = await answer.blob();
    await Promise.race([end, new Promise((late) => setTimeout(late, LAST_EVENTS_MS))]);
    return { blob, ...facts };
  } finally {
    events.close();
  }
}

async function subscribe(job, signal, told) {
  const events = new EventSource(`/api/edges/${job}/events`);
  for (const kind of ["started", "tile", "retry", "done", "failed"]) {
    events.addEventListener(kind, (event) => told(JSON.parse(event.data)));
  }
  // without events the job still works, only unseen: so an error here is no reason to stop
  await new Promise((ready) => {
    events.onopen = events.onerror = ready;
    signal.addEventListener("abort", ready);
  });
  return events;
}

async function problem(answer) {
  const { error } = await answer.json().catch(() => ({ error: { message: `status ${answer.status}`, hint: "" } }));
  return Object.assign(new Error(error.message), { hint: error.hint });
}
