// Where a picture comes from: the file dialog or camera, a drop, the clipboard, or drawn here.

const DRAWN = { width: 2400, height: 1600 };

/** Calls `take(file)` for every picture that is chosen, dropped or pasted anywhere on the page. */
export function listenForPictures(input, take) {
  const first = (list) => [...list].find((file) => file.size > 0);
  const offer = (file) => file && take(file);
  input.addEventListener("change", () => offer(first(input.files)));
  document.addEventListener("paste", (event) => offer(first(event.clipboardData.files)));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    offer(first(event.dataTransfer.files));
  });
}

/** A landscape in fog, another at every call: for who has no picture at hand. */
export async function drawPicture() {
  const canvas = Object.assign(document.createElement("canvas"), DRAWN);
  const pen = canvas.getContext("2d");
  sky(pen);
  for (let depth = 0; depth < 6; depth += 1) ridge(pen, depth);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  return new File([blob], "drawn.png", { type: "image/png" });
}

function sky(pen) {
  const shade = pen.createLinearGradient(0, 0, 0, DRAWN.height);
  shade.addColorStop(0, "#86b6cf");
  shade.addColorStop(0.6, "#f3e3cf");
  pen.fillStyle = shade;
  pen.fillRect(0, 0, DRAWN.width, DRAWN.height);
  pen.fillStyle = "#fff3d6";
  pen.beginPath();
  pen.arc(DRAWN.width * (0.2 + 0.6 * Math.random()), DRAWN.height * 0.28, 110, 0, 7);
  pen.fill();
}

function ridge(pen, depth) {
  const base = DRAWN.height * (0.36 + 0.11 * depth);
  const waves = Array.from({ length: 5 }, (_, n) => [Math.random() * 7, (n + 1) * (1.5 + Math.random() * 2), 70 / (n + 1)]);
  const height = (x) => base + waves.reduce((sum, [at, pace, size]) => sum + size * Math.sin(at + (x / DRAWN.width) * pace * 3), 0);
  pen.fillStyle = `hsl(${196 - 8 * depth} ${14 + 5 * depth}% ${66 - 10 * depth}%)`;
  pen.beginPath();
  pen.moveTo(0, DRAWN.height);
  for (let x = 0; x <= DRAWN.width; x += 6) pen.lineTo(x, height(x));
  pen.lineTo(DRAWN.width, DRAWN.height);
  pen.fill();
  for (let n = 0; n < 90 + 60 * depth; n += 1) tree(pen, Math.random() * DRAWN.width, height, 8 + 7 * depth);
}

function tree(pen, x, height, size) {
  const foot = height(x) + 4;
  const tall = size * (1.6 + 1.4 * Math.random());
  pen.beginPath();
  pen.moveTo(x - size * 0.4, foot);
  pen.lineTo(x, foot - tall);
  pen.lineTo(x + size * 0.4, foot);
  pen.fill();
}
