const search = document.getElementById("search");
const count = document.getElementById("count");
const texts = new Map([...document.querySelectorAll("article")].map((article) => [article, article.textContent.toLowerCase()]));
const lines = new Map([...document.querySelectorAll("[data-call]")].map((line) => [line.dataset.call, line]));

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [article, text] of texts) {
    const fits = words.every((word) => text.includes(word));
    article.hidden = lines.get(article.id).hidden = !fits;
    shown += fits;
  }
  for (const section of document.querySelectorAll("nav section, .family")) {
    section.hidden = !section.querySelector("li:not([hidden]), article:not([hidden])");
  }
  count.textContent = `${shown} calls`;
}

search.addEventListener("input", show);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});
