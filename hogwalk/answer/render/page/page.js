"use strict";
(function () {
  const one = (name) => document.getElementById(name);
  const body = one("frames"), drawing = one("drawing"), icicle = one("icicle");
  const rows = Array.from(body.rows);
  const boxes = new Map();
  for (const box of document.querySelectorAll("rect[data-frame]")) {
    const key = box.dataset.frame;
    if (!boxes.has(key)) boxes.set(key, []);
    boxes.get(key).push(box);
  }
  let chosen = null;

  function choose(row, scroll) {
    if (chosen) {
      chosen.setAttribute("aria-selected", "false");
      chosen.tabIndex = -1;
      for (const box of boxes.get(chosen.dataset.frame) || []) box.classList.remove("on");
    }
    chosen = row;
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    for (const box of boxes.get(row.dataset.frame) || []) box.classList.add("on");
    if (scroll) row.scrollIntoView({ block: "nearest" });
    one("said").textContent = row.dataset.said;
  }

  function visible() { return rows.filter((row) => !row.hidden); }

  function step(by) {
    const shown = visible();
    if (!shown.length) return;
    const at = chosen ? shown.indexOf(chosen) : -1;
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
    choose(next, true);
    next.focus({ preventScroll: true });
  }

  function filter() {
    const product = one("product").value, module = one("module").value, cycle = one("cycle").checked;
    const word = one("word").value.toLowerCase();
    let count = 0, bytes = 0;
    for (const row of rows) {
      const data = row.dataset;
      const shown = (!product || data.product === product) && (!module || data.module === module) &&
        (!cycle || data.cycle === "1") && (!word || row.cells[6].textContent.toLowerCase().includes(word));
      row.hidden = !shown;
      for (const box of boxes.get(data.frame) || []) box.classList.toggle("dim", !shown);
      if (shown) { count += 1; bytes += Number(data.bytes); }
    }
    one("shown").textContent = count + " frames, " + bytes + " bytes shown";
  }

  for (const name of ["product", "module", "cycle"]) one(name).addEventListener("change", filter);
  one("word").addEventListener("input", filter);
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) choose(row, false);
  });
  function picked(event) {
    const box = event.target.closest("rect[data-frame]");
    const row = box && one("f" + box.dataset.frame);
    if (row && !row.hidden) choose(row, true);
  }
  drawing.addEventListener("click", picked);
  icicle.addEventListener("click", picked);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") { one("word").value = ""; one("product").value = ""; one("module").value = ""; one("cycle").checked = false; filter(); choose(null); }
    if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "j" || event.key === "ArrowDown") { step(1); event.preventDefault(); }
    else if (event.key === "k" || event.key === "ArrowUp") { step(-1); event.preventDefault(); }
    else if (event.key === "/") { one("word").focus(); event.preventDefault(); }
  });
  one("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  filter();
})();
