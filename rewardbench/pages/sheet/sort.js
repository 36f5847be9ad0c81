// Tables sort by a click on a heading. What is not known stays last in both directions; what has no rank, before it.
(() => {
  "use strict";
  const keyOf = (row, column, number) => {
    const cell = row.cells[column];
    const text = "v" in cell.dataset ? cell.dataset.v : number ? "" : cell.textContent.trim();
    const known = text !== "" && !(number && Number.isNaN(Number(text)));
    return { place: known ? ("after" in cell.dataset ? 1 : 0) : 2, value: number ? Number(text) : text };
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));

  const sort = (table, head) => {
    const column = head.cellIndex;
    const number = head.dataset.sort === "number";
    const was = head.getAttribute("aria-sort");
    const up = was ? was === "descending" : !number;
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row, n) => ({ row, n, key: keyOf(row, column, number) }));
    rows.sort((a, b) => a.key.place - b.key.place
      || (a.key.place < 2 ? (up ? 1 : -1) * compare(a.key.value, b.key.value) : 0) || a.n - b.n);
    table.tBodies[0].append(...rows.map((one) => one.row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }
})();
