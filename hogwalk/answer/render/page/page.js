"use strict";
(function () {
  const one = (name) => document.getElementById(name);
  const body = one("frames"), drawing = one("drawing"), icicle = one("icicle"), cycle = one("cycle");
  const rows = Array.from(body.rows);
  const boxes = new Map(), runs = [];
  for (const box of drawing.querySelectorAll("rect[data-frame]")) boxes.set(Number(box.dataset.frame), box);
  for (const box of icicle.querySelectorAll("rect[data-from]")) {
    runs.push({ box: box, from: Number(box.dataset.from), to: Number(box.dataset.to) });
  }
  let chosen = null;

  const numberOf = (row) => Number(row.id.slice(1));
  // The frame's box, and the run of the icicle it belongs to.
  function drawn(row) {
    const number = numberOf(row);
    const run = runs.find((one) => one.from <= number && number <= one.to);
    return [boxes.get(number), run && run.box].filter(Boolean);
  }

  function choose(row, scroll) {
    if (chosen) {
      chosen.setAttribute("aria-selected", "false");
      chosen.tabIndex = -1;
      for (const box of drawn(chosen)) box.classList.remove("on");
    }
    chosen = row;
    if (!row) { one("said").textContent = "\u00a0"; return; }
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    for (const box of drawn(row)) box.classList.add("on");
    if (scroll) row.scrollIntoView({ block: scroll });
    const cells = Array.from(row.cells, (cell) => cell.textContent);
    one("said").textContent = "#" + cells[0] + " " + cells[6] + " of " + row.dataset.product + ": " +
      (cells[1] || "no") + " bytes, " + cells[5] + ", " + row.dataset.why;
  }

  function visible() { return rows.filter((row) => !row.hidden); }

  function step(by) {
    const shown = visible();
    if (!shown.length) return;
    const at = chosen ? shown.indexOf(chosen) : -1;
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
    choose(next, "nearest");
    next.focus({ preventScroll: true });
  }

  function filter() {
    const product = one("product").value, module = one("module").value, turns = cycle && cycle.checked;
    const word = one("word").value.toLowerCase();
    let count = 0, bytes = 0;
    const kept = [];
    for (const row of rows) {
      const data = row.dataset;
      const shown = (!product || data.product === product) && (!module || data.module === module) &&
        (!turns || data.cycle === "1") && (!word || row.cells[6].textContent.toLowerCase().includes(word));
      row.hidden = !shown;
      const box = boxes.get(numberOf(row));
      if (box) box.classList.toggle("dim", !shown);
      if (shown) { count += 1; bytes += Number(data.bytes); kept.push(numberOf(row)); }
    }
    for (const run of runs) {
      run.box.classList.toggle("dim", !kept.some((number) => run.from <= number && number <= run.to));
    }
    one("shown").textContent = count + " frames, " + bytes + " bytes shown";
  }

  for (const name of ["product", "module", "cycle"]) if (one(name)) one(name).addEventListener("change", filter);
  one("word").addEventListener("input", filter);
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) choose(row, "");
  });
  function picked(event) {
    const box = event.target.closest("rect[data-frame], rect[data-to]");
    const row = box && one("f" + (box.dataset.frame || box.dataset.to));
    if (row && !row.hidden) choose(row, "center");
  }
  drawing.addEventListener("click", picked);
  icicle.addEventListener("click", picked);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      for (const name of ["word", "product", "module"]) one(name).value = "";
      if (cycle) cycle.checked = false;
      filter();
      choose(null, "");
    }
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
  const most = Math.max(1, ...rows.map((row) => Number(row.dataset.bytes)));
  for (const row of rows) row.cells[1].style.setProperty("--share", (row.dataset.bytes / most).toFixed(3));
  filter();
})();
