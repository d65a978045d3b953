/* The demo's own part of the page: the switch for consent, and why the row looks as it does. */

const CONSENT_KEY = "demo.consent";
const SOURCES = {
  popular_in_category: "popular in this category",
  popular: "popular in the shop",
};

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function setConsent(granted) {
  try {
    localStorage.setItem(CONSENT_KEY, granted ? "granted" : "denied");
  } catch {
    /* without storage there is nothing to remember either */
  }
  for (const row of document.querySelectorAll("product-recommendations")) {
    row.setAttribute("consent", granted ? "granted" : "denied");
  }
}

function productPage(id) {
  return `/product?id=${encodeURIComponent(id)}`;
}

function text(tag, content, className) {
  const element = document.createElement(tag);
  element.textContent = content;
  if (className) element.className = className;
  return element;
}

function others(items) {
  const sources = new Set(items.map((item) => item.source).filter((source) => source !== "model"));
  return [...sources].map((source) => SOURCES[source] ?? source).join(" or ");
}

function sentence({ items, model, viewed }) {
  const count = items.filter((item) => item.source === "model").length;
  if (!count) {
    const why = viewed.length ? "the model does not know what you viewed" : "you viewed nothing yet";
    return `It is what is ${others(items)}: ${why}.`;
  }
  if (model.name === "popularity") return "The model “popularity” gives everyone what is clicked most.";
  const seen = viewed.length > 1 ? `the ${viewed.length} products of your visit` : "this one product";
  const cold = items.filter((item) => item.cold).length;
  const unclicked = cold ? ` (${cold} of them by the feed alone: nobody clicked ${cold > 1 ? "them" : "it"} yet)` : "";
  const rest = count < items.length ? `, the rest is ${others(items)}` : "";
  return `The model “${model.name}” looked at ${seen} and chose ${rest ? count : "all"}${unclicked}${rest}:`;
}

function reason(words) {
  const line = text("p", "");
  line.append(text("strong", "Why this row? "), words);
  return line;
}

function thumbnail(item) {
  const link = text("a", "", "thumb");
  link.href = productPage(item.id);
  link.title = item.title;
  if (item.image_link) {
    const img = document.createElement("img");
    img.src = item.image_link;
    img.alt = item.title;
    img.width = img.height = 44;
    link.append(img);
  } else {
    link.setAttribute("aria-label", item.title);
    link.classList.add("pictureless");
  }
  return link;
}

async function thumbnails(viewed) {
  const query = new URLSearchParams(viewed.map((id) => ["id", id]));
  const { items } = await (await fetch(`/v1/items?${query}`)).json();
  const known = new Map(items.map((item) => [item.id, item]));
  const list = text("ol", "", "visit");
  list.setAttribute("role", "list");
  for (const id of viewed) {
    const box = document.createElement("li");
    box.append(known.has(id) ? thumbnail(known.get(id)) : text("span", "a product that is gone"));
    list.append(box);
  }
  return list;
}

function explain(row, ...parts) {
  const why = row.parentElement.querySelector(".why");
  if (!why) return;
  why.replaceChildren(...parts);
  why.hidden = false;
}

addEventListener("recs:load", async ({ target, detail }) => {
  /* The demo has a page for every product, wherever the feed's own link leads. */
  target.shadowRoot.querySelectorAll(".link").forEach((link, index) => {
    link.href = productPage(detail.items[index].id);
  });
  const line = reason(sentence(detail));
  explain(target, line);
  if (!detail.viewed.length) return;
  const visit = await thumbnails(detail.viewed);
  if (line.isConnected) line.after(visit);
});
addEventListener("recs:error", ({ target, detail }) => {
  explain(target, reason(`It is the page's own: ${detail.message}.`));
});
addEventListener("recs:empty", ({ target }) => {
  explain(target, reason("There is none: too little to recommend here."));
});

const here = document.querySelector(".departments [aria-current]");
here?.scrollIntoView({ block: "nearest", inline: "center" });

const box = document.getElementById("consent");
box.checked = stored(CONSENT_KEY) !== "denied";
if (!box.checked) setConsent(false);
box.addEventListener("change", () => setConsent(box.checked));
box.closest("label").hidden = false;
