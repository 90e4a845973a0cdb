// What somebody who does not see the page, or sees little, would miss on it. Returns sentences.
const problems = [];
const say = (element, what) => problems.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const name = (element) => (element.getAttribute("aria-label")
  || [...(element.labels ?? [])].map((label) => label.textContent).join(" ")
  || (element.matches("input, select, textarea") ? "" : element.textContent)
  || element.title).trim();

if (document.documentElement.lang === "") problems.push("the page has no language");
if (document.title === "") problems.push("the page has no title");
if (document.querySelectorAll("h1").length !== 1) problems.push("the page has not one first heading");
if (document.querySelectorAll("main").length !== 1) problems.push("the page has not one main part");

const ids = new Set();
for (const element of document.querySelectorAll("[id]")) {
  if (ids.has(element.id)) say(element, "an id is there twice");
  ids.add(element.id);
}
for (const element of document.querySelectorAll("[aria-describedby]")) {
  if (!ids.has(element.getAttribute("aria-describedby"))) say(element, "what describes it is not there");
}
for (const element of document.querySelectorAll("a, button, summary, input:not([type=hidden]), select, textarea")) {
  if (name(element) === "") say(element, "it has no name");
}
for (const element of document.querySelectorAll("svg, progress")) {
  if (element.getAttribute("aria-hidden") !== "true" && name(element) === "") say(element, "it has no name");
}
for (const element of document.querySelectorAll("th")) if (element.textContent.trim() === "") say(element, "an empty heading");
for (const element of document.querySelectorAll("ul, ol")) {
  for (const child of element.children) if (child.tagName !== "LI") say(child, "a list has something else in it");
}

// Contrast, as WCAG 2.2 computes it: 4.5 for text, 3 for large text.
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const colour = (text) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
};
const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(colour(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const opacity = (element) => {
  let of = 1;
  for (let at = element; at; at = at.parentElement) of *= Number(getComputedStyle(at).opacity);
  return of;
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
for (const element of document.body.querySelectorAll("*")) {
  const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "");
  if (!hasText || !isShown(element) || element.matches("option, title, :disabled") || element.closest("svg")) continue;
  const style = getComputedStyle(element);
  if (style.clipPath !== "none") continue;
  const below = ground(element);
  const [red, green, blue, alpha] = colour(style.color);
  const ink = over([red, green, blue, alpha * opacity(element)], below);
  const [high, low] = [luminance(ink), luminance(below)].sort((left, right) => right - left);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < (isLarge ? 3 : 4.5)) say(element, `the contrast is ${contrast.toFixed(2)}`);
}
return problems;
