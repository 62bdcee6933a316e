// Search while typing: an answer that does not come is told, or what was found before would pass for it.
const form = document.querySelector("[data-search]");

function failed() {
  const told = Object.assign(document.createElement("p"), { className: "failure", textContent: form.dataset.failed });
  told.setAttribute("role", "alert");
  document.querySelector("#found").replaceChildren(told);
}

addEventListener("htmx:error", failed);
addEventListener("htmx:after:request", (event) => {
  const { response, text } = event.detail.ctx;
  if (response.status === 200 && text.includes('id="found"')) return;
  event.preventDefault(); // also the page to sign in at, to which an ended session leads
  failed();
});
