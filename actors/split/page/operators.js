// The operator form, made from what /api/operators says; knows nothing of pictures.

function option(operator) {
  const element = new Option(operator.name, operator.name);
  element.title = operator.summary;
  return element;
}

function input(parameter) {
  if (parameter.choices.length) {
    const select = document.createElement("select");
    select.append(...parameter.choices.map((choice) => new Option(choice, choice)));
    select.value = parameter.default;
    return select;
  }
  const element = document.createElement("input");
  if (parameter.type === "bool") {
    element.type = "checkbox";
    element.checked = parameter.default;
    return element;
  }
  element.type = "number";
  element.value = parameter.default ?? "";
  if (parameter.minimum !== null) element.min = parameter.minimum;
  if (parameter.maximum !== null) element.max = parameter.maximum;
  element.step = parameter.step ?? "any";
  return element;
}

function field(parameter) {
  const label = document.createElement("label");
  const control = input(parameter);
  control.dataset.name = parameter.name;
  control.dataset.usual = parameter.default ?? "";
  if (control.type === "checkbox") label.className = "check";
  label.append(...(control.type === "checkbox" ? [control, parameter.name] : [parameter.name, control]));
  label.title = parameter.description;
  return label;
}

export class OperatorForm {
  constructor({ operator, about, parameters, gray, then }) {
    Object.assign(this, { operator, about, parameters, gray, then });
    this.known = new Map();
    operator.addEventListener("input", () => this.#show());
  }

  async load() {
    const answer = await fetch("/api/operators");
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    const { operators } = await answer.json();
    this.known = new Map(operators.map((operator) => [operator.name, operator]));
    this.operator.replaceChildren(...operators.filter((each) => each.splittable).map(option));
    this.then.replaceChildren(new Option("nothing more", ""), ...operators.map(option));
    if (this.known.has("canny")) this.operator.value = "canny";
    this.#show();
  }

  /** The operator as the API takes it; parameters at their usual value are left out. */
  get text() {
    const changed = [...this.parameters.querySelectorAll("[data-name]")]
      .map((control) => [control.dataset, control.type === "checkbox" ? String(control.checked) : control.value])
      .filter(([{ usual }, value]) => value !== usual)
      .map(([{ name }, value]) => `${name}=${value}`);
    const chosen = changed.length ? `${this.operator.value}:${changed.join(",")}` : this.operator.value;
    return this.gray.checked && this.operator.value !== "gray" ? `gray|${chosen}` : chosen;
  }

  #show() {
    const chosen = this.known.get(this.operator.value);
    this.about.textContent = chosen.summary;
    if (chosen.one_channel) this.gray.checked = true;
    this.parameters.querySelectorAll("label").forEach((label) => label.remove());
    this.parameters.append(...chosen.parameters.map(field));
    this.parameters.hidden = chosen.parameters.length === 0;
  }
}
