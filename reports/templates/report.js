"use strict";
(() => {
  const rows = [...document.querySelectorAll("table.verdicts tbody tr")];
  const bar = document.getElementById("filter");
  const states = [...new Set(rows.map((row) => row.dataset.state))];
  const words = new Map(rows.map((row) => [row.dataset.state, row.querySelector(".verdict").textContent.trim()]));
  const show = (state, chosen) => {
    for (const row of rows) row.hidden = Boolean(state) && row.dataset.state !== state;
    for (const button of bar.children) button.setAttribute("aria-pressed", String(button === chosen));
  };
  const add = (label, state) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-pressed", String(!state));
    button.addEventListener("click", () => show(state, button));
    bar.append(button);
  };
  if (states.length > 1) {
    add(`All ${rows.length}`, "");
    for (const state of states) {
      add(`${words.get(state)} ${rows.filter((row) => row.dataset.state === state).length}`, state);
    }
  }
  const copy = (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return Promise.resolve();
  };
  for (const command of document.querySelectorAll("code.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the command ${command.textContent.slice(0, 60)}`);
    button.addEventListener("click", () =>
      copy(command.textContent).then(() => {
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      }));
    command.after(button);
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of closed) fold.open = false; });
})();
