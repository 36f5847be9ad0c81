// What is wider than the window says so above it, as long as it is.
(() => {
  "use strict";
  for (const box of document.querySelectorAll(".scroll")) {
    const table = box.querySelector("table") !== null;
    const hint = document.createElement("p");
    hint.className = "note sideways";
    hint.textContent = table ? "More columns to the right: scroll the table sideways →" : "More to the right: scroll the picture sideways →";
    hint.hidden = true;
    box.before(hint);
    new ResizeObserver(() => { hint.hidden = box.scrollWidth <= box.clientWidth + 1; }).observe(box);
  }
})();
