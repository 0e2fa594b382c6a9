"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const [tools, filter, attention, unfold, count] = ["tools", "filter", "attention", "unfold", "count"].map(find);
  const items = [...document.querySelectorAll("[data-item]")].map((element) => ({
    element,
    text: element.textContent.toLowerCase(),
    calm: element.hasAttribute("data-calm"),
    section: element.closest("section"),
  }));

  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Map(items.map((item) => [item.section, 0]));
    let shown = 0;
    // A write of an unchanged value would cost as much as a change.
    const hide = (element, hidden) => {
      if (hidden !== element.hidden) element.hidden = hidden;
    };
    for (const item of items) {
      const hidden = (attention?.checked && item.calm) || !words.every((word) => item.text.includes(word));
      hide(item.element, hidden);
      if (hidden) continue;
      shown += 1;
      found.set(item.section, found.get(item.section) + 1);
    }
    for (const [section, number] of found) hide(section.querySelector(".none"), number > 0);
    const text = shown < items.length ? `${shown} of ${items.length} rows` : "";
    if (count.textContent !== text) count.textContent = text;
  };

  const all = () => document.querySelectorAll("details");
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    unfold.setAttribute("aria-pressed", String(open));
    for (const element of all()) element.open = open;
  });

  // Paper cannot be unfolded.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...all()].filter((element) => !element.open);
    for (const element of closed) element.open = true;
  });
  addEventListener("afterprint", () => {
    for (const element of closed) element.open = false;
  });

  filter.addEventListener("input", apply);
  attention?.addEventListener("change", apply);
  tools.hidden = false;
  // After a reload, some browsers keep the text of the field.
  apply();
})();
