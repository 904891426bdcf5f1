"use strict";
(() => {
  const root = document.documentElement;

  // The choice of a theme holds for this view only: a file:// page has nowhere to keep it for sure.
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const filter = document.getElementById("filter");
  if (filter) {
    const rows = [...document.querySelectorAll("#runs tbody tr")];
    const words = rows.map((row) => row.textContent.toLowerCase());
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !wanted.every((word) => words[at].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      document.getElementById("count").textContent = `${shown} of ${rows.length}`;
    });
  }

  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text === "" || text === "–" ? null : Number.isNaN(Number(text)) ? text : Number(text);
  };
  document.querySelectorAll("#runs thead button").forEach((button) => {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const up = head.getAttribute("aria-sort") !== "ascending";
      head.parentElement.querySelectorAll("th").forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = document.querySelector("#runs tbody");
      const column = head.cellIndex;
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);  // what is missing stays below
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
        return up ? order : -order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });

  // A repo's own words never become markup: Vega's tooltip handler escapes them, the page itself is made escaped.
  const specs = JSON.parse(document.getElementById("data").textContent);
  const draw = async (places) => {
    for (const place of places) {
      if (place.dataset.drawn) continue;
      place.dataset.drawn = "yes";
      await vegaEmbed(place, specs[place.dataset.chart], { renderer: "svg", actions: false, mode: "vega-lite" });
    }
  };
  // What is folded away has no width yet: it is drawn when it is opened.
  const open = (within) => [...within.querySelectorAll(".chart")].filter((place) => !place.closest("details:not([open])"));
  document.querySelectorAll("details").forEach((fold) => fold.addEventListener("toggle", () => draw(open(fold))));
  // Nobody unfolds paper: what is different and the details are printed, telemetry only if it was open.
  const folded = [...document.querySelectorAll("#differences details, #details > details")];
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = folded.filter((fold) => !fold.open);
    unfolded.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((fold) => { fold.open = false; }));
  draw(open(document)).then(() => { root.dataset.ready = String(Math.round(performance.now())); });
})();
