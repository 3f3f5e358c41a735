// Keeps the list fresh without losing the reader's place, and copies codes.
"use strict";

const main = document.querySelector("main");
const said = document.getElementById("said");

function showButtons() {
  for (const button of main.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}

main.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  said.textContent = "Copied " + button.dataset.copy;
  const label = button.firstChild;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = "Copy"; }, 1500);
});

let last = null;

async function refresh() {
  try {
    const answer = await fetch("/dev/outbox", { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main");
    if (fresh.innerHTML === last) return;
    const first = last === null;
    last = fresh.innerHTML;
    main.replaceChildren(...fresh.childNodes);
    showButtons();
    if (!first) said.textContent = "New mail: " + (main.querySelector("h2")?.textContent ?? "");
  } catch {
    // The server is away; the next round asks again.
  }
}

showButtons();
refresh();
setInterval(refresh, 3000);
