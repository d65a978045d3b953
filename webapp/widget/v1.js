/*
 * <product-recommendations>: a row of products that GET /v1/recommendations gives.
 *
 *   <script type="module" src="/widget/v1.js"></script>
 *   <product-recommendations placement="pdp-similar" item-id="SKU_1" limit="8" min-items="3"
 *     heading="You may also like" locale="en" consent="granted">own content</product-recommendations>
 *
 * The element's own content stays when the service is slow, away or without a model. Nothing here
 * throws into the page. With consent="granted" the last items of the visit are kept in local
 * storage and sent along, so that the service need not know the visitor; consent="denied" removes
 * them; without the attribute nothing is read or written.
 */

const TIMEOUT_MS = 800;
const PAUSE_MS = 30 * 60 * 1000;
const HISTORY_LENGTH = 20;
const SESSION_KEY = "recs.session";
const VISITOR_KEY = "recs.visitor";
const SEEN_SHARE = 0.5;
const SEEN_MS = 1000;
const MAX_SKELETONS = 10;

let pageViewId = randomId();
let visitorOfPage = null;
const viewed = new Set();

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* Local storage throws where the visitor or the browser forbids it. */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    /* then this visit is not remembered */
  }
}

function history() {
  try {
    const { items, last } = JSON.parse(read(SESSION_KEY));
    if (Date.now() - last > PAUSE_MS) return [];
    return items.filter((item) => typeof item === "string").slice(-HISTORY_LENGTH);
  } catch {
    return [];
  }
}

function remember(item) {
  const items = history();
  if (items.at(-1) !== item) items.push(item);
  write(SESSION_KEY, JSON.stringify({ items: items.slice(-HISTORY_LENGTH), last: Date.now() }));
}

function visitor() {
  visitorOfPage ??= read(VISITOR_KEY) ?? randomId();
  write(VISITOR_KEY, visitorOfPage);
  return visitorOfPage;
}

function forget() {
  visitorOfPage = null;
  write(SESSION_KEY, null);
  write(VISITOR_KEY, null);
}

/* Only what a link may be: a `javascript:` address would run in the shop's page. */
function webAddress(text) {
  if (!text) return null;
  try {
    const address = new URL(text, document.baseURI);
    return /^https?:$/.test(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

function make(tag, part, text) {
  const element = document.createElement(tag);
  if (part) element.setAttribute("part", part);
  if (part) element.className = part;
  if (text != null) element.textContent = text;
  return element;
}

/* The title says what is seen, so that a picture needs no text of its own. */
function picture(address) {
  const box = make("span", "picture");
  if (!address) {
    box.append(parcel());
    return box;
  }
  const image = make("img");
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  image.width = image.height = 300;
  image.addEventListener("error", () => image.replaceWith(parcel()));
  image.src = address;
  box.append(image);
  return box;
}

function parcel() {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M4 7.5 12 3l8 4.5v9L12 21l-8-4.5zM4 7.5l8 4.5 8-4.5M12 12v9");
  drawing.append(path);
  return drawing;
}

function words(title, ...price) {
  const box = make("span", "words");
  const line = make("span", "price");
  line.append(...price);
  box.append(make("span", "title", title), line);
  return box;
}

/* A crossed-out price is read out like any other: only words tell that it is the old one. */
function labelled(tag, part, label, price) {
  const box = make(tag, part);
  const words = make("span", null, `${label} `);
  words.className = "unseen";
  box.append(words, price);
  return box;
}

const STYLE = `
:host { display: block; color: inherit; font: inherit; }
:host([hidden]) { display: none; }
[hidden] { display: none !important; }
.heading { margin: 0 0 var(--recs-heading-gap, 1rem); font: var(--recs-heading-font, inherit);
  font-size: var(--recs-heading-size, 1.25rem); font-weight: var(--recs-heading-weight, 650);
  line-height: 1.25; letter-spacing: -0.01em; }
.list { display: grid; grid-auto-flow: column; grid-auto-columns: var(--recs-card-width, 11.5rem);
  gap: var(--recs-gap, 1rem); margin: -6px; padding: 6px; list-style: none; overflow-x: auto;
  overscroll-behavior-x: contain; scroll-snap-type: x proximity; scroll-padding-inline: 6px;
  scrollbar-width: thin; scrollbar-color: var(--recs-scrollbar, #8886) transparent; }
.item { scroll-snap-align: start; min-width: 0; }
.link { display: block; position: relative; min-height: 44px; color: inherit; text-decoration: none;
  border-radius: var(--recs-radius, 14px); outline-offset: 3px; }
.link:focus-visible { outline: 3px solid var(--recs-focus, Highlight); }
.picture { display: block; aspect-ratio: 1; overflow: hidden; border-radius: var(--recs-radius, 14px);
  background: var(--recs-picture-background, #8882); }
.picture img { display: block; width: 100%; height: 100%; object-fit: cover; }
.picture svg { display: block; width: 100%; height: 100%; padding: 34%; box-sizing: border-box;
  fill: none; stroke: currentcolor; stroke-width: 1.2; stroke-linejoin: round; opacity: .35; }
.words { display: block; height: 4.4em; margin-top: .6rem; font-size: var(--recs-text-size, .95rem); }
.title { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden;
  line-height: 1.35; }
.price { display: block; margin-top: .2em; line-height: 1.5; font-weight: 650;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.price-before { margin-inline-start: .5em; opacity: .75; font-weight: 400; font-size: .92em; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.link[href]:hover .title { text-decoration: underline; text-underline-offset: .2em; }
.waiting .title, .waiting .price { height: 1.35em; border-radius: 6px;
  background: var(--recs-picture-background, #8882); }
.waiting .price { width: 40%; margin-top: .5em; }
@media (prefers-reduced-motion: no-preference) {
  .list { scroll-behavior: smooth; }
  .picture img { transition: transform .25s ease; }
  .link[href]:hover .picture img { transform: scale(1.03); }
  .waiting .picture, .waiting .title, .waiting .price { animation: pulse 1.2s ease-in-out infinite; }
  @keyframes pulse { 50% { opacity: .5; } }
}`;

let sheet = null;

class ProductRecommendations extends HTMLElement {
  static observedAttributes = ["endpoint", "placement", "item-id", "limit", "min-items", "heading",
    "consent", "locale"];

  #root = null;
  #turn = 0;
  #scheduled = false;
  #observer = null;
  #timer = 0;

  connectedCallback() {
    this.#schedule();
  }

  disconnectedCallback() {
    this.#turn += 1;
    this.#stopWatching();
  }

  attributeChangedCallback(name, before, after) {
    if (this.isConnected && before !== after) this.#schedule();
  }

  /** Ask again; several changes of one moment make one request. */
  refresh() {
    this.#schedule();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.isConnected) this.#run().catch((error) => this.#fail(error));
    });
  }

  async #run() {
    const turn = ++this.#turn;
    this.#stopWatching();
    this.#build();
    this.#noteView();
    this.#wait();
    const items = this.#viewed();
    try {
      const answer = await fetch(this.#question(items), {
        signal: AbortSignal.timeout(TIMEOUT_MS),
        credentials: "omit",
      });
      if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
      const body = await answer.json();
      if (turn === this.#turn) this.#show({ ...body, viewed: items });
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
    }
  }

  #text(name, otherwise = "") {
    return this.getAttribute(name)?.trim() || otherwise;
  }

  #number(name, otherwise) {
    const number = Number.parseInt(this.getAttribute(name), 10);
    return Number.isFinite(number) && number > 0 ? Math.min(number, 100) : otherwise;
  }

  get #granted() {
    return this.#text("consent") === "granted";
  }

  get #item() {
    return this.#text("item-id");
  }

  get #endpoint() {
    const own = new URL(import.meta.url).origin;
    return (webAddress(this.#text("endpoint")) ?? own).replace(/\/+$/, "");
  }

  /** What the visitor viewed, oldest first; the page's own product is the last. */
  #viewed() {
    const items = this.#granted ? history() : [];
    if (this.#item && items.at(-1) !== this.#item) items.push(this.#item);
    return items.slice(-HISTORY_LENGTH);
  }

  #question(items) {
    const query = new URLSearchParams({ placement: this.#text("placement", "default") });
    query.set("limit", this.#number("limit", 8));
    for (const item of items) query.append("item_id", item);
    /* Without it the answer is the same for everyone and may come from a cache. */
    if (this.#granted) query.set("page_view_id", pageViewId);
    return `${this.#endpoint}/v1/recommendations?${query}`;
  }

  #noteView() {
    if (this.#text("consent") === "denied") forget();
    if (!this.#item) return;
    if (this.#granted) remember(this.#item);
    const key = `${this.#endpoint} ${this.#item}`;
    if (viewed.has(key)) return;
    viewed.add(key);
    this.#send("view_item", { items: [{ item_id: this.#item }] });
  }

  #build() {
    if (this.#root) return;
    /* First what an old browser cannot do: without a shadow root its own content stays. */
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
    }
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheet];
    const section = make("section", "section");
    section.setAttribute("aria-labelledby", "heading");
    const heading = make("h2", "heading");
    heading.id = "heading";
    const list = make("ul", "list");
    list.setAttribute("role", "list");
    section.append(heading, list);
    this.#root.append(section, make("slot"));
  }

  #parts() {
    return ["section", ".heading", ".list", "slot"].map((name) => this.#root.querySelector(name));
  }

  /** Boxes as large as what will fill them, so that nothing below moves. */
  #wait() {
    const [section, heading, list, slot] = this.#parts();
    heading.textContent = this.#text("heading", "You may also like");
    if (list.childElementCount) return;
    this.hidden = false;
    section.hidden = false;
    slot.hidden = true;
    section.classList.add("waiting");
    section.setAttribute("aria-busy", "true");
    const count = Math.min(this.#number("limit", 8), MAX_SKELETONS);
    list.replaceChildren(...Array.from({ length: count }, () => {
      const box = make("li", "item");
      box.setAttribute("aria-hidden", "true");
      box.append(make("span", "picture"), words(""));
      return box;
    }));
  }

  #show(body) {
    const [section, , list, slot] = this.#parts();
    if (body.items.length < this.#number("min-items", 1)) {
      this.#keepOwnContent();
      this.#tell("empty", body);
      return;
    }
    list.replaceChildren(...body.items.map((item, index) => this.#card(item, index, body)));
    section.classList.remove("waiting");
    section.removeAttribute("aria-busy");
    section.hidden = false;
    slot.hidden = true;
    this.hidden = false;
    this.#watch(body);
    this.#tell("load", body);
  }

  #card(item, index, body) {
    const link = make("a", "link");
    const address = webAddress(item.link);
    if (address) link.href = address;
    link.append(picture(webAddress(item.image_link)));
    link.append(words(item.title ?? item.id, ...this.#price(item)));
    const clicked = () => this.#noteClick(item, index, body);
    link.addEventListener("click", clicked);
    link.addEventListener("auxclick", (event) => event.button === 1 && clicked());
    const box = make("li", "item");
    /* A product without clicks; how it looks, if at all different, is the page's affair. */
    if (item.cold) box.part.add("cold");
    box.append(link);
    return box;
  }

  /** What it costs; on sale that, and then what it cost before. */
  #price({ price, sale_price: sale, currency }) {
    if (typeof price !== "number") return [];
    if (typeof sale !== "number" || sale >= price) return [this.#amount(price, currency)];
    const now = this.#amount(sale, currency);
    const before = this.#amount(price, currency);
    return [
      labelled("span", "price-now", this.#text("now-label", "Now"), now),
      labelled("s", "price-before", this.#text("before-label", "Before"), before),
    ];
  }

  #amount(price, currency) {
    const locale = this.#text("locale") || document.documentElement.lang || undefined;
    try {
      return new Intl.NumberFormat(locale, currency ? { style: "currency", currency } : {}).format(price);
    } catch {
      return `${price} ${currency ?? ""}`.trim();
    }
  }

  #fail(error) {
    if (!this.#root) return;
    const [section] = this.#parts();
    /* A row that was filled before stays; it is better than none. */
    if (section.hidden || section.classList.contains("waiting")) this.#keepOwnContent();
    this.#tell("error", { message: String(error?.message ?? error) });
  }

  #keepOwnContent() {
    const [section, , list, slot] = this.#parts();
    list.replaceChildren();
    section.hidden = true;
    slot.hidden = false;
    const hasOwn = this.childElementCount > 0 || this.textContent.trim() !== "";
    this.hidden = !hasOwn;
  }

  /** Shown means: half of the row in sight for a second. */
  #watch(body) {
    this.#observer = new IntersectionObserver(([entry]) => {
      clearTimeout(this.#timer);
      if (entry.intersectionRatio < SEEN_SHARE) return;
      this.#timer = setTimeout(() => {
        this.#stopWatching();
        const items = body.items.map((item, index) => ({ item_id: item.id, index }));
        this.#send("view_item_list", this.#showing(body, items));
        this.#tell("view", body);
      }, SEEN_MS);
    }, { threshold: SEEN_SHARE });
    this.#observer.observe(this);
  }

  #stopWatching() {
    clearTimeout(this.#timer);
    this.#observer?.disconnect();
    this.#observer = null;
  }

  #noteClick(item, index, body) {
    this.#send("select_item", this.#showing(body, [{ item_id: item.id, index }]));
    this.#tell("click", { ...body, clicked: item });
  }

  #showing(body, items) {
    return { items, placement: body.placement, recommendation_id: body.recommendation_id };
  }

  #send(name, more) {
    const event = {
      event_id: randomId(),
      event_name: name,
      consent: this.#text("consent", "unknown"),
      locale: this.#text("locale") || document.documentElement.lang || null,
      page_location: location.origin + location.pathname,
      ...more,
    };
    if (this.#granted) {
      event.visitor_id = visitor();
      event.page_view_id = pageViewId;
      event.page_referrer = document.referrer.split(/[?#]/)[0] || null;
    }
    try {
      /* A text needs no permission of the server beforehand and outlives the page. */
      navigator.sendBeacon(`${this.#endpoint}/v1/events`, JSON.stringify(event));
    } catch {
      /* a lost event is no reason to disturb the page */
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`recs:${name}`, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("product-recommendations")) {
  customElements.define("product-recommendations", ProductRecommendations);
  /* Back from the browser's page cache: for the visitor that is a page like any other. */
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    pageViewId = randomId();
    viewed.clear();
    for (const element of document.querySelectorAll("product-recommendations")) element.refresh();
  });
}
