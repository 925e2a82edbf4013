// Tables that sort by a click on a heading, and rows that lead to a place in the task stream.
(function () {
  "use strict";
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const names = column === 0, before = head.getAttribute("aria-sort");
        // Numbers begin with the largest, names with A.
        const descending = before ? before === "ascending" : !names;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const value = row => names ? row.cells[0].textContent : Number(row.cells[column].dataset.value);
        const order = names ? (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true }) : (a, b) => value(a) - value(b);
        const rows = [...body.rows].sort((a, b) => descending ? order(b, a) : order(a, b));
        body.append(...rows);
      });
    });
  }
  const stream = document.querySelector("[data-taskloom-stream]");
  for (const button of document.querySelectorAll("button[data-from]")) {
    button.addEventListener("click", () => {
      if (!stream || !stream.taskloom) return;
      const from = Number(button.dataset.from), to = Number(button.dataset.to), margin = (to - from) / 3;
      stream.taskloom.show(from - margin, to + margin);
      stream.scrollIntoView({ block: "nearest" });
    });
  }
})();
