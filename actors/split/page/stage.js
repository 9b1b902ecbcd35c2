// The picture on the stage: before and after, and the strips drawn over it in their owner's colour and name.

const COLOURS = 8;
const THIN_PX = 18;
const TALLEST_VH = 78;

const percent = (part, whole) => `${(100 * part) / whole}%`;

export class Stage {
  constructor({ frame, before, after, tiles, divider, compare, slider, owners, invitation }) {
    Object.assign(this, { frame, before, after, tiles, divider, compare, slider, owners, invitation });
    this.strips = new Map();
    this.colours = new Map();
    slider.addEventListener("input", () => this.#split());
    frame.addEventListener("pointerdown", (event) => this.#drag(event));
    frame.addEventListener("pointermove", (event) => event.buttons === 1 && this.#drag(event));
  }

  /** Show the chosen file; resolves to false when this browser cannot (TIFF, for one). */
  async showBefore(file) {
    this.clear();
    this.#show(this.before, file);
    try {
      await this.before.decode();
    } catch {
      this.before.hidden = true;
      return false;
    }
    this.resize(this.before.naturalWidth, this.before.naturalHeight);
    return true;
  }

  resize(width, height) {
    this.invitation.hidden = true;
    this.frame.classList.remove("empty");
    this.frame.classList.add("sized");
    this.frame.style.aspectRatio = `${width} / ${height}`;
    this.frame.style.maxWidth = `${(TALLEST_VH * width) / height}vh`;
  }

  async showAfter(blob) {
    this.#show(this.after, blob);
    await this.after.decode();
    this.resize(this.after.naturalWidth, this.after.naturalHeight);
    this.tiles.classList.add("finished");
    const both = !this.before.hidden;
    this.compare.hidden = this.divider.hidden = !both;
    this.frame.classList.toggle("comparing", both);
    this.#split();
    return this.after.src;
  }

  clear() {
    this.strips.clear();
    this.colours.clear();
    this.tiles.replaceChildren();
    this.tiles.classList.remove("finished");
    this.owners.replaceChildren();
    this.after.hidden = this.compare.hidden = this.divider.hidden = true;
    this.frame.classList.remove("comparing");
  }

  /** A strip has a new owner, or lost its old one (`worker` null). */
  own({ tile, rows, worker, height }) {
    const strip = this.strips.get(tile) ?? this.#strip(tile);
    if (rows) {
      strip.element.style.top = percent(rows[0], height);
      strip.element.style.height = percent(rows[1] - rows[0], height);
    }
    strip.owner = worker;
    strip.again ||= !worker;
    strip.element.className = `tile ${this.#colour(worker)}${worker ? "" : " resent"}`;
    strip.label.textContent = worker ? `${worker}${strip.again ? ", second try" : ""}` : "sent again";
    strip.element.classList.toggle("thin", strip.element.clientHeight < THIN_PX);
    this.#count();
  }

  get finished() {
    return [...this.strips.values()].filter((strip) => strip.owner).length;
  }

  get resent() {
    return [...this.strips.values()].filter((strip) => strip.again).length;
  }

  #show(image, blob) {
    if (image.src) URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    image.hidden = false;
  }

  #strip(tile) {
    const strip = { element: document.createElement("div"), label: document.createElement("span"), owner: null, again: false };
    strip.element.append(strip.label);
    this.tiles.append(strip.element);
    this.strips.set(tile, strip);
    return strip;
  }

  #colour(worker) {
    if (!worker) return "owner-none";
    if (!this.colours.has(worker)) this.colours.set(worker, this.colours.size % COLOURS);
    return `owner-${this.colours.get(worker)}`;
  }

  #count() {
    const counts = new Map();
    for (const { owner } of this.strips.values()) if (owner) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const lines = [...counts].sort().map(([owner, count]) => {
      const line = document.createElement("li");
      line.className = this.#colour(owner);
      line.textContent = `${owner}: ${count} ${count === 1 ? "strip" : "strips"}`;
      return line;
    });
    this.owners.replaceChildren(...lines);
  }

  #drag(event) {
    if (this.compare.hidden) return;
    const box = this.frame.getBoundingClientRect();
    this.slider.value = (100 * (event.clientX - box.left)) / box.width;
    this.#split();
  }

  #split() {
    const at = this.compare.hidden ? 0 : Number(this.slider.value);
    this.after.style.clipPath = `inset(0 0 0 ${at}%)`;
    this.divider.style.left = `${at}%`;
    this.slider.setAttribute("aria-valuetext", `${Math.round(at)} percent before, the rest after`);
  }
}
